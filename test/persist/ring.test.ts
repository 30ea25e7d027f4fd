/**
 * The ring by itself, both ends in one thread: what goes in comes out, and its room is what the reader does not hold.
 * Random batches, taken and given back at random moments.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { makeShared } from '../../src/persist/store/channel.ts';
import { ITEM_BYTES_MAX, RING_BYTES_MIN } from '../../src/persist/store/limits.ts';
import {
  ITEM_HEADER_BYTES,
  itemKinds,
  PAGE_ITEM_BYTES,
  RingReader,
  RingWriter,
} from '../../src/persist/store/ring.ts';

/** A batch of items of these sizes, or the reader takes, or gives back, so many. */
type Step = { readonly sizes: readonly number[] } | { readonly take: number } | 'release';

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    sizes: fc.array(fc.integer({ min: 0, max: ITEM_BYTES_MAX / 4 }), { minLength: 1, maxLength: 8 }),
  }),
  fc.record({ take: fc.integer({ min: 1, max: 12 }) }),
  fc.constant<Step>('release'),
);

function bytesOf(size: number): number {
  return Math.ceil((ITEM_HEADER_BYTES + size) / 8) * 8;
}

function follow(list: readonly Step[]): void {
  const shared = makeShared(new SharedArrayBuffer(RING_BYTES_MIN));
  const writer = new RingWriter(shared, () => undefined);
  const reader = new RingReader(shared);
  const waiting: { size: number; tag: number }[] = [];
  let tag = 0;
  // Bytes that the reader has not given back; those it has taken among them.
  let held = 0;
  let taken = 0;
  for (const step of list) {
    if (step === 'release') {
      reader.release();
      held -= taken;
      taken = 0;
    } else if ('take' in step) {
      for (let i = 0; i < step.take && reader.hasItems(); i++) {
        const item = reader.next();
        const expected = waiting.shift();
        assert.equal([item.kind, item.size, item.first], [itemKinds.page, expected?.size, expected?.tag]);
        const payload = reader.bytes.subarray(item.at, item.at + item.size);
        assert.ok(
          payload.every((byte) => byte === item.first % 251),
          'the payload is what was put',
        );
        taken += bytesOf(item.size);
      }
    } else {
      // What is put ahead of a batch disturbs nothing that the reader has still to see.
      const pages = Math.floor(writer.room() / PAGE_ITEM_BYTES);
      for (const index of [0, pages - 1]) {
        const ahead = writer.placeAhead(index);
        if (ahead >= 0) writer.put(ahead, new Uint8Array(PAGE_SIZE).fill(255));
      }
      writer.rewind();
      const need = step.sizes.reduce((sum, size) => sum + bytesOf(size), 0);
      const room = writer.room();
      // At its end the ring may be too short for an item, which is given back with what follows it.
      assert.ok(
        room >= RING_BYTES_MIN - held - ITEM_BYTES_MAX,
        `${held} bytes are held, and there is room for ${room}`,
      );
      if (held === 0) assert.is(room, RING_BYTES_MIN);
      if (room < need + ITEM_BYTES_MAX) continue;
      for (const size of step.sizes) {
        tag += 1;
        const at = writer.item(itemKinds.page, size, tag, 0);
        writer.put(at, new Uint8Array(size).fill(tag % 251));
        waiting.push({ size, tag });
      }
      held += need;
      writer.publish();
      assert.not(writer.segmented);
    }
  }
  while (reader.hasItems()) assert.is(reader.next().first, waiting.shift()?.tag);
  assert.is(waiting.length, 0);
}

test('what goes into the ring comes out, and there is room for all that the reader does not hold', () => {
  fc.assert(fc.property(fc.array(steps, { minLength: 1, maxLength: 60 }), follow), { numRuns: 150 });
});

test('there is no place ahead of a batch where the reader has still something to see', () => {
  const shared = makeShared(new SharedArrayBuffer(RING_BYTES_MIN));
  const writer = new RingWriter(shared, () => undefined);
  const reader = new RingReader(shared);
  const put = (): void => {
    writer.item(itemKinds.page, PAGE_SIZE, 1, 0);
    writer.publish();
  };
  const count = Math.floor(RING_BYTES_MIN / PAGE_ITEM_BYTES);
  for (let i = 0; i < count; i++) put();
  assert.is(writer.placeAhead(0), -1);
  for (let i = 0; i < count / 2 && reader.hasItems(); i++) reader.next();
  reader.release();
  // Past the end of the ring, and behind what the reader holds.
  put();
  const room = Math.floor(writer.room() / PAGE_ITEM_BYTES);
  assert.ok(room > 1 && writer.placeAhead(room - 1) >= 0);
  assert.is(writer.placeAhead(room), -1);
});

test.run();
