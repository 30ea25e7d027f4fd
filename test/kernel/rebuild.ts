/**
 * Ways to run a world to its end: undisturbed, cut into slices, with pages evicted, or taken apart after every entry and
 * rebuilt in a fresh kernel on a fresh machine. What is left at the end must be the same, word for word. Tests only.
 */
import * as assert from 'uvu/assert';
import { typeNames } from '../../src/kernel/abi/types.ts';
import type { Image, World } from './world.ts';

/** Runs until nobody can run and nobody sleeps. `cut` gives the limit of each slice and may disturb between slices. */
export function runInSlices(world: World, cut: () => number, slicesMax = 3_000_000): void {
  for (let i = 0; i < slicesMax; i += 1) {
    const limit = cut();
    if (world.run(limit) !== 'idle') continue;
    const deadline = world.kernel.nextDeadline();
    if (deadline === null) return;
    world.kernel.stepClock(deadline);
  }
  throw new Error('rebuild: the world does not come to an end');
}

/** Runs to the end; after every entry of a guest everything is saved, and restored in a fresh kernel. */
export function runRebuilding(world: World, isChecking = false): number {
  let rebuilt = 0;
  world.isRebuiltByTest = true;
  runInSlices(world, () => {
    if (isEntered) {
      isEntered = false;
      world.rebuild();
      if (isChecking) world.kernel.check();
      rebuilt += 1;
    }
    world.kernel.afterEntry = () => {
      isEntered = true;
      world.task.giveUpSlice();
    };
    return 1_000_000;
  });
  return rebuilt;
}
let isEntered = false;

/** Words of a record as text, less the zeros at its end. */
function describeWords(state: Uint8Array): string {
  let end = state.length;
  while (end > 0 && state[end - 1] === 0) end -= 1;
  const words: string[] = [];
  for (let at = 0; at < end; at += 8) words.push(Buffer.from(state.subarray(at, at + 8)).toString('hex'));
  return words.join(' ');
}

/** A sum of a page, 0 for one that is all zeros. */
function pageSum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  let any = 0;
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const word = view.getUint32(at, true);
    any |= word;
    sum = (Math.imul(sum, 31) + word) >>> 0;
  }
  return any === 0 ? 0 : sum + 1;
}

/** An image as text: one line an object, page or counter, so that a difference can be read. */
export function describeImage(image: Image): string[] {
  const lines = image.objects.map(
    (object) =>
      `${object.address.toString(16)} ${typeNames[object.type - 1]} ${JSON.stringify(object.links)} ${JSON.stringify(object.changed)} ${describeWords(object.state)}`,
  );
  for (const number of [...image.pages.keys()].sort((a, b) => a - b)) {
    const sum = pageSum(image.pages.get(number) ?? new Uint8Array(0));
    if (sum !== 0) lines.push(`page ${number} ${sum}`);
  }
  lines.push(`record ${Buffer.from(image.record).toString('hex')}`);
  return lines;
}

/** What a run leaves behind: its image and its output. */
export function resultOf(world: World): string[] {
  return [...describeImage(world.save()), ...world.output.map((text) => `output ${JSON.stringify(text)}`)];
}

/** Fails with the lines that differ. */
export function assertSame(actual: readonly string[], expected: readonly string[], what: string): void {
  const wanted = new Set(expected);
  const got = new Set(actual);
  const missing = expected.filter((line) => !got.has(line));
  const extra = actual.filter((line) => !wanted.has(line));
  assert.equal([...missing.map((l) => `- ${l}`), ...extra.map((l) => `+ ${l}`)], [], what);
  assert.equal(actual, expected, what);
}
