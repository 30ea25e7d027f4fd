/**
 * A program under the real kernel and the real persistence server, restarted after each of its entries: everything is
 * saved, the machine is thrown away, and another one goes on from what was saved, without a process or a file.
 *
 * What `runProgram` does while PERDURE_REBUILD is `entry` (test/kernel/every-entry.ts has the same for the tests of the
 * kernel): so that the tests of the programs, unchanged, show that no entry leaves anything behind (law 1). A checkpoint
 * is committed at once; what is in memory only is the output and input of the test.
 */
import { readFileSync } from 'node:fs';
import { present } from '../../src/base/assert.ts';
import { type Assembly, assemble, type BorderState, emptyBorder } from '../../src/cli/machine/assemble.ts';
import { initialRecord } from '../../src/cli/machine/record.ts';
import { parseElf } from '../../src/hw/elf.ts';
import { demarcate } from '../persist/demarcate.ts';
import { MemoryStore } from '../persist/memory-store.ts';
import type { TierOfTests } from '../tools/tier.ts';
import type { Conditions, Ended } from './parent.ts';

const RAM_BYTES = 16 * 1024 * 1024;
const counts = { restarts: 0 };

/** Runs the program until it ends, each entry in a machine of its own. */
export function runRestarted(file: string, conditions: Conditions, tier: TierOfTests): Ended {
  if (conditions.serve !== undefined || conditions.answerRequest !== undefined)
    throw new Error('restarted: what a user task of the test does is in no image');
  const image = parseElf(readFileSync(file), file);
  let store = new MemoryStore();
  let isEntered = false;
  const start = (): Assembly => {
    const { head } = store;
    const parts = assemble(store, {
      ramBytes: RAM_BYTES,
      machine: tier.options,
      record: head?.kernelRecord ?? initialRecord(new Uint8Array(32), 0),
      hashWords: new Uint32Array(4),
      border: head === null ? emptyBorder : (JSON.parse(head.border) as BorderState),
      program: head === null ? { image, arguments: [...conditions.args] } : null,
      sink: () => undefined,
      phase: () => undefined,
    });
    parts.kernel.afterEntry = () => {
      isEntered = true;
      parts.kernel.state.slicesGivenUp = true;
    };
    return parts;
  };
  let parts = start();
  if (conditions.input !== undefined) parts.input.enter(new TextEncoder().encode(conditions.input));
  if (conditions.input !== undefined) parts.input.enterEnd();
  const output: Uint8Array[] = [];
  const save = (): void => {
    const bytes = demarcate(parts);
    if (bytes !== null) output.push(bytes);
  };
  const end = BigInt(conditions.tickLimit ?? 2_000_000_000);
  while (parts.server.ended === null) {
    tier.turn(parts.machine);
    const reason = parts.kernel.run(conditions.sliceTicks ?? 1_000_000);
    if (parts.kernel.tick() > end) throw new Error('restarted: the program hangs');
    if (parts.server.ended !== null) break;
    if (isEntered || parts.server.needsRoom) {
      isEntered = false;
      save();
      store = store.reopen();
      parts = start();
      counts.restarts += 1;
    } else if (reason === 'idle') {
      const deadline = present(parts.kernel.nextDeadline(), 'restarted: somebody sleeps when nobody runs');
      parts.kernel.stepClock(deadline);
    }
  }
  save();
  parts.kernel.check();
  const { ended } = parts.server;
  if (ended === null || ended.kind !== 'exit')
    throw new Error(`restarted: the program has a ${JSON.stringify(ended)}`);
  const stdout = output.map((bytes) => new TextDecoder('latin1').decode(bytes)).join('');
  return { status: ended.status, stdout, tick: parts.kernel.tick(), kernel: parts.kernel };
}

if (process.env.PERDURE_REBUILD === 'entry') {
  process.on('exit', () => console.log(`${counts.restarts} machines were restarted`));
}
