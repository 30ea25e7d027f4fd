/**
 * A small model of the kernel as plain data, written from what the entry points are said to do and not from how they do
 * it: mutexes, conds, references, ports with one-way, idempotent and reliable messages, destroying and making anew.
 *
 * Everything lies at numbered places that all threads can name. A command is made by one thread and ends with an
 * outcome, a fault, or a wait; it may end the waits of others. Threads have one priority, so whoever is woken to make a
 * call again makes it in the order of waking. Compared with the kernel by model.test.ts after each command.
 */
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { flavours } from '../../src/kernel/abi/entry.ts';

export const PLACES = 10;
export const THREADS = 5;
export type ModelType = 'mutex' | 'cond' | 'reference' | 'port' | 'portset';

/** One call. `a`, `b`: places; `value`: what is sent, or a port's alias. */
export interface Command {
  readonly thread: number;
  readonly verb: Verb;
  readonly a: number;
  readonly b: number;
  readonly value: number;
}

export const verbs = [
  'create_mutex',
  'create_cond',
  'create_reference',
  'create_port',
  'create_portset',
  'destroy',
  'reference',
  'copy',
  'compare',
  'check',
  'type',
  'lock',
  'trylock',
  'unlock',
  'wait',
  'signal',
  'broadcast',
  'owner',
  'join',
  'send',
  'call',
  'receive',
  'reply',
  'reply_receive',
  'connect',
  'answer',
  'interrupt',
  'rebuild',
] as const;
export type Verb = (typeof verbs)[number];

interface Thing {
  readonly type: ModelType;
  readonly place: number;
  isAlive: boolean;
  /** Of a mutex. */
  owner: number | null;
  /** Of a reference. */
  target: Thing | null;
  /** Of a port. */
  alias: number;
  set: Thing | null;
  /** Who waits, in order: for a mutex, a cond, a port as client, a set as server. */
  waiters: number[];
}

/** What came of a thread's last call. */
export type Result =
  | { readonly kind: 'outcome'; readonly code: number; readonly words: readonly number[] }
  | { readonly kind: 'fault'; readonly code: number };

interface ModelThread {
  /** Null while it waits. */
  result: Result | null;
  /** What it waits for: a place, or another thread. */
  waitsAt: Thing | null;
  waitsFor: number | null;
  command: Command | null;
  /** Order of waiting. */
  ticket: number;
  /** The conversation or request that it serves. */
  client: { readonly thread: number; readonly flavour: number } | null;
  /** The word that the last message brought, and the last answer. */
  received: number;
  answered: number;
}

const typeNumber = { mutex: 1, cond: 2, port: 5, portset: 6, reference: 9 } as const;

function outcome(code: number, ...words: number[]): Result {
  return { kind: 'outcome', code, words };
}

export class Model {
  readonly places: (Thing | null)[] = Array.from({ length: PLACES }, () => null);
  readonly threads: ModelThread[] = Array.from({ length: THREADS }, () => ({
    result: outcome(0),
    waitsAt: null,
    waitsFor: null,
    command: null,
    ticket: 0,
    client: null,
    received: 0,
    answered: 0,
  }));
  #ticket = 1;
  /** Threads that were woken to make their calls again. */
  #again: number[] = [];

  /** What the exported state of the mutex says. */
  locked(place: number): number {
    return (this.places[place]?.owner ?? null) === null ? 0 : 1;
  }

  isBusy(thread: number): boolean {
    return this.#thread(thread).result === null;
  }

  #thread(index: number): ModelThread {
    return this.threads[index] as ModelThread;
  }

  /** Makes the command; then those make their calls again who were woken for it. */
  make(command: Command): void {
    if (command.verb === 'interrupt') {
      this.#interrupt(command.a % THREADS);
      return;
    }
    if (command.verb === 'rebuild') return;
    this.#attempt(command.thread, command);
    for (let next = this.#again.shift(); next !== undefined; next = this.#again.shift()) {
      const { command: own } = this.#thread(next);
      if (own !== null) this.#attempt(next, own);
    }
  }

  #attempt(thread: number, command: Command): void {
    const me = this.#thread(thread);
    me.command = command;
    me.result = null;
    const result = this.#perform(thread, command);
    if (result !== null) this.#end(thread, result);
  }

  #end(thread: number, result: Result): void {
    const me = this.#thread(thread);
    this.#leave(thread);
    me.result = result;
  }

  #leave(thread: number): void {
    const me = this.#thread(thread);
    if (me.waitsAt !== null) me.waitsAt.waiters = me.waitsAt.waiters.filter((other) => other !== thread);
    me.waitsAt = null;
    me.waitsFor = null;
  }

  #wakeAgain(thread: number): void {
    this.#leave(thread);
    this.#again.push(thread);
  }

  #waitAt(thread: number, thing: Thing): null {
    const me = this.#thread(thread);
    this.#leave(thread);
    me.waitsAt = thing;
    me.ticket = this.#ticket++;
    thing.waiters.push(thread);
    return null;
  }

  #waitFor(thread: number, peer: number): null {
    this.#leave(thread);
    this.#thread(thread).waitsFor = peer;
    return null;
  }

  /** Taken out of its wait by force: its call is over, as far as it is concerned. */
  #interrupt(thread: number): void {
    if (!this.isBusy(thread)) return;
    this.#end(thread, outcome(0));
  }

  /** Whether this thread may be interrupted without telling its peer: everything but a conversation. */
  mayInterrupt(thread: number): boolean {
    const peer = this.#thread(thread).waitsFor;
    return peer === null || this.#thread(peer).client?.flavour !== flavours.reliable;
  }

  #named(place: number, type: ModelType): Thing | Result {
    const thing = this.places[place] ?? null;
    if (thing === null) return { kind: 'fault', code: faults.noObject };
    if (thing.type === type) return thing;
    return { kind: 'fault', code: type === 'reference' ? faults.notReference : faults.wrongType };
  }

  #portAt(place: number, type: 'port' | 'portset'): Thing | Result {
    const thing = this.places[place] ?? null;
    if (thing === null) return { kind: 'fault', code: faults.noObject };
    if (thing.type === type) return thing;
    if (thing.type !== 'reference') return { kind: 'fault', code: faults.wrongType };
    const target = this.#live(thing.target);
    if (target === null) return outcome(outcomes.invalidDestination);
    return target.type === type ? target : { kind: 'fault', code: faults.wrongType };
  }

  #live(thing: Thing | null): Thing | null {
    return thing?.isAlive ? thing : null;
  }

  #perform(thread: number, command: Command): Result | null {
    const { verb, a, b } = command;
    if (verb.startsWith('create_')) return this.#create(a, verb.slice(7) as ModelType);
    switch (verb) {
      case 'destroy':
        return this.#destroy(a);
      case 'reference':
        return this.#refer(a, b);
      case 'copy':
        return this.#two(a, b, (from, to) => {
          to.target = this.#live(from.target);
          return outcome(0);
        });
      case 'compare':
        return this.#two(a, b, (one, other) =>
          outcome(0, this.#live(one.target) === this.#live(other.target) ? 1 : 0),
        );
      case 'check':
        return this.#with(a, 'reference', (one) => outcome(0, this.#live(one.target) === null ? 1 : 0));
      case 'type':
        return this.#with(a, 'reference', (one) => {
          const target = this.#live(one.target);
          return target === null ? outcome(outcomes.notFound) : outcome(0, typeNumber[target.type]);
        });
      case 'lock':
        return this.#with(a, 'mutex', (mutex) => this.#lock(thread, mutex));
      case 'trylock':
        return this.#with(a, 'mutex', (mutex) => {
          if (mutex.owner !== null) return outcome(outcomes.busy);
          mutex.owner = thread;
          return outcome(0);
        });
      case 'unlock':
        return this.#with(a, 'mutex', (mutex) => {
          if (mutex.owner !== thread) return { kind: 'fault', code: faults.notOwner };
          this.#passOn(mutex);
          return outcome(0);
        });
      case 'wait':
        return this.#wait(thread, a, b);
      case 'signal':
        return this.#with(a, 'cond', (cond) => this.#wakeSleepers(cond, 1));
      case 'broadcast':
        return this.#with(a, 'cond', (cond) => this.#wakeSleepers(cond, cond.waiters.length));
      case 'owner':
        return this.#with(a, 'mutex', () => outcome(0));
      case 'join':
        return this.#join(a, b, command.value);
      default:
        return this.#message(thread, command);
    }
  }

  #with(place: number, type: ModelType, then: (thing: Thing) => Result | null): Result | null {
    const found = this.#named(place, type);
    return 'kind' in found ? found : then(found);
  }

  #two(a: number, b: number, then: (one: Thing, other: Thing) => Result): Result | null {
    return this.#with(a, 'reference', (one) => this.#with(b, 'reference', (other) => then(one, other)));
  }

  #create(place: number, type: ModelType): Result {
    if (this.places[place] !== null) return { kind: 'fault', code: faults.objectExists };
    this.places[place] = {
      type,
      place,
      isAlive: true,
      owner: null,
      target: null,
      alias: 0,
      set: null,
      waiters: [],
    };
    return outcome(0);
  }

  /** Destroys whatever is there (the harness knows its type). */
  #destroy(place: number): Result {
    const thing = this.places[place] ?? null;
    if (thing === null) return { kind: 'fault', code: faults.noObject };
    this.places[place] = null;
    thing.isAlive = false;
    for (const waiter of [...thing.waiters]) this.#end(waiter, outcome(outcomes.canceled));
    for (const port of this.places) if (port?.set === thing) port.set = null;
    return outcome(0);
  }

  #refer(place: number, at: number): Result | null {
    const thing = this.places[place] ?? null;
    if (thing === null) return { kind: 'fault', code: faults.noObject };
    // References cannot be referenced: there is no such entry, and the harness copies instead.
    if (thing.type === 'reference')
      return this.#two(place, at, (from, to) => {
        to.target = this.#live(from.target);
        return outcome(0);
      });
    return this.#with(at, 'reference', (reference) => {
      reference.target = thing;
      return outcome(0);
    });
  }

  #lock(thread: number, mutex: Thing): Result | null {
    if (mutex.owner !== null) return this.#waitAt(thread, mutex);
    mutex.owner = thread;
    return outcome(0);
  }

  #passOn(mutex: Thing): void {
    const next = mutex.waiters[0] ?? null;
    mutex.owner = next;
    if (next !== null) this.#end(next, outcome(0));
  }

  #wait(thread: number, condPlace: number, mutexPlace: number): Result | null {
    return this.#with(condPlace, 'cond', (cond) =>
      this.#with(mutexPlace, 'mutex', (mutex) => {
        if (mutex.owner !== thread) return { kind: 'fault', code: faults.notOwner };
        this.#passOn(mutex);
        return this.#waitAt(thread, cond);
      }),
    );
  }

  #wakeSleepers(cond: Thing, count: number): Result {
    for (const sleeper of cond.waiters.slice(0, count)) {
      const me = this.#thread(sleeper);
      this.#leave(sleeper);
      const command = me.command as Command;
      // What is left for it is to lock the mutex.
      me.command = { ...command, verb: 'lock', a: command.b };
      const found = this.#named(command.b, 'mutex');
      if ('kind' in found) this.#again.push(sleeper);
      else if (found.owner !== null) this.#waitAt(sleeper, found);
      else {
        found.owner = sleeper;
        this.#end(sleeper, outcome(0));
      }
    }
    return outcome(0);
  }

  #join(place: number, at: number, alias: number): Result | null {
    return this.#with(place, 'port', (port) =>
      this.#with(at, 'reference', (reference) => {
        const set = this.#live(reference.target);
        if (set !== null && set.type !== 'portset') return { kind: 'fault', code: faults.wrongType };
        port.alias = alias;
        const isNew = port.set !== set;
        port.set = set;
        // Clients that waited meet whoever waits there: servers make their calls again, and those that still can receive.
        if (isNew && port.waiters.length > 0)
          for (const server of [...(set?.waiters ?? [])]) this.#wakeAgain(server);
        return outcome(0);
      }),
    );
  }

  // Messages of one word.

  #message(thread: number, command: Command): Result | null {
    switch (command.verb) {
      case 'send':
      case 'call':
      case 'connect': {
        const port = this.#portAt(command.a, 'port');
        if ('kind' in port) return port;
        const server = port.set?.waiters[0];
        if (server !== undefined) return this.#hand(thread, server, port, command);
        return command.verb === 'send' ? outcome(0) : this.#waitAt(thread, port);
      }
      case 'receive':
        return this.#receive(thread, command.a);
      case 'reply':
        return this.#reply(thread, command.value);
      case 'reply_receive':
        this.#reply(thread, command.value);
        return this.#rest(thread, command);
      case 'answer': {
        const { client } = this.#thread(thread);
        if (client?.flavour === flavours.reliable) {
          this.#thread(thread).client = null;
          this.#thread(client.thread).answered = command.value;
          this.#end(client.thread, outcome(outcomes.receiveDisconnected));
        }
        return this.#rest(thread, command);
      }
      default:
        throw new Error(`model: ${command.verb}`);
    }
  }

  /** What is left of the call is to receive. */
  #rest(thread: number, command: Command): Result | null {
    const rest: Command = { ...command, verb: 'receive' };
    this.#thread(thread).command = rest;
    return this.#receive(thread, command.a);
  }

  /** Whom the server serves, as long as that client still waits for it. */
  #clientOf(server: number): number | null {
    const { client } = this.#thread(server);
    return client !== null && this.#thread(client.thread).waitsFor === server ? client.thread : null;
  }

  #drop(server: number): void {
    const client = this.#clientOf(server);
    const me = this.#thread(server);
    const isReliable = me.client?.flavour === flavours.reliable;
    me.client = null;
    if (client === null) return;
    // It has the line, so letting go of a conversation is its end in good order; a request is made again.
    if (isReliable) this.#end(client, outcome(outcomes.receiveDisconnected));
    else this.#wakeAgain(client);
  }

  /** The server takes the client's message. What the client's call comes to. */
  #hand(client: number, server: number, port: Thing, command: Command): Result | null {
    this.#drop(server);
    const {
      send: oneway,
      call: idempotent,
      connect: reliable,
    } = {
      send: flavours.oneway,
      call: flavours.idempotent,
      connect: flavours.reliable,
    };
    const flavour = command.verb === 'send' ? oneway : command.verb === 'call' ? idempotent : reliable;
    const me = this.#thread(server);
    me.received = command.value;
    if (flavour !== oneway) me.client = { thread: client, flavour };
    this.#end(server, outcome(0, flavour, port.alias));
    if (flavour === oneway) return outcome(0);
    return this.#waitFor(client, server);
  }

  #receive(server: number, place: number): Result | null {
    const set = this.#portAt(place, 'portset');
    if ('kind' in set) return set;
    let first: number | null = null;
    let from: Thing | null = null;
    for (const port of this.places) {
      const client = port !== null && port.set === set ? port.waiters[0] : undefined;
      if (client === undefined || port === null) continue;
      if (first !== null && this.#thread(client).ticket > this.#thread(first).ticket) continue;
      first = client;
      from = port;
    }
    if (first !== null && from !== null) {
      this.#hand(first, server, from, this.#thread(first).command as Command);
      return this.#thread(server).result;
    }
    this.#drop(server);
    return this.#waitAt(server, set);
  }

  #reply(server: number, value: number): Result {
    const client = this.#clientOf(server);
    const me = this.#thread(server);
    if (client === null || me.client?.flavour !== flavours.idempotent) return outcome(outcomes.notConnected);
    me.client = null;
    this.#thread(client).answered = value;
    this.#end(client, outcome(0));
    return outcome(0);
  }
}
