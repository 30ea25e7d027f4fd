/**
 * Commands at random, steered by the model so that programs get somewhere: numbers choose among what makes sense for a
 * thread in its present state; a few are left as they come. A program is a list of numbers, so it shrinks.
 */
import fc from 'fast-check';
import { type TypeName, typeNames } from '../../../src/kernel/abi/types.ts';
import { partnerOf } from './messages.ts';
import type { Model } from './model.ts';
import { type Command, live, PLACES, THREADS, type Thing, type Verb, verbs } from './things.ts';

/** What lies where in the beginning, after threads and spaces. */
export const beginning: readonly (readonly [number, TypeName])[] = [
  [7, 'mutex'],
  [8, 'mutex'],
  [9, 'cond'],
  [10, 'reference'],
  [11, 'reference'],
  [12, 'reference'],
  [13, 'port'],
  [14, 'port'],
  [15, 'portset'],
  [16, 'mapping'],
  [17, 'mapping'],
  [18, 'region'],
  [19, 'region'],
];

/** Made first: a port that is served, and windows of each space onto the other, one seen through the other. */
export const prologue: readonly Command[] = (
  [
    ['set_port', 13, 15, 0, 1],
    ['set_region', 18, 5, 13, 32],
    ['set_region', 19, 6, 14, 36],
    ['set_mapping', 16, 18, 6, 36],
    ['set_mapping', 17, 19, 5, 36],
  ] as const
).map(([verb, a, b, c, value]) => ({ thread: 0, verb, type: 'mutex', isFitting: true, a, b, c, value }));

/** What should lie at a place: one of a type, or a port (set) by itself or through a reference. */
type Wanted = TypeName | 'client' | 'set' | 'free' | 'own' | 'parked';

interface Taste {
  readonly weight?: number;
  readonly a?: Wanted;
  readonly b?: Wanted;
  readonly c?: Wanted;
}

const tastes: Partial<Record<Verb, Taste>> = {
  create: { weight: 5, a: 'free' },
  destroy: { weight: 3 },
  move: { weight: 4, b: 'free' },
  reference: { weight: 5, b: 'reference' },
  look: { weight: 4 },
  copy: { a: 'reference', b: 'reference' },
  compare: { a: 'reference', b: 'reference' },
  check: { a: 'reference' },
  type: { a: 'reference' },
  hash: { a: 'reference' },
  set_mutex: { weight: 3, a: 'mutex', b: 'thread' },
  set_cond: { weight: 2, a: 'cond', b: 'thread' },
  set_mapping: { weight: 5, a: 'mapping', b: 'region', c: 'space' },
  set_region: { weight: 5, a: 'region', b: 'space', c: 'port' },
  set_port: { weight: 6, a: 'port', b: 'portset' },
  set_portset: { a: 'portset' },
  set_space: { weight: 2, a: 'space', b: 'port' },
  set_reference: { a: 'reference', b: 'port' },
  protect: { weight: 2, a: 'mapping' },
  load: { weight: 7 },
  store: { weight: 7 },
  lock: { weight: 8, a: 'mutex' },
  trylock: { a: 'mutex' },
  unlock: { weight: 3, a: 'own' },
  wait: { weight: 4, a: 'cond', b: 'own' },
  signal: { weight: 3, a: 'cond' },
  broadcast: { weight: 2, a: 'cond' },
  send: { weight: 3, a: 'client' },
  call: { weight: 6, a: 'client' },
  client_connect_send: { weight: 5, a: 'client' },
  client_connect_send_over_receive: { weight: 6, a: 'client' },
  wait_receive: { weight: 14, a: 'set' },
  reply: { weight: 2 },
  reply_wait_receive: { weight: 3, a: 'set' },
  server_ack_send_wait_receive: { weight: 1, a: 'set' },
  server_send_wait_receive: { weight: 1, a: 'set' },
  get_client: { weight: 2, a: 'reference' },
  set_client: { weight: 4, a: 'parked' },
  get_server: { weight: 2, a: 'reference' },
  set_server: { weight: 4, a: 'parked' },
  interrupt: { weight: 6, a: 'thread' },
  stop: { weight: 5, a: 'thread' },
  start: { weight: 9, a: 'thread' },
  remake: { weight: 3, a: 'thread' },
  enable: { weight: 3 },
  set_handlers: { weight: 2 },
  rebuild: { weight: 4 },
};

function isMessage(verb: Verb): boolean {
  return verb.includes('send') || verb.includes('receive');
}

const place = fc.integer({ min: 0, max: PLACES - 1 });

/** A command before it is steered: `odd` says how little it is. */
export interface Choice extends Command {
  readonly odd: number;
}

export const choices: fc.Arbitrary<Choice> = fc.record({
  thread: fc.integer({ min: 0, max: THREADS - 1 }),
  verb: fc.oneof(
    ...verbs.map((verb) => ({ weight: tastes[verb]?.weight ?? 1, arbitrary: fc.constant(verb) })),
  ),
  type: fc.constantFrom(...typeNames),
  isFitting: fc.constant(true),
  a: place,
  b: place,
  c: place,
  value: fc.integer({ min: 0, max: 1999 }),
  odd: fc.integer({ min: 0, max: 19 }),
});

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(1, list.length)];
}

/** The command that the choice comes to, or null for none. */
export function steer(m: Model, choice: Choice): Command | null {
  const { odd, ...command } = choice;
  const thread = pick(threadsFor(m, odd), command.thread);
  if (thread === undefined) return null;
  const numbered = { ...command, thread: thread.slot };
  if (odd === 0) return { ...numbered, isFitting: false };
  if (odd === 1) return numbered;
  const verb = verbFor(m, thread, command);
  const taste = tastes[verb];
  const references: Wanted | undefined = isMessage(verb) ? 'reference' : undefined;
  const a = placeFor(m, thread, taste?.a, command.a);
  if (a === undefined) return remedy(m, thread, taste?.a, numbered);
  const b = placeFor(m, thread, taste?.b ?? references, command.b) ?? command.b;
  const c = odd === 2 ? PLACES - 1 : (placeFor(m, thread, taste?.c ?? references, command.c) ?? command.c);
  const type = verb === 'create' && command.value % 4 === 0 ? 'thread' : command.type;
  return { ...numbered, verb, type, a, b, c };
}

/** Threads with nothing to do; now and then, or if there are none, one that waits is made to do something else. */
function threadsFor(m: Model, odd: number): Thing[] {
  const alive = m.threads.filter((thread): thread is Thing => thread !== null && m.mayGo(thread));
  const idle = alive.filter((thread) => m.isIdle(thread));
  return idle.length === 0 || odd === 3 ? alive : idle;
}

/** What a thread in the middle of something says next, mostly. */
function verbFor(m: Model, thread: Thing, command: Command): Verb {
  const { verb, value } = command;
  const mood = Math.floor(value / 7) % 8;
  if (mood === 0 || verb === 'rebuild' || verb === 'start') return verb;
  const some = (list: readonly Verb[]): Verb => pick(list, Math.floor(value / 56)) as Verb;
  if (thread.server.isRequest && mood < 5)
    return some(['reply', 'reply_wait_receive', 'reply_wait_receive', 'get_client', 'wait_receive']);
  if (partnerOf(thread, 'server') !== null && mood < 6) {
    return thread.server.isSender
      ? some([
          'server_send',
          'server_send_over_receive',
          'server_over_receive',
          'server_send_wait_receive',
          'server_ack_send_wait_receive',
          'server_alert',
          'get_client',
          'server_disconnect',
        ])
      : some([
          'server_receive',
          'server_receive',
          'server_receive',
          'server_ack_send',
          'server_ack_send_over_receive',
          'server_ack_send_wait_receive',
          'server_alert',
        ]);
  }
  const owns = m.places.some((thing) => thing?.type === 'mutex' && thing.owner === thread);
  if (owns && mood === 7) return some(['wait', 'wait', 'unlock']);
  if (partnerOf(thread, 'client') !== null && mood > 2) {
    return thread.client.isSender
      ? some([
          'client_send',
          'client_send',
          'client_send_over_receive',
          'client_over_receive',
          'client_alert',
          'get_server',
          'client_disconnect',
        ])
      : some([
          'client_receive',
          'client_receive',
          'client_receive',
          'client_ack_send',
          'client_ack_send_over_receive',
          'client_alert',
        ]);
  }
  return verb;
}

/** A place where what is wanted lies; undefined if there is none. */
function placeFor(m: Model, thread: Thing, wanted: Wanted | undefined, number: number): number | undefined {
  if (wanted === undefined) return number;
  const all = Array.from({ length: PLACES }, (_, i) => i);
  const isType = (at: number, type: TypeName): boolean => m.places[at]?.type === type;
  const leadsTo = (at: number, type: TypeName): boolean =>
    isType(at, type) || (isType(at, 'reference') && live(m.places[at]?.target ?? null)?.type === type);
  const fits: Readonly<Record<'client' | 'set' | 'free' | 'own' | 'parked', (at: number) => boolean>> = {
    client: (at) => leadsTo(at, 'port'),
    set: (at) => leadsTo(at, 'portset'),
    parked: (at) => isType(at, 'reference') && leadsTo(at, 'thread'),
    free: (at) => m.places[at] === null,
    own: (at) => isType(at, 'mutex') && m.places[at]?.owner === thread,
  };
  const fit =
    wanted in fits ? fits[wanted as 'own'] : (at: number): boolean => isType(at, wanted as TypeName);
  return pick(all.filter(fit), number);
}

/** What is wanted is not there: it is made, or the mutex is locked first. */
function remedy(m: Model, thread: Thing, wanted: Wanted | undefined, command: Command): Command {
  if (wanted === 'own') {
    const a = placeFor(m, thread, 'mutex', command.a);
    if (a !== undefined) return { ...command, verb: 'lock', a };
  }
  if (wanted === 'parked') {
    const a = placeFor(m, thread, 'reference', command.a);
    return { ...command, verb: 'get_client', a: a ?? command.a };
  }
  const type =
    wanted === 'client' ? 'port' : wanted === 'set' ? 'portset' : wanted === 'own' ? 'mutex' : wanted;
  const a = placeFor(m, thread, 'free', command.a) ?? command.a;
  return {
    ...command,
    verb: 'create',
    type: type === undefined || type === 'free' ? 'reference' : type,
    isFitting: false,
    a,
  };
}

/** The command as a line of a program. */
export function describe(command: Command): string {
  const { verb, thread, type, isFitting, a, b, c, value } = command;
  if (verb === 'rebuild') return 'everything is rebuilt in a fresh kernel';
  return `thread ${thread}: ${verb}${isFitting ? '' : ` (${type})`} place ${a}, ${b}, ${c}, value ${value}`;
}
