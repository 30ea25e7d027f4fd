/** What copies pages of RAM into another memory: the whole page, nothing beside it, and nothing outside. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { createMachine } from '../../src/hw/create.ts';
import { generator, RAM_BYTES } from './bench.ts';

test('a frame is copied whole to any place, and nothing beside it is written', () => {
  const random = generator(7);
  const machine = createMachine(RAM_BYTES);
  const target = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
  const bytes = new Uint8Array(target.buffer);
  const copy = machine.copier(target);
  const expected = new Uint8Array(bytes.length);
  for (let round = 0; round < 200; round++) {
    const frame = random(machine.frameCount);
    const content = machine.frame(frame);
    for (let i = 0; i < PAGE_SIZE; i++) content[i] = random(256);
    const to = random(bytes.length - PAGE_SIZE + 1);
    copy(frame, to);
    expected.set(content, to);
    assert.ok(Buffer.compare(bytes, expected) === 0, `frame ${frame} is at ${to} and nowhere else`);
  }
});

test('a place that the memory does not have, or a frame that is none, is refused and nothing is written', () => {
  const machine = createMachine(RAM_BYTES);
  const target = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const copy = machine.copier(target);
  machine.frame(0).fill(9);
  assert.throws(() => copy(0, target.buffer.byteLength - PAGE_SIZE + 1));
  assert.throws(() => copy(machine.frameCount, 0));
  assert.ok(new Uint8Array(target.buffer).every((byte) => byte === 0));
});

test.run();
