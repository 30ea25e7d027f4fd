/**
 * A process of bench:kernel: one world, whose kinds it times a round at a time, when it is asked to.
 *
 *     node world-main.ts OBJECTS SAMPLE_MS KIND...
 *
 * Says `ready` by its channel, and then answers each message with a `Round`. Ends with its channel. Forked by ../kernel.ts.
 */
import { setFlagsFromString } from 'node:v8';
import { tuneEngine } from '../../../src/cli/engine.ts';
import { kinds } from './kinds.ts';
import { createRounds } from './measure.ts';
import { createBenchWorld } from './world.ts';

// The hart is measured with the settings that `perdure` gives it.
tuneEngine(process.versions.v8, setFlagsFromString);

const [objects, sampleMs, ...names] = process.argv.slice(2);
const chosen = kinds.filter(({ name }) => names.includes(name));
const round = createRounds(createBenchWorld(Number(objects)), chosen, Number(sampleMs));
process.on('message', () => process.send?.(round()));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
