/**
 * A quick look at the store's speed: so many dirty pages so many times a second, 8 to 200 changed bytes in each.
 *
 *     node test/persist/bench-store.ts [PAGES] [RATE] [SECONDS] [process|power]
 *
 * Prints pause (copying a batch into the ring) and lag (from the demarcation to the acknowledged commit) in microseconds,
 * and bytes. Nothing is asserted.
 */
import { readFileSync } from 'node:fs';
import type { Durability } from '../../src/persist/store/contract.ts';
import { Model, PAGE, randomOf } from './store-model.ts';
import { open, withImage } from './store-tools.ts';

const [pageCount = 64, rate = 1000, seconds = 5] = process.argv.slice(2, 5).map(Number);
const durability = (process.argv[5] ?? 'process') as Durability;
const IMAGE_PAGES = 16_384;
const HOT_PAGES = 200;

function percentiles(values: number[]): string {
  values.sort((a, b) => a - b);
  const at = (part: number): string => (values[Math.floor((values.length - 1) * part)] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)}`;
}

const writtenBytes = (): number =>
  Number(/write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);

await withImage(async (path) => {
  const store = open(path, { durability, limits: {} });
  const memory = Buffer.alloc(IMAGE_PAGES * PAGE);
  const random = randomOf(1);
  const header = new Model(1).header();
  const pauses: number[] = [];
  const lags: number[] = [];
  const since: number[] = [];
  let refused = 0;
  let generation = 0;
  let noticed = 0;
  const notice = (): void => {
    const now = performance.now();
    for (const { committed } = store; noticed < committed; noticed++)
      lags.push((now - (since[noticed] as number)) * 1000);
  };
  const writtenBefore = writtenBytes();
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const numbers = new Set<number>();
    while (numbers.size < pageCount) numbers.add(random(5) > 0 ? random(HOT_PAGES) : random(IMAGE_PAGES));
    for (const number of numbers) {
      for (let left = 8 + random(193); left > 0; left -= 8) {
        const at = number * PAGE + random(PAGE - 8);
        memory.writeUInt32LE(random(0x1_0000_0000), at);
        memory.writeUInt32LE(random(0x1_0000_0000), at + 4);
      }
    }
    while (performance.now() - start < (generation * 1000) / rate) notice();
    const begun = performance.now();
    const batch = store.begin(pageCount * PAGE);
    if (batch === null) {
      refused++;
      store.waitForCommit(Math.min(generation, store.committed + 1));
      notice();
      continue;
    }
    for (const number of numbers)
      batch.page(number, memory.subarray(number * PAGE, (number + 1) * PAGE), 0x1_0000);
    batch.publish({ ...header, generation: generation + 1, parent: generation });
    generation++;
    since.push(begun);
    pauses.push((performance.now() - begun) * 1000);
    notice();
  }
  const elapsed = (performance.now() - start) / 1000;
  store.waitForCommit(generation);
  notice();
  const { recordBytes = 0, logBytesMax = 0, pageFolds = 0, logCheckpoints = 0 } = store.statistics();
  const each = (bytes: number): string => `${(bytes / generation / 1024).toFixed(1)} KiB`;
  console.log(
    `${pageCount} pages, ${rate}/s wanted, ${durability}: ${(generation / elapsed).toFixed(0)}/s, refused ${refused}`,
  );
  console.log(`pause us: ${percentiles(pauses)}; lag us: ${percentiles(lags)}`);
  console.log(`record ${each(recordBytes)}, written ${each(writtenBytes() - writtenBefore)} a checkpoint`);
  console.log(
    `log at most ${(logBytesMax / 1048576).toFixed(1)} MiB, ${logCheckpoints} copies, ${pageFolds} page folds`,
  );
  await store.close();
});
