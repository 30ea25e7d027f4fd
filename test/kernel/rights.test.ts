/**
 * The checker of rights finds rights that were made out of nothing: an image is changed as no call could change it, and
 * each change must show. Otherwise the hostile campaign could not fail.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { states } from '../../src/kernel/abi/types.ts';
import { Assembler } from './assembler.ts';
import { closureOf, follow, gained } from './rights.ts';
import { type Image, own, PROGRAM, type Saved, SLAB_SIZE, World } from './world.ts';

const SPACE = SLAB_SIZE + own.space;
const PAGES = SLAB_SIZE / 4096;
const CUSTODY = 3 * SLAB_SIZE;

/** A confined program, whose mapping lies where it cannot name it, with a region of its own; and a neighbour. */
function confined(): World {
  const world = new World();
  world.addProgram(1, new Assembler().end(PROGRAM + own.gate));
  world.addProgram(2, new Assembler().end(PROGRAM + own.gate));
  world.must('mapping_destroy', SLAB_SIZE + own.mapping);
  world.make(CUSTODY, { 0: 'mapping', 32: 'region', 64: 'reference' });
  const window = { regionOffset: SLAB_SIZE, startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 };
  world.setState('mapping', CUSTODY, window, [world.reference('region'), SLAB_SIZE + own.spaceReference]);
  world.make(SLAB_SIZE, { 256: 'region', 288: 'reference', 320: 'mapping', 352: 'port' });
  const region = { startAddress: PROGRAM, size: 0x1_0000, protection: 3 };
  world.setState('region', SLAB_SIZE + 0x100, region, [SLAB_SIZE + own.spaceReference]);
  world.must('region_reference', SLAB_SIZE + 0x100, SLAB_SIZE + 0x120);
  return world;
}

/** The image with one object changed. */
function changed(image: Image, address: number, change: (object: Saved) => Saved): Image {
  const objects = image.objects.map((object) => (object.address === address ? change(object) : object));
  return { ...image, objects };
}

function withWord(object: Saved, offset: number, value: number): Saved {
  const state = object.state.slice();
  new DataView(state.buffer).setBigUint64(offset, BigInt(value), true);
  return { ...object, state };
}

function gain(image: Image, forged: Image): string[] {
  return gained(closureOf(image, [SPACE]), image, closureOf(forged, [SPACE]), forged);
}

test('a confined program reaches its slab and what it was given', () => {
  const image = confined().save();
  const closure = closureOf(image, [SPACE]);
  assert.equal(
    [...closure.pages.keys()].sort((a, b) => a - b),
    Array.from({ length: PAGES }, (_, i) => PAGES + i),
  );
  assert.ok([...closure.pages.values()].every((rights) => rights === 7));
  assert.ok(
    closure.references.has('output') && !closure.references.has('pager') && !closure.references.has('region'),
  );
  assert.equal(gain(image, image), []);
});

test('a wider window, one with more rights, and one onto a neighbour are gains', () => {
  const image = confined().save();
  const at = states.mapping.offset;
  const wide = changed(image, CUSTODY, (object) => withWord(object, at.size, SLAB_SIZE + 4096));
  assert.equal(gain(image, wide), [`rights 7 to page ${2 * PAGES}`, ...gain(image, wide).slice(1)]);
  const weak = changed(image, CUSTODY, (object) => withWord(object, at.protection, 5));
  assert.ok(gain(weak, image).includes(`rights 2 to page ${PAGES}`));
  const moved = changed(image, CUSTODY, (object) => withWord(object, at.regionOffset, 2 * SLAB_SIZE));
  // The neighbour can name its own mapping, whose region is the whole segment: so could who sees its slab.
  assert.ok(gain(image, moved).filter((line) => line.startsWith('rights 7')).length > 60 * PAGES);
});

test('a link to something outside the closure is a gain, and so is what it leads to', () => {
  const image = confined().save();
  const link = (target: number | string): Image =>
    changed(image, SLAB_SIZE + 0x120, (object) => ({ ...object, links: [target] }));
  assert.equal(gain(image, link('pager')), ['a reference to pager']);
  assert.ok(gain(image, link('region')).length > PAGES);
  assert.ok(gain(image, link(2 * SLAB_SIZE + own.space)).includes(`rights 7 to page ${2 * PAGES}`));
  assert.ok(gain(image, link(2 * SLAB_SIZE)).includes('a reference to thread at 200000'));
});

test('an object that appears where the program cannot write is a gain, one in its own memory is none', () => {
  const image = confined().save();
  const made = (address: number): Image => {
    const port = image.objects.find((object) => object.address === SLAB_SIZE + 0x160);
    assert.ok(port !== undefined);
    const fresh = { ...(port as Saved), address, serial: 100_000 };
    const held = changed(image, SLAB_SIZE + 0x120, (object) => ({ ...object, links: [address] }));
    return { ...held, objects: [...held.objects, fresh] };
  };
  assert.equal(gain(image, made(SLAB_SIZE + 0x200)), []);
  assert.equal(gain(image, made(2 * SLAB_SIZE + 0x200)), ['a reference to port at 200200']);
});

test('following one address agrees with the rights of the pages', () => {
  const world = confined();
  world.setState('mapping', SLAB_SIZE + 0x140, { startAddress: 0x4000_0000, size: 0x2000, protection: 1 }, [
    SLAB_SIZE + 0x120,
    SLAB_SIZE + own.spaceReference,
  ]);
  const image = world.save();
  assert.equal(follow(image, SPACE, 0x4000_1004), { at: SLAB_SIZE + 0x1004, rights: 1 });
  assert.equal(follow(image, SPACE, PROGRAM + 8), { at: SLAB_SIZE + 8, rights: 7 });
  assert.is(follow(image, SPACE, 0x4000_2000), null);
});

test.run();
