/**
 * The process that restore-kill.test.ts kills: puts an image back to a generation, and dies at a labelled point.
 *
 *     node restore-child.ts PATH GENERATION LABEL
 */
import { restoreGeneration } from '../../src/persist/store/rewind.ts';
import { open } from './store-tools.ts';

const [path, generation, label] = process.argv.slice(2) as [string, string, string];
const store = open(path, {
  crashPoint: {
    point: { label, visit: 1 },
    phase: (visited) => {
      if (visited === label) process.kill(process.pid, 'SIGKILL');
    },
  },
});
restoreGeneration(store, () => Number(generation), 1_700_000_000_000);
await store.close();
