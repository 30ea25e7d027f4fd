/**
 * Runs the same thing in different ways and compares: in either tier, cut anywhere, with tiers switched and caches
 * dropped in between.
 *
 * The reference is the interpreter, one instruction at a time, whose registers are kept for every position. Every other
 * way is compared with it wherever it stops, and at its end in its notes (traps, output, modification log) and all of
 * RAM. Called by the tests of the tiers.
 */
import { disassemble } from '../../../src/hw/instructions/disassemble.ts';
import { at, hartRecord } from '../../../src/hw/layout.ts';
import type { Machine, Tier, TierStatistics } from '../../../src/hw/machine.ts';
import { generator } from '../bench.ts';
import type { Random } from './groups.ts';

/** Something that runs on a machine. Its position is the number of instructions done. */
export interface Subject {
  readonly machine: Machine;
  /** The address space that is current, to leave and to come back to. */
  space(): { readonly root: number; readonly asid: number };
  /** Does exactly so many instructions, traps handled on the way; true when it came to its end before. */
  run(count: number): boolean;
  /** The next position above this one at which something happens to it. */
  nextEvent(position: number): number;
  /** Lets that happen. */
  event(position: number): void;
  /** What can be seen of it from outside, in order. */
  readonly notes: string[];
}

export interface Mode {
  readonly name: string;
  /** Null: another one at random before each run. */
  readonly tier: Tier | null;
  readonly budget: (random: Random) => number;
  /** Fences, and what else must not be noticed, between two runs. */
  readonly isDisturbed: boolean;
}

const FOREVER = 1_000_000_000;
const whole = (): number => FOREVER;
const upTo =
  (max: number) =>
  (random: Random): number =>
    1 + random(max);

const plain = (tier: Tier, name: string, budget: (random: Random) => number): Mode => ({
  name: `${tier}, ${name}`,
  tier,
  budget,
  isDisturbed: false,
});

export const modes: readonly Mode[] = [
  plain('interpreter', 'in one run', whole),
  plain('translator', 'in one run', whole),
  plain('auto', 'in one run', whole),
  ...[1, 2, 3, 4, 5, 7, 11].map((n) => plain('translator', `${n} at a time`, () => n)),
  plain('translator', 'up to 60 at a time', upTo(60)),
  plain('translator', 'up to 1000 at a time', upTo(1000)),
  plain('auto', 'up to 300 at a time', upTo(300)),
  { name: 'tiers switched, up to 40 at a time', tier: null, budget: upTo(40), isDisturbed: false },
  { name: 'tiers switched, up to 2000 at a time', tier: null, budget: upTo(2000), isDisturbed: false },
  { name: 'translator, disturbed', tier: 'translator', budget: upTo(500), isDisturbed: true },
  { name: 'auto, disturbed', tier: 'auto', budget: upTo(3000), isDisturbed: true },
  { name: 'tiers switched, disturbed', tier: null, budget: upTo(100), isDisturbed: true },
];

/** Bytes of the hart record from x0 to fcsr that a program can see; trapValue lies between, but is no state. */
const VISIBLE = hartRecord.offset.trapValue - hartRecord.offset.x;
const STATE_SIZE = VISIBLE + 4;

function copyState({ bytes, view }: Machine, into: DataView, position: number): void {
  const target = new Uint8Array(into.buffer, position * STATE_SIZE, STATE_SIZE);
  target.set(bytes.subarray(at.x, at.x + VISIBLE));
  into.setUint32(position * STATE_SIZE + VISIBLE, view.getUint32(at.fcsr, true), true);
}

export interface Reference {
  readonly subject: Subject;
  readonly states: DataView;
  /** Positions that have a state: 0 to `last`. The subject came to its end there, or was left there. */
  readonly last: number;
  readonly isEnded: boolean;
}

/** Runs the reference up to its end, or as far as `last`. */
export function makeReference(create: (tier: Tier) => Subject, last: number): Reference {
  const subject = create('interpreter');
  const states = new DataView(new ArrayBuffer((last + 1) * STATE_SIZE));
  copyState(subject.machine, states, 0);
  let event = subject.nextEvent(0);
  for (let position = 1; position <= last; position++) {
    if (subject.run(1)) return { subject, states, last: position - 1, isEnded: true };
    if (position === event) {
      subject.event(position);
      event = subject.nextEvent(position);
    }
    copyState(subject.machine, states, position);
  }
  return { subject, states, last, isEnded: false };
}

/** The name of the eight bytes there in a state, and of fcsr after them. */
function placeName(offset: number): string {
  const word = offset / 8;
  if (word < 32) return `x${word}`;
  return word < 64 ? `f${word - 32}` : (['pc', 'reservation', 'tick', 'retired', 'fcsr'][word - 64] ?? '');
}

/** What differs between a machine and the reference at a position, in words; null when nothing does. */
function compareState({ subject, states }: Reference, machine: Machine, position: number): string | null {
  const here = new DataView(new ArrayBuffer(STATE_SIZE));
  copyState(machine, here, 0);
  const [a, b] = [Buffer.from(here.buffer), Buffer.from(states.buffer, position * STATE_SIZE, STATE_SIZE)];
  if (a.equals(b)) return null;
  const lines: string[] = [];
  for (let offset = 0; offset < STATE_SIZE; offset += 8) {
    const end = Math.min(offset + 8, STATE_SIZE);
    const [mine, theirs] = [a.subarray(offset, end), b.subarray(offset, end)];
    if (mine.equals(theirs)) continue;
    const hex = (bytes: Buffer): string => Buffer.from(bytes).reverse().toString('hex');
    lines.push(`  ${placeName(offset)}: ${hex(mine)}, in the reference ${hex(theirs)}`);
  }
  const before = Math.max(0, position - 1) * STATE_SIZE + hartRecord.offset.pc;
  const pc = states.getBigUint64(before, true);
  return [`the instruction before was at 0x${pc.toString(16)}`, ...lines, wordsAt(subject, pc)].join('\n');
}

/** The leaf of an address in tables that have no large leaves, or null. */
export function leafOf(machine: Machine, root: number, address: bigint): bigint | null {
  let entry = BigInt(root) << 10n;
  for (let level = 2; level >= 0; level--) {
    const table = Number((entry >> 10n) & 0xfff_ffffn);
    if (table >= machine.frameCount) return null;
    const index = Number((address >> BigInt(12 + 9 * level)) & 511n);
    entry = machine.view.getBigUint64(machine.ramOffset + table * 4096 + index * 8, true);
    if ((entry & 1n) === 0n) return null;
  }
  return entry;
}

/** The instruction at an address as RAM has it now, for a message. */
function wordsAt({ machine, space }: Subject, pc: bigint): string {
  const leaf = leafOf(machine, space().root, pc);
  const frame = leaf === null ? machine.frameCount : Number((leaf >> 10n) & 0xfff_ffffn);
  if (frame >= machine.frameCount) return '  (not mapped any more)';
  const bits = machine.view.getUint32(machine.ramOffset + frame * 4096 + Number(pc & 4095n), true);
  return `  ${disassemble((bits & 3) === 3 ? bits : bits & 0xffff)}`;
}

/** Something that the program must not notice. */
function disturb(subject: Subject, random: Random): void {
  const { hart } = subject.machine;
  const { root, asid } = subject.space();
  const pc = Number(hart.pcWord[0]);
  switch (random(9)) {
    case 0:
      hart.fenceAll();
      break;
    case 1:
      hart.fenceSpace(asid);
      break;
    case 2:
      if (Number.isSafeInteger(pc)) hart.fencePage(asid, pc - (pc % 4096));
      break;
    case 3:
      hart.fencePage(asid, 4096 * random(2 ** 16));
      break;
    case 4:
      hart.frameChanged(random(64));
      break;
    case 5:
      hart.setAddressSpace(-1, 0);
      hart.setAddressSpace(root, asid);
      break;
    case 6:
      // An empty space of the same machine, of which nothing is run.
      hart.setAddressSpace(subject.machine.frameCount - 1, asid + 1 + random(40));
      hart.setAddressSpace(root, asid);
      break;
    case 7:
      subject.machine.importState(subject.machine.exportState());
      break;
    default:
  }
}

const tiers: readonly Tier[] = ['interpreter', 'translator', 'auto'];

/** Where RAM differs, in words; null when it does not. */
function compareRam(a: Machine, b: Machine): string | null {
  const [start, end] = [a.ramOffset, a.ramOffset + a.frameCount * 4096];
  if (Buffer.compare(a.bytes.subarray(start, end), b.bytes.subarray(start, end)) === 0) return null;
  const word = (end - start) / 8;
  for (let i = 0; i < word; i++) {
    const place = start + 8 * i;
    const [mine, theirs] = [a.view.getBigUint64(place, true), b.view.getBigUint64(place, true)];
    if (mine === theirs) continue;
    const where = `frame ${Math.floor(i / 512)}, offset 0x${((i % 512) * 8).toString(16)}`;
    return `  RAM, ${where}: ${mine.toString(16)}, in the reference ${theirs.toString(16)}`;
  }
  return null;
}

function compareNotes(mine: readonly string[], theirs: readonly string[]): string | null {
  const index = Array.from({ length: Math.max(mine.length, theirs.length) }, (_, i) => i).find(
    (i) => mine[i] !== theirs[i],
  );
  if (index === undefined) return null;
  return `  note ${index}: ${mine[index] ?? 'none'}\n  in the reference: ${theirs[index] ?? 'none'}`;
}

/** What each tier says it retired is together what was retired; null when it is. */
function checkCounts(machine: Machine, { tier }: Mode): string | null {
  const { interpreted, translated } = machine.tierStatistics();
  const retired = Number(machine.hart.retiredWord[0]);
  if (interpreted + translated === retired && (tier !== 'interpreter' || translated === 0)) return null;
  return `  of ${retired} instructions ${interpreted} are said to be interpreted, ${translated} translated`;
}

export interface ModeRun {
  /** Null when nothing differed. */
  readonly difference: string | null;
  readonly statistics: TierStatistics;
}

/** Runs a subject in a mode up to the reference's last position and compares. */
export function runMode(
  create: (tier: Tier) => Subject,
  mode: Mode,
  seed: number,
  reference: Reference,
): ModeRun {
  const subject = create(mode.tier ?? 'interpreter');
  const { machine } = subject;
  const random = generator(seed * 65_599 + 7);
  let position = 0;
  let event = subject.nextEvent(0);
  const result = (difference: string | null): ModeRun => ({
    difference: difference === null ? null : `${mode.name}, position ${position}:\n${difference}`,
    statistics: machine.tierStatistics(),
  });
  while (position < reference.last) {
    if (mode.tier === null) machine.setTier(tiers[random(3)] as Tier);
    if (mode.isDisturbed && random(3) === 0) disturb(subject, random);
    const count = Math.min(mode.budget(random), event - position, reference.last - position);
    if (subject.run(count)) return result('  it came to its end too early');
    position += count;
    if (position === event) {
      subject.event(position);
      event = subject.nextEvent(position);
    }
    const difference = compareState(reference, machine, position);
    if (difference !== null) return result(difference);
  }
  if (reference.isEnded && !subject.run(1)) return result('  it did not come to its end');
  return result(
    compareNotes(subject.notes, reference.subject.notes) ??
      compareRam(machine, reference.subject.machine) ??
      checkCounts(machine, mode),
  );
}
