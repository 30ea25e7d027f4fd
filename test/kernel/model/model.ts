/**
 * The reference model: things at places, whose turn it is, and what a call comes to. Compared with the kernel by
 * model.test.ts after each command.
 *
 * A command is a call of one thread. It ends with an outcome or a fault, or the thread waits; it may end the waits of
 * others. Whoever can run does one step at a time, the highest effective priority first, then who could run first; a
 * thread notes in the log that its call is over, or that it is in a handler, so that the order shows.
 */
import type { Result } from './things.ts';
import { type Call, type Command, live, outcome, PLACES, THREADS, type Thing } from './things.ts';

/** What a call comes to: null while it waits, or goes on in another step. */
export type Came = Result | null;
export type Perform = (m: Model, thread: Thing, call: Call) => Came;

/** What the log says of a handler that was entered: the thread's number and this. */
export const HANDLER_NOTE = 16;

export class Model {
  readonly places: (Thing | null)[] = Array.from({ length: PLACES }, () => null);
  /** The threads that run the programs; a thread that is destroyed and made anew is another thing. */
  readonly threads: (Thing | null)[] = Array.from({ length: THREADS }, () => null);
  /** What each program has received since its last command began: null is not said. */
  readonly received: (number | null)[][] = Array.from({ length: THREADS }, () => [0, 0, 0]);
  /** In which order calls ended and handlers were entered. */
  log: number[] = [];
  #ticket = 1;
  #turn = 1;
  readonly #perform: Perform;
  readonly #onFault: (m: Model, thread: Thing, code: number) => void;
  readonly #onHandler: (m: Model, thread: Thing) => void;

  constructor(
    perform: Perform,
    onFault: (m: Model, thread: Thing, code: number) => void,
    onHandler: (m: Model, thread: Thing) => void,
  ) {
    this.#perform = perform;
    this.#onFault = onFault;
    this.#onHandler = onHandler;
  }

  /** All threads, of programs or not. */
  allThreads(): Thing[] {
    return this.places.filter((thing): thing is Thing => thing?.type === 'thread');
  }

  /** Who waits at the thing, in order. */
  waitersOf(thing: Thing): Thing[] {
    return this.allThreads()
      .filter((thread) => thread.waitsAt === thing && thread.status === 'waits' && !thread.isStopped)
      .sort((one, other) => one.ticket - other.ticket);
  }

  newTicket(): number {
    this.#ticket += 1;
    return this.#ticket;
  }

  wait(thread: Thing, at: Thing, ticket = this.newTicket()): null {
    thread.status = 'waits';
    thread.waitsAt = at;
    thread.ticket = ticket;
    return null;
  }

  /** The thread waits no longer, and does its step when it has its turn. One that could run keeps its turn. */
  wake(thread: Thing): void {
    thread.fault = null;
    if (thread.status === 'runs') return;
    thread.waitsAt = null;
    thread.isPutOff = false;
    thread.ticket = 0;
    if (live(thread.space) === null) return;
    thread.status = 'runs';
    this.#turn += 1;
    thread.turn = this.#turn;
  }

  /** The thread's call is over. */
  finish(thread: Thing, result: Result): void {
    thread.result = result;
    thread.step = 'note';
    this.wake(thread);
  }

  /** True for a thread that could run if it had something to do. */
  mayGo(thread: Thing): boolean {
    return thread.isAlive && live(thread.space) !== null;
  }

  isIdle(thread: Thing): boolean {
    if (thread.isStopped) return false;
    return thread.status === 'stuck' || (thread.status === 'waits' && thread.step === 'sleep');
  }

  /** The thread is set behind a call, out of whatever it did. */
  begin(thread: Thing, call: Call): void {
    thread.isStopped = false;
    thread.status = 'stuck';
    thread.call = call;
    thread.step = 'call';
    this.log = [];
    if (thread.slot >= 0) this.received[thread.slot] = [0, 0, 0];
    this.wake(thread);
  }

  /** All run until nobody can. */
  run(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) this.#go(next);
  }

  /** Whose turn it is. */
  #next(): Thing | null {
    let best: Thing | null = null;
    for (const thread of this.allThreads()) {
      if (thread.status !== 'runs' || thread.isStopped) continue;
      const ahead = best === null ? 1 : this.effective(thread) - this.effective(best);
      if (ahead > 0 || (ahead === 0 && best !== null && thread.turn < best.turn)) best = thread;
    }
    return best;
  }

  #go(thread: Thing): void {
    switch (thread.step) {
      case 'call': {
        const result = this.#perform(this, thread, thread.call as Call);
        if (result?.kind === 'fault') this.#onFault(this, thread, result.code);
        else if (result !== null) this.finish(thread, result);
        return;
      }
      case 'handler':
        this.log.push(thread.slot + HANDLER_NOTE * thread.handler);
        this.#onHandler(this, thread);
        return;
      case 'note':
        this.log.push(thread.slot);
        thread.step = 'sleep';
        thread.status = 'waits';
        thread.waitsAt = null;
        return;
      case 'sleep':
        thread.status = 'waits';
        thread.waitsAt = null;
    }
  }

  /** Its own priority or the highest that is lent to it, over any depth. */
  effective(thread: Thing, before: readonly Thing[] = []): number {
    if (before.includes(thread)) return thread.priority;
    const lent = this.allThreads()
      .filter((other) => this.#lendsTo(other) === thread)
      .map((other) => this.effective(other, [...before, thread]));
    const ceilings = this.places
      .filter((thing) => thing?.type === 'mutex' && thing.owner === thread && (thing.flags & 2) !== 0)
      .map((mutex) => ((mutex as Thing).flags >> 8) & 31);
    return Math.max(thread.priority, ...lent, ...ceilings);
  }

  /** Whoever waits lends to who keeps it waiting; a server does not lend to its client. */
  #lendsTo(thread: Thing): Thing | null {
    const { waitsAt: at, call } = thread;
    if (thread.status !== 'waits' || thread.isStopped || at === null) return null;
    if (at.type === 'mutex') return (at.flags & 1) !== 0 ? at.owner : null;
    if (at.type === 'cond') return live(at.inheritor);
    if (at.type !== 'thread') return null;
    return thread.fault !== null || call?.side === 'client' ? at : null;
  }
}

/** A call as it begins. */
export function callOf(command: Command, fields: Partial<Call> & Pick<Call, 'type'>): Call {
  return {
    command,
    stage: 0,
    taken: null,
    isLock: false,
    side: 'client',
    rest: [],
    send: [],
    room: 0,
    got: 0,
    sendsReference: -1,
    takesReference: -1,
    flavour: 0,
    alias: 0,
    ...fields,
  };
}

export const done = outcome(0);
