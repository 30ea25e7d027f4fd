/**
 * The hostile campaign: attacks from seeds, and what is checked during and after them.
 *
 * After every step what it changed is checked, after twenty everything; of every eighth step that sets a state, the rights
 * that the attackers have before and after it are compared (all are, when an attack shrinks); at the end of an attack the attackers have gained no right
 * (`rights.ts`), no page table entry allows more than the mappings do, and what they could not reach is byte for byte as
 * it was: the victim's memory, its threads' registers, the harness's own objects. A failing attack shrinks
 * (hostile-shrink.ts). Run by hostile.test.ts, and for long by hostile-main.ts.
 */
import { createHash } from 'node:crypto';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import type { Entry } from '../../src/kernel/abi/entry.ts';
import { entryNameOf } from '../../src/kernel/abi/entry-names.ts';
import { typeNumbers } from '../../src/kernel/abi/types.ts';
import { Arena, codeName, lively, type Seen, type Step, slabs } from './hostile-arena.ts';
import { generator, randomCode, randomRecord, randomSteps } from './hostile-steps.ts';
import { timed } from './hostile-watch.ts';
import { resultOf } from './rebuild.ts';
import { type Closure, closureOf, follow, gained } from './rights.ts';
import { type Image, own, type Saved, SLAB_SIZE } from './world.ts';

const CHECK_EVERY = 20;
/** Of this many steps that set a state, the rights before and after one are compared. When an attack shrinks, of each. */
const COMPARE_EVERY = 8;
/** Steps between two looks at all page tables. */
const TABLES_EVERY = 100;

export interface Attack {
  readonly seed: number;
  /** The steps that were asked for: with the seed they say which attack it is. */
  readonly wanted: number;
  readonly steps: readonly Step[];
  /** Steps between two full checks. After each step, what it changed is checked. */
  readonly checkEvery: number;
  /** Instead of being checked it is compared with itself, rebuilt before each step. */
  readonly isCompared: boolean;
  /** A step that takes very long is a failure: in campaigns, not in `npm test`. */
  readonly isTimed: boolean;
}

/** The attack of a seed. Odd seeds set states, too; every fifth takes everything apart now and
 * then, and every tenth is compared with itself, rebuilt before each step. */
export function attackOf(seed: number, count: number, isTimed = false): Attack {
  const statesIn100 = seed % 2 === 1 ? 15 : 0;
  const steps = randomSteps(generator(seed), count, statesIn100, seed % 5 === 0 ? 150 : 0);
  const isCompared = seed % 10 === 9 || process.argv.includes('--compare');
  const made = isCompared ? steps.slice(0, count / 15) : steps;
  return { seed, wanted: count, steps: made, checkEvery: CHECK_EVERY, isCompared, isTimed };
}

export interface Report {
  readonly calls: number;
  readonly seen: Seen;
}

const attackerSpaces = slabs.attackers.map((slab) => slab * SLAB_SIZE + own.space);

/** What the attackers may not change, as text by its name. */
function untouchable(image: Image): Map<string, string> {
  const found = new Map<string, string>();
  const start = slabs.victim * SLAB_SIZE;
  const isLively = (object: Saved): boolean =>
    lively.threads.some((offset) => start + offset === object.address);
  for (const object of image.objects) {
    if (object.address < start || object.address >= start + SLAB_SIZE || isLively(object)) continue;
    const state = Buffer.from(object.state).toString('hex');
    found.set(
      `object ${object.address.toString(16)}`,
      `${object.type} ${object.serial} ${JSON.stringify(object.links)} ${state}`,
    );
  }
  for (const [number, bytes] of image.pages) {
    const offset = number * 4096 - start;
    const isVictim = offset >= 0 && offset < SLAB_SIZE && !lively.pages.some((page) => page === offset);
    const isCode = number * 4096 === slabs.custody * SLAB_SIZE + 0x1000;
    // A page of zeros comes into memory when somebody looks at it.
    if (bytes.every((byte) => byte === 0)) continue;
    if (isVictim || isCode) found.set(`page ${number}`, createHash('sha256').update(bytes).digest('hex'));
  }
  return found;
}

/** Page table entries of all spaces, compared with where the exported mappings lead. */
function assertTables(arena: Arena, image: Image): void {
  const k = arena.world.kernel.state;
  for (const space of k.spacesWithTables) {
    if (space.bottom !== null || space.rootFrame < 0) continue;
    walkTable(arena, space.rootFrame, 2, 0, (page, frame, rights) => {
      const leads = follow(image, space.address, page * 4096);
      const held = k.pageOfFrame[frame] ?? null;
      const isPlace = leads !== null && held !== null && held.number * 4096 === leads.at;
      if (isPlace && (rights & ~leads.rights) === 0) return;
      throw new Error(
        `page ${page} of the space at ${space.address} is open with rights ${rights}, against its mappings`,
      );
    });
  }
}

/** Calls `visit` for each leaf of a hardware page table, as the privileged manual describes it. */
function walkTable(
  arena: Arena,
  table: number,
  level: number,
  base: number,
  visit: (page: number, frame: number, rights: number) => void,
): void {
  const { machine } = arena.world;
  for (let index = 0; index < 512; index += 1) {
    const bits = machine.view.getUint32(machine.ramOffset + table * 4096 + index * 8, true);
    if (bits % 2 === 0) continue;
    const page = base + index * 512 ** level;
    if (level > 0) walkTable(arena, bits >>> 10, level - 1, page, visit);
    else visit(page, bits >>> 10, (bits >> 1) & 7);
  }
}

/** Codes that an entry gave and its row of the table does not declare, as lines. */
export function undeclared(seen: Seen): string[] {
  const found: string[] = [];
  for (const [number, codes] of seen) {
    const name = entryNameOf(number);
    // A saved state restores any a0.
    if (name === 'thread_return_from_exception') continue;
    const row: Entry | null = name === null ? null : entries[name];
    for (const code of codes) {
      const known = codeName(code);
      if (known === null)
        found.push(`entry ${number.toString(16)} gave ${code}, which is no code of the ABI`);
      else if (!isDeclared(row, known)) found.push(`${name ?? `entry ${number.toString(16)}`}: ${known}`);
    }
  }
  return found;
}

function isDeclared(row: Entry | null, code: string): boolean {
  // A worker may be without code, any entry may meet a page fault of a buffer, and an orphan fetches from nowhere.
  if (code === 'success' || code.endsWith('PageFault') || code === 'instructionAccess') return true;
  if (row === null) return code === 'invalidEntry';
  return [...row.outcomes, ...row.faults].some((name) => name === code);
}

/** What the table declares and nothing has shown, as lines. */
export function unseen(seen: Seen): string[] {
  const found: string[] = [];
  for (const name of Object.keys(entries) as EntryName[]) {
    const row: Entry = entries[name];
    const codes = new Set([...(seen.get(row.number) ?? [])].map((code) => codeName(code)));
    for (const code of [...row.outcomes, ...row.faults]) if (!codes.has(code)) found.push(`${name}: ${code}`);
  }
  return found;
}

/** The arena of an attack. */
export function arenaOf(attack: Attack): Arena {
  const next = generator(attack.seed ^ 0x1234_5678);
  return new Arena(
    () => randomRecord(next),
    () => randomCode(next).bytes(),
  );
}

/** What is left at the end of an attack, when everything is rebuilt before each step, or never. */
function leftBy(attack: Attack, isRebuilding: boolean): string[] {
  const arena = arenaOf(attack);
  for (const step of attack.steps) {
    if (step.kind === 'rebuild') continue;
    if (isRebuilding) arena.take({ kind: 'rebuild' });
    arena.take(step);
  }
  // The harness's own places for references are in no image.
  return resultOf(arena.world);
}

/** The words of two lines of an image that differ, with their places. */
function differenceOf(whole: string, rebuilt: string): string {
  const words = whole.split(' ');
  const others = rebuilt.split(' ');
  const differing = others.flatMap((word, i) =>
    word === words[i] ? [] : [`word ${i - 4} ${words[i]} is ${word}`],
  );
  return `${others.slice(0, 2).join(' ')}: ${differing.join(', ')}`;
}

/** An attack leaves the same behind when everything is taken out and goes on in a fresh kernel between any two steps. */
export function runRebuilt(attack: Attack): void {
  const whole = leftBy(attack, false);
  const rebuilt = leftBy(attack, true);
  if (rebuilt.join() === whole.join()) return;
  const differing = rebuilt.flatMap((line, i) =>
    line === whole[i] ? [] : [differenceOf(whole[i] ?? '', line)],
  );
  throw new Error(`rebuilt before each step it ends differently: ${differing.join('; ')}`);
}

const setsState: ReadonlySet<bigint> = new Set(
  (Object.keys(entries) as EntryName[])
    .filter((name) => /_set_(state|saved_state|client|server)$/.test(name))
    .map((name) => BigInt(entries[name].number)),
);

/** What the attackers can reach now. */
function reachable(arena: Arena): { image: Image; closure: Closure } {
  const image = arena.world.save(false);
  return { image, closure: closureOf(image, [...attackerSpaces, ...spacesOfWorkers(arena, image)]) };
}

/** Makes a step; of some that set a state the rights before and after are compared. */
function takeStep(arena: Arena, attack: Attack, step: Step, index: number): void {
  const { kernel } = arena.world;
  const isImport =
    step.kind === 'state' || (step.kind === 'call' && setsState.has(step.registers[7] as bigint));
  const every = attack.checkEvery === 1 ? 1 : COMPARE_EVERY;
  const before = isImport && (index + attack.seed) % every === 0 ? reachable(arena) : null;
  arena.take(step);
  if (index % 16 === 15) arena.hush();
  // Rebuilding makes the kernel another one.
  if (step.kind === 'rebuild') return;
  kernel.checkChanged(kernel.state.touched.flatMap(({ alive, serial }) => (alive ? [serial] : [])));
  kernel.settle();
  if (before === null) return;
  const after = reachable(arena);
  const more = gained(before.closure, before.image, after.closure, after.image);
  if (more.length > 0) throw new Error(`by one step the attackers gained ${more.join(', ')}`);
}

/** Runs an attack; throws when something is broken. */
export function runAttack(attack: Attack): Report {
  if (attack.isCompared) {
    runRebuilt(attack);
    return { calls: 2 * attack.steps.length, seen: new Map() };
  }
  const arena = arenaOf(attack);
  const imageBefore = arena.world.save();
  const before = closureOf(imageBefore, attackerSpaces);
  const kept = untouchable(imageBefore);
  const taskBefore = taskObjects(arena);
  const serials = new Serials();
  attack.steps.forEach((step, i) => {
    try {
      if (attack.isTimed) timed(() => takeStep(arena, attack, step, i));
      else takeStep(arena, attack, step, i);
      if (i % attack.checkEvery === 0) {
        arena.world.kernel.check();
        serials.look(arena);
      }
      if (i % TABLES_EVERY === TABLES_EVERY - 1) assertTables(arena, arena.world.save(false));
    } catch (error) {
      throw new StepError(i, error);
    }
  });
  arena.world.kernel.check();
  const strange = undeclared(arena.seen);
  if (strange.length > 0 && !process.argv.includes('--survey'))
    throw new Error(`not declared: ${strange.join(', ')}`);
  const image = arena.world.save();
  assertTables(arena, image);
  const after = closureOf(image, [...attackerSpaces, ...spacesOfWorkers(arena, image)]);
  const more = gained(before, imageBefore, after, image);
  if (more.length > 0) throw new Error(`the attackers gained ${more.join(', ')}`);
  const now = untouchable(image);
  for (const [name, was] of kept) {
    if (now.get(name) !== was)
      throw new Error(`${name} of the victim is not what it was: ${now.get(name)} instead of ${was}`);
  }
  for (const name of now.keys()) if (!kept.has(name)) throw new Error(`${name} of the victim was not there`);
  if (taskObjects(arena) !== taskBefore) throw new Error('the objects of the task are not what they were');
  return { calls: arena.calls, seen: arena.seen };
}

/** The spaces in which the attackers' threads are now. */
function spacesOfWorkers(arena: Arena, image: Image): number[] {
  const addresses = new Set(arena.workers.map((worker) => worker.address));
  return image.objects.flatMap((object) => {
    const space = object.links[0];
    return addresses.has(object.address) && typeof space === 'number' ? [space] : [];
  });
}

/** The states of the task's own objects, which nobody in the machine can name. */
function taskObjects(arena: Arena): string {
  const { world } = arena;
  const found: string[] = [];
  world.must('region_peek_state', world.region, world.buffer);
  // The region's count of what changed is not in its simple state.
  found.push(Buffer.from(world.bytes.subarray(16, 64)).toString('hex'));
  for (const name of ['pager', 'faults', 'output', 'gate'] as const) {
    world.must('port_peek_state', world.port(name), world.buffer, world.scratch(0));
    found.push(Buffer.from(world.bytes.subarray(16, 24)).toString('hex'));
    world.must('reference_check', world.scratch(0));
    found.push(String(world.task.result(0)));
  }
  return found.join(' ');
}

/** No serial is ever another object's again (law 5): neither by making objects nor by setting states. */
class Serials {
  readonly #holders = new Map<number, string>();
  #highest = 0;

  look(arena: Arena): void {
    const highest = this.#highest;
    for (const { serial, type, hash } of arena.bottom.objects.values()) {
      // The task's own objects are in no image and have serials of their own.
      if (serial >= 2 ** 52) continue;
      // The hash is given once, so it tells an object from any other of its type that takes the serial. References have none.
      const holder = type === typeNumbers.reference ? String(type) : `${type} ${hash}`;
      const before = this.#holders.get(serial);
      const isOther = before === undefined ? serial < highest : before !== holder;
      if (isOther) throw new Error(`serial ${serial} was ${before ?? 'gone'} and is ${holder}`);
      this.#holders.set(serial, holder);
      this.#highest = Math.max(this.#highest, serial);
    }
  }
}

/** What went wrong, and at which step. */
export class StepError extends Error {
  readonly index: number;
  constructor(index: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.index = index;
  }
}

/** Adds what one attack saw to what others did. */
export function addSeen(all: Seen, more: Seen): void {
  for (const [number, codes] of more) {
    const known = all.get(number) ?? new Set<number>();
    for (const code of codes) known.add(code);
    all.set(number, known);
  }
}

/** What was seen, by names, in the order of the table. */
export function seenByName(seen: Seen): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const name of Object.keys(entries) as EntryName[]) {
    const codes = [...(seen.get(entries[name].number) ?? [])].sort((a, b) => a - b);
    found[name] = codes.map((code) => codeName(code) ?? code.toString(16));
  }
  return found;
}
