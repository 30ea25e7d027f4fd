/**
 * What the reference model is made of: things at numbered places, threads among them, and the calls that threads make.
 *
 * The model is written from what the table says of the entry points and from the facts about the API (fluke.md A to C),
 * not from how the kernel does it: no registers, no queues, no page tables. Who waits where is a link and a ticket; whose
 * turn it is is looked up by going through all threads. Plain data, copied and compared freely. Tests only.
 */
import type { TypeName } from '../../../src/kernel/abi/types.ts';

/** Everything lies at a place that every thread can name; the first are threads, then two spaces in which they live. */
export const THREADS = 5;
export const SPACES = 2;
export const PLACES = 28;
/** Objects that may lie in the memory of the model, and threads. */
export const OBJECTS_MAX = 23;
export const THREADS_MAX = 6;
/** Pages that windows are about, in every space: the lower half is memory in the first two spaces, the rest windows. */
export const PAGES = 8;
export const MEMORY_PAGES = 4;
export const AREA = 0x6000_0000;
export const PAGE = 4096;
/** Words that a message may have. */
export const WORDS_MAX = 3;

/** One side of a conversation: what a thread knows of its server (as client) or of its client (as server). */
export interface End {
  peer: Thing | null;
  /** I have the line. */
  isSender: boolean;
  /** My peer has taken the conversation out for now. */
  isParked: boolean;
  /** It is over and I was not told. */
  over: null | 'ended' | 'broken';
  /** Of a server: the link is to who waits for an answer, not a conversation. */
  isRequest: boolean;
}

export type Side = 'client' | 'server';

/** What is left of a call that says something to somebody, in order. */
export type Phase = 'connect' | 'ack' | 'send' | 'over' | 'receive' | 'reply' | 'wait';

export interface Command {
  readonly thread: number;
  readonly verb: Verb;
  /** The type that the entry point is for, unless `isFitting`: then it is for what lies at `a`. */
  readonly type: TypeName;
  readonly isFitting: boolean;
  /** Places: the object, and what else the call names. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** Any number; verbs make of it what they need. */
  readonly value: number;
}

export const messageVerbs = {
  client_connect_send: ['connect', 'send'],
  client_connect_send_over_receive: ['connect', 'send', 'over', 'receive'],
  client_send: ['send'],
  client_send_over_receive: ['send', 'over', 'receive'],
  client_over_receive: ['over', 'receive'],
  client_receive: ['receive'],
  client_ack_send: ['ack', 'send'],
  client_ack_send_over_receive: ['ack', 'send', 'over', 'receive'],
  server_send: ['send'],
  server_send_over_receive: ['send', 'over', 'receive'],
  server_over_receive: ['over', 'receive'],
  server_receive: ['receive'],
  server_ack_send: ['ack', 'send'],
  server_ack_send_over_receive: ['ack', 'send', 'over', 'receive'],
  server_send_wait_receive: ['send', 'wait'],
  server_ack_send_wait_receive: ['ack', 'send', 'wait'],
  reply: ['reply'],
  reply_wait_receive: ['reply', 'wait'],
  wait_receive: ['wait'],
} as const satisfies Record<string, readonly Phase[]>;

export const otherVerbs = [
  'create',
  'destroy',
  'move',
  'reference',
  'look',
  'copy',
  'compare',
  'check',
  'type',
  'hash',
  'set_mutex',
  'set_cond',
  'set_mapping',
  'set_region',
  'set_port',
  'set_portset',
  'set_space',
  'set_reference',
  'protect',
  'load',
  'store',
  'lock',
  'trylock',
  'unlock',
  'wait',
  'signal',
  'broadcast',
  'send',
  'call',
  'client_disconnect',
  'server_disconnect',
  'client_alert',
  'server_alert',
  'get_client',
  'set_client',
  'get_server',
  'set_server',
  'self',
  'enable',
  'disable',
  'get_handlers',
  'set_handlers',
  'interrupt',
  'stop',
  'start',
  'remake',
  'rebuild',
] as const;

export type MessageVerb = keyof typeof messageVerbs;
export type Verb = MessageVerb | (typeof otherVerbs)[number];
export const verbs: readonly Verb[] = [...(Object.keys(messageVerbs) as MessageVerb[]), ...otherVerbs];

/** A command as a thread makes it, with what is left of it. */
export interface Call {
  readonly command: Command;
  /** The type that the entry point is for. */
  readonly type: TypeName;
  /** The calls of a small program (`start`, `remake`) that are done, and the state that it took out. */
  stage: number;
  taken: Thing | null;
  /** A sleeper on a cond that is awake: what is left is to lock the mutex at `b`. */
  isLock: boolean;
  side: Side;
  rest: Phase[];
  /** Words left to send, room for words left, words received so far. */
  send: number[];
  room: number;
  got: number;
  /** The place of a reference left to send, and the place of one that may be received; -1: none. */
  sendsReference: number;
  takesReference: number;
  /** What the receiver is told of the message: flavour and alias. */
  flavour: number;
  alias: number;
}

/** Registers of a call that is over, as far as the model says something of them: by name. */
export type Registers = Readonly<Record<string, number>>;

/** What came of a thread's last call. */
export type Result =
  | { readonly kind: 'outcome'; readonly code: number; readonly registers: Registers }
  | { readonly kind: 'fault' | 'trap'; readonly code: number };

export interface Handlers {
  trap: boolean;
  interrupt: boolean;
  clientAlert: boolean;
  serverAlert: boolean;
}

/** What a thread does when it runs next. */
export type Step = 'call' | 'note' | 'sleep' | 'handler' | 'trap';

export interface Fault {
  readonly code: number;
  /** Of an access to memory: the page, and the right that it needs. */
  readonly page: number;
  readonly access: number;
}

export interface Thing {
  readonly type: TypeName;
  place: number;
  isAlive: boolean;
  /** Write-once; null: the kernel chose it. */
  readonly hash: number | null;
  // Of a mutex: flags, owner. Of a cond: flags, inheritor. Of a reference: target. Of a port: alias, set.
  flags: number;
  owner: Thing | null;
  inheritor: Thing | null;
  target: Thing | null;
  alias: number;
  set: Thing | null;
  // Of regions and spaces: keeper. Of regions, mappings and threads: space. Of windows: the rest.
  keeper: Thing | null;
  space: Thing | null;
  region: Thing | null;
  offset: number;
  start: number;
  size: number;
  bits: number;
  /** A space with memory of its own. */
  hasMemory: boolean;
  // Of a thread.
  /** Which of the five programs it runs; -1: none. */
  slot: number;
  isStopped: boolean;
  /** Waiting: in a call, at a fault, or asleep when it has nothing to do. Stuck: at a fault that nobody answers. */
  status: 'runs' | 'waits' | 'stuck';
  waitsAt: Thing | null;
  ticket: number;
  turn: number;
  priority: number;
  /** While it waits for a keeper, or is stuck. */
  fault: Fault | null;
  /** The server that it waits for has taken out its request. */
  isPutOff: boolean;
  client: End;
  server: End;
  isEnabled: boolean;
  handlers: Handlers;
  pending: { interrupt: boolean; clientAlert: boolean; serverAlert: boolean };
  call: Call | null;
  step: Step;
  /** What a handler interrupted: the step, and whether exceptions were enabled. */
  savedStep: Step;
  savedEnabled: boolean;
  /** Which handler it is in. */
  handler: number;
  result: Result;
}

export function emptyEnd(): End {
  return { peer: null, isSender: false, isParked: false, over: null, isRequest: false };
}

/** A new thing: all its links are null, a thread is stopped. */
export function newThing(type: TypeName, place: number, hash: number | null): Thing {
  return {
    type,
    place,
    hash,
    isAlive: true,
    flags: 0,
    owner: null,
    inheritor: null,
    target: null,
    alias: 0,
    set: null,
    keeper: null,
    space: null,
    region: null,
    offset: 0,
    start: 0,
    size: 0,
    bits: 0,
    hasMemory: false,
    slot: -1,
    isStopped: true,
    status: 'stuck',
    waitsAt: null,
    ticket: 0,
    turn: 0,
    priority: 16,
    fault: null,
    isPutOff: false,
    client: emptyEnd(),
    server: emptyEnd(),
    isEnabled: false,
    handlers: { trap: false, interrupt: false, clientAlert: false, serverAlert: false },
    pending: { interrupt: false, clientAlert: false, serverAlert: false },
    call: null,
    step: 'sleep',
    savedStep: 'sleep',
    savedEnabled: false,
    handler: 0,
    result: outcome(0),
  };
}

export function outcome(code: number, registers: Registers = {}): Result {
  return { kind: 'outcome', code, registers };
}

export function faultOf(code: number): Result {
  return { kind: 'fault', code };
}

/** A link that is read: what it leads to, if that is alive. */
export function live(thing: Thing | null): Thing | null {
  return thing?.isAlive === true ? thing : null;
}

export function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}
