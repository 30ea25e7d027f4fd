/**
 * Atomicity, mechanically (law 2): a world is stopped at instants; at each, everything is taken out by peek_state, and
 * what is made of it in a fresh kernel must end as the undisturbed world did, word for word.
 *
 * An instant is the end of a slice of one tick: after each instruction, each stage of an entry, each fault, and each time
 * that a pager outside puts its answer off. What every thread is doing there is its *kind*: so that the test of it can
 * demand that each entry was stopped in each way in which it can be. Tests only.
 */
import * as assert from 'uvu/assert';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { entryNameOf } from '../../src/kernel/abi/entry-names.ts';
import { states, threadFlags, typeNumbers } from '../../src/kernel/abi/types.ts';
import { isDonating } from '../../src/kernel/donation.ts';
import { pcOf, registersOf } from '../../src/kernel/registers.ts';
import { firstRunnable } from '../../src/kernel/runnable.ts';
import type { Thread } from '../../src/kernel/state.ts';
import { assertSame, describeImage, resultOf } from './rebuild.ts';
import { type Image, PROGRAM, SLAB_SIZE, World } from './world.ts';

/**
 * before: it is about to make the call; blocked: it waits in it; staged: stages are done, the registers hold the rest;
 * away: a page of a buffer is not in memory and its pager put the answer off; faulting: it waits for a keeper in the
 * machine; asking: it waits for its scheduler.
 */
export type Kind = 'before' | 'blocked' | 'staged' | 'away' | 'faulting' | 'asking';

/** A small world in which entries are made. */
export interface Situation {
  readonly name: string;
  build(world: World): void;
  /** It can see that one of its threads was stopped. */
  readonly seesStops?: boolean;
  /** Whether it did what it should: so that "all ends agree" cannot mean "all are wrong". */
  check?(world: World): void;
}

/** What was seen: entry and kind. */
export class Coverage {
  readonly #seen = new Map<string, number>();
  add(entry: EntryName, kind: Kind): void {
    const key = `${entry} ${kind}`;
    this.#seen.set(key, (this.#seen.get(key) ?? 0) + 1);
  }
  has(entry: EntryName, kind: Kind): boolean {
    return this.#seen.has(`${entry} ${kind}`);
  }
  count(entry: EntryName, kind: Kind): number {
    return this.#seen.get(`${entry} ${kind}`) ?? 0;
  }
}

const ECALL = 0x73;

/** A call under way: where, which, and the registers that it began with. */
interface Call {
  readonly pc: number;
  readonly entry: EntryName;
  readonly registers: string;
}

/** Watches what each thread of a world is doing. */
class Watch {
  readonly #calls = new Map<string, Call>();
  readonly #world: World;
  readonly #coverage: Coverage;
  constructor(world: World, coverage: Coverage) {
    this.#world = world;
    this.#coverage = coverage;
  }

  /** What all threads are doing now, as text. `isPutOff`: the first of them has just met a page that is away. */
  look(isPutOff: boolean): string {
    const k = this.#world.kernel.state;
    const seen: string[] = [];
    for (const object of k.bySerial.values()) {
      if (object.type !== typeNumbers.thread || object.isTask) continue;
      const kinds = this.#kindsOf(object, isPutOff && firstRunnable(k) === object);
      if (kinds.length > 0) seen.push(`${object.address} ${kinds.join(' ')}`);
    }
    return seen.sort().join(', ');
  }

  #kindsOf(thread: Thread, isPutOff: boolean): string[] {
    const k = this.#world.kernel.state;
    const key = `${thread.address}`;
    const registers = registersOf(k, thread);
    const [low, high] = pcOf(k, thread);
    const pc = (high ?? 0) * 2 ** 32 + (low ?? 0);
    const current = entryNameOf((registers[34] ?? 0) + (registers[35] ?? 0) * 2 ** 32);
    if (current === null || !this.#isCall(thread, pc)) {
      this.#calls.delete(key);
      return [];
    }
    const now = registers.slice(10, 36).join();
    let call = this.#calls.get(key);
    if (call?.pc !== pc) {
      call = { pc, entry: current, registers: now };
      this.#calls.set(key, call);
    }
    const kinds: Kind[] = [];
    if ((thread.flags & threadFlags.asking) !== 0) kinds.push('asking');
    else if ((thread.flags & threadFlags.faulting) !== 0) kinds.push('faulting');
    else if (isPutOff) kinds.push('away');
    else if (thread.queue !== null && (thread.queue.order !== 'turn' || isDonating(thread)))
      kinds.push('blocked');
    if (call.registers !== now) kinds.push('staged');
    if (kinds.length === 0) kinds.push('before');
    for (const kind of kinds) {
      this.#coverage.add(call.entry, kind);
      if (current !== call.entry) this.#coverage.add(current, kind === 'staged' ? 'before' : kind);
    }
    return [call.entry, current, ...kinds];
  }

  #isCall(thread: Thread, pc: number): boolean {
    const base = Math.floor(thread.address / SLAB_SIZE) * SLAB_SIZE;
    const bytes = this.#world.read(base + pc - PROGRAM, 4);
    return new DataView(bytes.buffer).getUint32(0, true) === ECALL;
  }
}

export interface Instant {
  readonly index: number;
  /** What each thread was doing. */
  readonly doing: string;
  readonly image: Image;
  readonly outputCount: number;
  /** True when some thread sleeps on a cond: stopping it is the wake-up that conds allow. */
  readonly hasCondSleeper: boolean;
}

/** A world that is not begun yet. */
function begin(situation: Situation): World {
  const world = new World({ onFault: () => ({ bytes: new Uint8Array(0) }) });
  situation.build(world);
  return world;
}

function take(world: World, index: number, doing: string): Instant {
  const k = world.kernel.state;
  const hasCondSleeper = [...k.bySerial.values()].some(
    (object) => object.type === typeNumbers.cond && object.waiters.first !== null,
  );
  return { index, doing, image: world.save(), outputCount: world.output.length, hasCondSleeper };
}

/** Slices after which a world is thought never to end. */
const ROUNDS_MAX = 1000;
/** Ticks after which a situation is thought never to end. */
const STEPS_MAX = 20_000;
/** Instants at which all do the same that are looked at, unless every instant is. */
const ALIKE_MAX = 1;

/**
 * Steps through the situation one tick at a time. `isEvery`: keeps every instant, else those at which what threads do
 * has changed. `visit` is called at every instant and may put another kernel in the place of the one that is there.
 */
export function stepThrough(
  situation: Situation,
  coverage: Coverage,
  isEvery: boolean,
  visit: ((world: World) => void) | null = null,
): { world: World; instants: Instant[]; steps: number } {
  const world = begin(situation);
  for (const page of [...world.kernel.state.pageOfFrame]) {
    if (page !== null && !page.isTaskMemory) world.evict(page.number * 4096);
  }
  // Made anew, a world has no page in memory: were its pager's answers put off too, it would never get on.
  world.pagerDelays = visit === null ? 1 : 0;
  const watch = new Watch(world, coverage);
  const instants: Instant[] = [];
  const seen = new Map<string, number>();
  let last = 'nothing yet';
  let isPutOff = false;
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    const doing = watch.look(isPutOff);
    const count = seen.get(doing) ?? 0;
    if (isEvery || (doing !== last && count < ALIKE_MAX)) {
      seen.set(doing, count + 1);
      if (visit === null) instants.push(take(world, steps, doing));
      else visit(world);
    }
    last = doing;
    const end = world.run(1);
    isPutOff = end === 'service';
    if (end !== 'idle') continue;
    const deadline = world.kernel.nextDeadline();
    if (deadline === null) {
      instants.push(take(world, steps + 1, watch.look(false)));
      return { world, instants, steps };
    }
    // Asleep: an instant of its own.
    if (visit === null) instants.push(take(world, steps, watch.look(false)));
    else visit(world);
    world.kernel.stepClock(deadline);
  }
  throw new Error(`atomicity: ${situation.name} does not come to an end`);
}

/** What the situation ends as when nobody disturbs it. */
export function undisturbed(situation: Situation): { result: string[]; output: readonly string[] } {
  const world = begin(situation);
  world.finish(20_000, ROUNDS_MAX);
  situation.check?.(world);
  return { result: resultOf(world), output: world.output };
}

/** Goes on from an instant in a fresh kernel: it is what was taken out, and ends as the undisturbed world. */
export function goOnFrom(instant: Instant, whole: { result: string[]; output: readonly string[] }): void {
  const world = new World({ image: instant.image });
  world.output = whole.output.slice(0, instant.outputCount);
  world.kernel.check();
  const what = `from instant ${instant.index} (${instant.doing})`;
  assertSame(describeImage(world.save()), describeImage(instant.image), `taken out again ${what}`);
  world.finish(20_000, ROUNDS_MAX);
  assertSame(resultOf(world), whole.result, `the end ${what}`);
}

/** Rebuilds at every instant of those that are looked at, one after another; the end is the same. */
export function rebuildAlways(situation: Situation, whole: { result: string[] }, isEvery: boolean): number {
  let rebuilt = 0;
  const { world } = stepThrough(situation, new Coverage(), isEvery, (now) => {
    now.rebuild();
    rebuilt += 1;
  });
  assertSame(resultOf(world), whole.result, 'rebuilt at every instant');
  return rebuilt;
}

/**
 * Stopping get_state on all threads, then a fresh kernel whose threads are started again. Where no thread slept on a
 * cond, this is no more than peek_state; a sleeper on a cond makes its lock call, as conds allow.
 */
export function stopAndGoOn(
  situation: Situation,
  instant: Instant,
  whole: { result: string[]; output: readonly string[] },
): void {
  const source = new World({ image: instant.image });
  const stopped = instant.image.objects.filter((object) => object.type === typeNumbers.thread);
  for (const { address } of stopped) source.must('thread_get_state', address, source.buffer);
  source.kernel.check();
  assert.is(source.run(1000), 'idle', 'all are stopped');
  const image = source.save();
  const at = states.thread.offset.flags;
  const objects = image.objects.map((object) => {
    const before = stopped.find((other) => other.address === object.address);
    if (before === undefined) return object;
    const state = object.state.slice();
    const wasStopped = (before.state[at] ?? 0) & threadFlags.stopped;
    state[at] = ((state[at] ?? 0) & ~threadFlags.stopped) | wasStopped;
    return { ...object, state };
  });
  const world = new World({ image: { ...image, objects } });
  world.output = whole.output.slice(0, instant.outputCount);
  const what = `stopped at instant ${instant.index} (${instant.doing})`;
  const leavesNoTrace = !instant.hasCondSleeper && situation.seesStops !== true;
  if (leavesNoTrace) {
    assertSame(describeImage(world.save()), describeImage(instant.image), `set again ${what}`);
  }
  world.finish(20_000, ROUNDS_MAX);
  if (leavesNoTrace) assertSame(resultOf(world), whole.result, `the end ${what}`);
  else situation.check?.(world);
}
