/**
 * Chains of mappings and regions against a naive model: the same answer for every address and every access, whatever
 * shape memory has and however it changes; and the page tables never allow more.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHAIN_MAX } from '../../src/base/limits.ts';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { resolve } from '../../src/kernel/memory/chain.ts';
import type { KernelState, Space } from '../../src/kernel/state.ts';
import { Assembler, s0, s1, s2, zero } from './assembler.ts';
import { CODE, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const BASE = SLAB_SIZE;
const GATE = PROGRAM + own.gate;
const PAGE = 4096;
const SEED = 20_261_124;

const SPACES = 4;
/** Windows and regions lie in the pages from here; the model knows pages only. */
const AREA = 0x2000_0000;
const PAGES = 8;

interface ModelRegion {
  space: number;
  start: number;
  size: number;
  bits: number;
}
interface ModelMapping extends ModelRegion {
  region: number;
  offset: number;
}

/** What the model says of an access: the page of the segment where it ends, or the region whose keeper is asked. */
type Verdict = { readonly page: number } | { readonly region: number | null; readonly offset: number };

/** The model: looks at every mapping for each step, and notes nothing. Region 0 is the segment, of space -1. */
function follow(
  mappings: ModelMapping[],
  regions: ModelRegion[],
  from: number,
  at: number,
  access: number,
): Verdict {
  let space = from;
  let page = at;
  let rights = 7;
  let asked: { region: number | null; offset: number } = { region: null, offset: 0 };
  for (let depth = 0; depth < CHAIN_MAX; depth += 1) {
    if (space === -1) return { page };
    const mapping = mappings.find((m) => m.space === space && page >= m.start && page < m.start + m.size);
    if (mapping === undefined) return asked;
    rights &= mapping.bits;
    if ((access & ~rights) !== 0) return asked;
    const region = regions[mapping.region] as ModelRegion;
    const offset = mapping.offset + page - mapping.start;
    asked = { region: mapping.region, offset };
    rights &= region.bits;
    if (region.space === -2 || offset >= region.size || (access & ~rights) !== 0) return asked;
    space = region.space;
    page = region.start + offset;
  }
  return asked;
}

const bits = fc.constantFrom(0, 1, 3, 4, 5, 7, 7, 7);
const change = fc.record({
  kind: fc.constantFrom('mapping', 'mapping', 'region', 'protectMapping', 'protectRegion', 'touch', 'touch'),
  which: fc.nat(7),
  space: fc.nat(SPACES - 1),
  start: fc.nat(PAGES - 1),
  size: fc.integer({ min: 0, max: PAGES }),
  offset: fc.nat(PAGES - 1),
  region: fc.nat(4),
  bits,
});

const spaceAt = (i: number): number => BASE + 0x400 + 0x20 * i;
const spaceReferenceAt = (i: number): number => BASE + 0x500 + 0x20 * i;
const regionAt = (i: number): number => BASE + 0x600 + 0x20 * i;
const regionReferenceAt = (i: number): number => BASE + 0x700 + 0x20 * i;
const mappingAt = (i: number): number => BASE + 0x800 + 0x20 * i;

function spaceOf(k: KernelState, address: number): Space {
  for (const object of k.bySerial.values())
    if (object.type === 7 && object.address === address) return object;
  throw new Error('chains: no such space');
}

test('every access goes where a naive model says, in any graph of spaces, regions and mappings, circles included', () => {
  const reached = { ends: 0, asked: 0, nowhere: 0 };
  const property = fc.property(fc.array(change, { minLength: 30, maxLength: 70 }), (changes) => {
    const world = new World();
    world.optOut('chains: graphs');
    // One thread that touches what its registers say, in whichever space; code and data are in a window of each.
    const code = new Assembler().ld(s2, s0).li(s1, 1).sd(zero, s0).li(s1, 2).label('stay').j('stay');
    world.addProgram(1, code);
    const k = world.kernel.state;
    const slab = (BASE + 0x8_0000) / PAGE;
    const regions: ModelRegion[] = [{ space: -1, start: slab, size: PAGES, bits: 7 }];
    const mappings: ModelMapping[] = [];
    world.must('region_create', regionAt(0));
    world.must('reference_create', regionReferenceAt(0));
    world.must('region_reference', regionAt(0), regionReferenceAt(0));
    const low = { startAddress: slab * PAGE, size: PAGES * PAGE, protection: 7 };
    world.setState('region', regionAt(0), low, [world.reference('space')]);
    for (let i = 0; i < PAGES; i += 1) world.write((slab + i) * PAGE, new Uint8Array([i]));
    for (let i = 0; i < SPACES; i += 1) {
      world.must('space_create', spaceAt(i));
      world.must('reference_create', spaceReferenceAt(i));
      world.must('space_reference', spaceAt(i), spaceReferenceAt(i));
      world.must('mapping_create', BASE + 0xa00 + 0x20 * i);
      const program = { regionOffset: BASE, startAddress: PROGRAM, size: 0x2000, protection: 7 };
      world.setState('mapping', BASE + 0xa00 + 0x20 * i, program, [
        world.reference('region'),
        spaceReferenceAt(i),
      ]);
    }
    for (let i = 1; i <= 4; i += 1) {
      world.must('region_create', regionAt(i));
      world.must('reference_create', regionReferenceAt(i));
      world.must('region_reference', regionAt(i), regionReferenceAt(i));
      regions.push({ space: -2, start: 0, size: 0, bits: 0 });
    }
    for (let i = 0; i < 8; i += 1) {
      world.must('mapping_create', mappingAt(i));
      mappings.push({ space: -3, start: 0, size: 0, bits: 0, region: 0, offset: 0 });
    }
    const spaces = Array.from({ length: SPACES }, (_, i) => spaceOf(k, spaceAt(i)));
    for (const c of changes) {
      const mapping = mappings[c.which] as ModelMapping;
      const index = 1 + (c.which % 4);
      const region = regions[index] as ModelRegion;
      if (c.kind === 'mapping') {
        const next = {
          space: c.space,
          start: c.start,
          size: c.size,
          bits: c.bits,
          region: c.region,
          offset: c.offset,
        };
        const words = {
          startAddress: AREA + c.start * PAGE,
          size: c.size * PAGE,
          regionOffset: c.offset * PAGE,
          protection: c.bits,
        };
        world.fillState('mapping', words);
        const refs = [regionReferenceAt(c.region), spaceReferenceAt(c.space)];
        const outcome = world.call('mapping_set_state', mappingAt(c.which), world.buffer, ...refs);
        const overlaps = mappings.some(
          (m) =>
            m !== mapping &&
            m.space === c.space &&
            m.size > 0 &&
            c.size > 0 &&
            m.start < c.start + c.size &&
            c.start < m.start + m.size,
        );
        assert.is(outcome === outcomes.success, !overlaps);
        if (!overlaps) mappings[c.which] = next;
      } else if (c.kind === 'region') {
        const words = { startAddress: AREA + c.start * PAGE, size: c.size * PAGE, protection: c.bits };
        world.setState('region', regionAt(index), words, [spaceReferenceAt(c.space)]);
        regions[index] = { space: c.space, start: c.start, size: c.size, bits: c.bits };
      } else if (c.kind === 'protectMapping') {
        world.must('mapping_protect', mappingAt(c.which), c.bits);
        mapping.bits = c.bits;
      } else if (c.kind === 'protectRegion') {
        world.must('region_protect', regionAt(index), c.bits);
        region.bits = c.bits;
      } else {
        world.must('thread_get_state', BASE, 0);
        const options = { pc: CODE, priority: 16, threadAddress: PROGRAM, x8: AREA + c.start * PAGE };
        world.setState('thread', BASE, options, [spaceReferenceAt(c.space)]);
        world.run(200);
        const steps = [1, 3].filter((a) => 'page' in follow(mappings, regions, c.space, c.start, a)).length;
        assert.is(Number(world.thread(BASE).x[s1]), steps === 0 ? 0 : steps, `${steps} accesses are allowed`);
      }
      world.kernel.check();
      for (let space = 0; space < SPACES; space += 1) {
        for (let page = 0; page < PAGES; page += 1) {
          for (const access of [0, 1, 3, 4, 7]) {
            const verdict = follow(mappings, regions, space, page, access);
            const isReached = resolve(k.chain, spaces[space] as Space, AREA + page * PAGE + 8, access);
            assert.is(isReached, 'page' in verdict);
            if ('page' in verdict) {
              assert.is(k.chain.address, verdict.page * PAGE + 8);
              reached.ends += 1;
              continue;
            }
            const expected = verdict.region === null ? undefined : regionAt(verdict.region);
            assert.is(k.chain.region?.address, expected);
            if (expected === undefined) reached.nowhere += 1;
            else {
              assert.is(k.chain.offset, verdict.offset * PAGE + 8);
              reached.asked += 1;
            }
          }
        }
      }
    }
  });
  fc.assert(property, { numRuns: 40, seed: SEED });
  for (const [name, count] of Object.entries(reached)) assert.ok(count > 2000, `${name}: ${count}`);
});

test('a chain of a thousand windows is followed to its end, and a circle of them to none', () => {
  const world = new World();
  const depth = CHAIN_MAX - 10;
  world.addProgram(1, new Assembler().ld(s2, s0).sd(s0, s0, 8).li(s1, 1).end(GATE), { x8: AREA });
  const at = (i: number, slot: number): number => BASE + 0x4_0000 + i * 0xa0 + slot * 0x20;
  for (let i = 0; i < depth; i += 1) {
    world.make(at(i, 0), { 0: 'space', 32: 'mapping', 64: 'region', 96: 'reference', 128: 'reference' });
    world.must('space_reference', at(i, 0), at(i, 3));
    world.must('region_reference', at(i, 2), at(i, 4));
    const words = {
      startAddress: AREA,
      size: PAGE,
      protection: 7,
      regionOffset: i === 0 ? BASE + 0x3_0000 : 0,
    };
    const below = i === 0 ? world.reference('region') : at(i - 1, 4);
    world.setState('mapping', at(i, 1), words, [below, at(i, 3)]);
    world.setState('region', at(i, 2), { startAddress: AREA, size: PAGE, protection: 7 }, [at(i, 3)]);
  }
  world.make(BASE, { 768: 'mapping' });
  const top = { startAddress: AREA, size: PAGE, protection: 7 };
  world.setState('mapping', BASE + 0x300, top, [at(depth - 1, 4), BASE + own.spaceReference]);
  world.write(BASE + 0x3_0000, new Uint8Array([1, 2, 3]));
  world.finish();
  assert.is(Number(world.thread(BASE).x[s2]), 0x030201);
  assert.is(world.word(BASE + 0x3_0008), AREA, 'it wrote through all of them');
  // The lowest window turns round: a circle. Everything that was seen through it is gone at once.
  world.setState('mapping', at(0, 1), top, [at(depth - 1, 4), at(0, 3)]);
  world.must('thread_get_state', BASE, 0);
  world.startThread(BASE, BASE + own.spaceReference, { pc: CODE, x8: AREA });
  world.finish();
  assert.is(Number(world.thread(BASE).x[s1]), 0);
  world.kernel.check();
});

test.run();
