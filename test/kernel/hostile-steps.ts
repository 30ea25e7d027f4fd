/**
 * Random steps of an attack: calls of every entry point with arguments that fit, nearly fit, or do not fit at all, and
 * states with words flipped or replaced. Made from a seed alone. Called by hostile-campaign.ts and hostile.test.ts.
 */
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { links, states, type TypeName, typeNames } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a7, t0, t1 } from './assembler.ts';
import {
  type CallStep,
  FREE,
  furniture,
  handlerWords,
  LOOKOUT,
  OBJECTS,
  RECORDS,
  REFERENCES,
  type Step,
  slabs,
  WINDOW,
  WORKER_SLEEP,
  WORKERS,
} from './hostile-arena.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE } from './world.ts';

export type Next = (end: number) => number;

/** A small generator, so that a failing seed can be run again. */
export function generator(seed: number): Next {
  let state = (Math.imul(seed, 2654435761) ^ 0x5bf0_3635) >>> 0;
  return (end) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return Math.floor((((z ^ (z >>> 14)) >>> 0) / 2 ** 32) * end);
  };
}

const names = Object.keys(entries) as EntryName[];
const U64 = 2n ** 64n;

function pick<T>(next: Next, list: readonly T[]): T {
  return list[next(list.length)] as T;
}

/** Any 64 bits, the edges more often. */
export function anyWord(next: Next): bigint {
  const kind = next(9);
  if (kind === 0) return BigInt(next(16));
  if (kind === 1) return BigInt(next(64) * 4096);
  if (kind === 2) return U64 - BigInt(1 + next(4096));
  if (kind === 3) return 2n ** BigInt(next(64)) + BigInt(next(3)) - 1n;
  if (kind === 4) return (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32));
  if (kind === 5) return BigInt(PROGRAM + next(SLAB_SIZE));
  if (kind === 6) return BigInt(next(6) * SLAB_SIZE + 0x20 * next(128));
  if (kind === 7)
    return pick(next, [0x3fff_ffff_f000n, 0x40_0000_0000n, 2n ** 51n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n]);
  return 0n;
}

/** An address of the caller at which an object of the type may lie. */
function objectAddress(next: Next, type: TypeName): bigint {
  const places = furniture.flatMap((kind, i) => (kind === type ? [i] : []));
  const kind = next(12);
  if (kind < 8) return BigInt(PROGRAM + OBJECTS + 0x20 * pick(next, places));
  if (kind === 8) return BigInt(PROGRAM + REFERENCES + 0x20 * pick(next, places));
  if (kind === 9) return BigInt(PROGRAM + OBJECTS + 0x20 * next(furniture.length));
  if (kind === 10) return BigInt(PROGRAM + FREE + 0x20 * next(8));
  return type === 'thread' ? BigInt(PROGRAM + 0x800 + 0x20 * next(WORKERS)) : anyAddress(next);
}

function referenceAddress(next: Next, isOptional: boolean): bigint {
  const kind = next(12);
  if (isOptional && kind < 4) return 0n;
  if (kind < 10) return BigInt(PROGRAM + REFERENCES + 0x20 * next(furniture.length));
  if (kind === 10) return BigInt(PROGRAM + pick(next, [own.spaceReference, own.output, own.gate]));
  return anyAddress(next);
}

function anyAddress(next: Next): bigint {
  const kind = next(8);
  if (kind === 0) return anyWord(next);
  if (kind === 1) return BigInt(WINDOW + 0x20 * next(0x1000));
  if (kind === 2) return BigInt(WINDOW + 0x1_0000 + next(0x1_0000));
  if (kind === 3) return BigInt(PROGRAM + SLAB_SIZE - next(64));
  return BigInt(PROGRAM + 0x20 * next(128));
}

function bufferAddress(next: Next): bigint {
  const kind = next(10);
  if (kind < 6) return BigInt(RECORDS + 0x400 * next(16));
  if (kind === 6) return BigInt(DATA + 4096 * next(40) - next(16));
  if (kind === 7) return BigInt((next(2) === 0 ? WINDOW : LOOKOUT) + next(0x1_2000));
  return anyAddress(next);
}

function length(next: Next): bigint {
  const kind = next(8);
  if (kind < 3) return BigInt(next(64));
  if (kind < 5) return BigInt(next(9000));
  if (kind === 5) return BigInt(next(300_000));
  return kind === 6 ? 0n : anyWord(next);
}

/** An argument that fits its name in the table. */
function fitting(next: Next, entry: EntryName, name: string): bigint {
  if ((typeNames as readonly string[]).includes(name)) {
    return name === 'reference' ? referenceAddress(next, false) : objectAddress(next, name as TypeName);
  }
  if (name === 'destination' && entry.endsWith('_move')) return BigInt(PROGRAM + FREE + 0x20 * next(8));
  if (name === 'destination' || name === 'other') return referenceAddress(next, false);
  if (name.endsWith('Reference')) return referenceAddress(next, true);
  if (/^(state|saved|handlers|record|items|send|receive|source)$/.test(name)) return bufferAddress(next);
  if (/Length$|Count$|^size$|^ticks$/.test(name)) return length(next);
  if (name === 'offset') return BigInt(next(64) * pick(next, [32, 4096, 1]));
  if (name === 'protection' || name === 'kind' || name === 'sensitivity') return BigInt(next(9));
  if (name === 'deadline') return BigInt(next(2_000_000));
  if (name.endsWith('Entry')) return BigInt(CODE + 4 * next(400));
  return anyWord(next);
}

/** Registers of one call. */
export function randomCall(next: Next): bigint[] {
  const entry = pick(next, names);
  const parts: readonly string[] = entries[entry].arguments;
  const registers = Array.from({ length: 7 }, (_, i) => {
    const name = parts[i];
    if (name === undefined) return i >= 5 ? BigInt(RECORDS + 0x400 * next(16)) : anyWord(next);
    return next(8) === 0 ? anyWord(next) : fitting(next, entry, name);
  });
  const number = next(60) === 0 ? anyWord(next) : BigInt(entries[entry].number);
  return [...registers, number, BigInt(next(3)), BigInt(next(3))];
}

/** A record of a thread's state (or of any other type): small numbers, addresses, flags and junk. */
export function randomRecord(next: Next): Uint8Array {
  const bytes = new Uint8Array(states.thread.size);
  const view = new DataView(bytes.buffer);
  const at = states.thread.offset;
  const put = (offset: number, value: number | bigint): void => {
    view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
  };
  for (let offset = 0; offset < bytes.length; offset += 8) put(offset, next(3) === 0 ? anyWord(next) : 0n);
  if (next(4) === 0) return bytes;
  // Mostly plausible: a thread in the middle of some call, or in code.
  put(at.pc, CODE + 4 * next(400));
  put(at.flags, next(2) === 0 ? 0 : next(8192));
  put(at.priority, next(32));
  put(at.faultAccess, next(8));
  put(at.faultCode, pick(next, [0, 0x200 + next(16), 0x100 + next(16)]));
  put(at.faultAddress, DATA);
  for (const name of ['retired', 'turn', 'ticket', 'quantumLeft', 'deadline', 'pending'] as const)
    put(at[name], next(4));
  const registers = randomCall(next);
  for (let i = 0; i < 8; i += 1) put(at.x + 8 * (10 + i), registers[i] ?? 0n);
  // The same bytes are a plausible mapping or region too.
  if (next(3) === 0) {
    const window = [next(16) * 4096, WINDOW + next(16) * 4096, next(16) * 4096, next(8), next(2), next(2)];
    for (const [i, word] of window.entries()) put(8 * (i + 2), word);
  }
  return bytes;
}

/** A program of random calls, for threads whose pc leads there. */
export function randomCode(next: Next): Assembler {
  const code = new Assembler().label('start');
  for (let i = 0; i < 30; i += 1) {
    const registers = randomCall(next);
    for (let j = 0; j < 5; j += 1) code.li(a0 + j, Number(BigInt.asUintN(52, registers[j] ?? 0n)));
    code
      .li(t0, next(3))
      .li(t1, next(3))
      .li(a7, Number(BigInt.asUintN(52, registers[7] ?? 0n)))
      .ecall();
  }
  return code.j('start');
}

const linkTypes: Readonly<Record<string, TypeName>> = {
  owner: 'thread',
  inheritor: 'thread',
  client: 'thread',
  server: 'thread',
  region: 'region',
  space: 'space',
  keeper: 'port',
  scheduler: 'port',
  portset: 'portset',
};

/** Offset of a reference for this link: mostly one to an object of the right type, now and then to the own space. */
function linkReference(next: Next, link: string): number {
  const type = linkTypes[link];
  if (type === undefined || next(5) === 0) return REFERENCES + 0x20 * next(furniture.length);
  if (type === 'space' && next(2) === 0) return own.spaceReference;
  const places = furniture.flatMap((kind, i) => (kind === type ? [i] : []));
  return REFERENCES + 0x20 * pick(next, places);
}

function randomState(next: Next): Step {
  const slab = pick(next, slabs.attackers);
  const isWorker = next(8) === 0;
  const index = next(furniture.length);
  const type = isWorker ? 'thread' : (furniture[index] as TypeName);
  const offset = isWorker ? 0x800 + 0x20 * next(WORKERS) : OBJECTS + 0x20 * index;
  const wordCount = states[type].size / 8;
  const words = Array.from({ length: next(type === 'thread' ? 6 : 4) }, () => {
    const isFlip = next(2) === 0;
    // The first forty words of a thread are the interesting ones.
    const at = next(3) === 0 ? next(wordCount) : next(Math.min(wordCount, 40));
    // Serials that were handed out: nobody may take one.
    if (at === 1) return { index: 1, value: BigInt(20 + next(300)), isFlip: false };
    return { index: at, value: isFlip ? 1n << BigInt(next(64)) : anyWord(next), isFlip };
  });
  if (type === 'thread' && next(3) > 0) {
    const a7 = states.thread.offset.x / 8 + 17;
    words.push({ index: a7, value: BigInt(entries[pick(next, names)].number), isFlip: false });
  }
  const references = links[type].map((link) => (next(2) === 0 ? -1 : linkReference(next, link)));
  return { kind: 'state', slab, offset, type, words, references, isStarted: next(4) > 0 };
}

/** A call with these arguments, by name of the entry. */
function callOf(next: Next, worker: number, entry: EntryName, args: readonly (number | bigint)[]): CallStep {
  const values = args.map((value) => BigInt(value));
  const registers = Array.from(
    { length: 7 },
    (_, i) => values[i] ?? (i >= 5 ? BigInt(RECORDS + 0x400 * next(16)) : 0n),
  );
  return {
    kind: 'call',
    worker,
    registers: [...registers, BigInt(entries[entry].number), BigInt(next(3)), BigInt(next(3))],
    priority: 16,
    isPatient: false,
    isFresh: false,
  };
}

const verbs = names.filter((name) => name.startsWith('ipc_'));

/**
 * Workers that really meet: one waits at a port set, another calls or connects to its port, then both go on with verbs of
 * the conversation, plausible and otherwise.
 */
function conversation(next: Next): Step[] {
  const index = furniture.indexOf('port') * 0x20;
  const set = PROGRAM + OBJECTS + furniture.indexOf('portset') * 0x20;
  // The first attacker serves; the second has a reference to its port, and so has the first itself.
  const server = next(WORKERS);
  const client = next(2) === 0 ? WORKERS + next(WORKERS) : (server + 1) % WORKERS;
  // Some buffers lie where nothing is: their faults go to a port of the attackers themselves.
  const buffer = (): number =>
    next(8) === 0 ? WINDOW + 0x1_0000 - next(3) * 0x40 : RECORDS + 0x400 * next(16);
  const size = (): number => pick(next, [0, 8, 100, 1000, 5000]);
  const port = PROGRAM + REFERENCES + index;
  const wait = pick(next, ['ipc_wait_receive', 'ipc_setup_wait_receive'] as const);
  const steps: Step[] = [callOf(next, server, wait, [set, 0, 0, buffer(), size()])];
  const meet = pick(next, [
    'ipc_call',
    'ipc_send',
    'ipc_client_connect_send',
    'ipc_client_connect_send_over_receive',
  ] as const);
  steps.push(callOf(next, client, meet, [port, buffer(), size(), buffer(), size()]));
  if (next(3) === 0) steps.reverse();
  for (let i = next(6); i > 0; i -= 1) {
    const isServer = next(2) === 0;
    const side = verbs.filter(
      (verb) =>
        verb.startsWith(isServer ? 'ipc_server' : 'ipc_client') ||
        verb === 'ipc_reply' ||
        verb === 'ipc_reply_wait_receive',
    );
    const verb = pick(next, side);
    if (next(4) === 0) steps.push(randomCallStep(next), ...(next(4) === 0 ? [randomState(next)] : []));
    const first = verb.includes('connect') ? port : set;
    steps.push(callOf(next, isServer ? server : client, verb, [first, buffer(), size(), buffer(), size()]));
  }
  return steps;
}

/** Workers that meet at a mutex and a cond. */
function turns(next: Next): Step[] {
  const place = (type: TypeName): number => PROGRAM + OBJECTS + furniture.indexOf(type) * 0x20;
  const mutex = place('mutex');
  const cond = place('cond');
  const side = WORKERS * next(2);
  return Array.from({ length: 3 + next(6) }, () => {
    const entry = pick(next, [
      'mutex_lock',
      'mutex_trylock',
      'mutex_unlock',
      'cond_wait',
      'cond_wait',
      'cond_signal',
      'cond_broadcast',
      'cond_wait_again',
    ] as const);
    const args = entry.startsWith('cond') ? [cond, mutex] : [mutex];
    return { ...callOf(next, side + next(WORKERS), entry, args), isPatient: next(8) > 0 } as Step;
  });
}

/** A worker gets handlers and takes what it is sent, in and out of waits. */
function handling(next: Next): Step[] {
  const side = next(2);
  const index = next(WORKERS);
  const worker = side * WORKERS + index;
  const other = side * WORKERS + ((index + 1) % WORKERS);
  const slab = slabs.attackers[side] as number;
  const offset = 0x800 + 0x20 * index;
  const words = handlerWords.map((name) => ({
    index: states.thread.offset[name] / 8,
    value: BigInt(pick(next, [0, WORKER_SLEEP, WORKER_SLEEP, CODE, CODE + 4 * next(400), WINDOW + 0x1_0000])),
    isFlip: false,
  }));
  const steps: Step[] = [
    {
      kind: 'state',
      slab,
      offset,
      type: 'thread',
      words,
      references: [-1, -1, -1, -1, -1],
      isStarted: false,
    },
    callOf(next, worker, 'thread_enable_exceptions', []),
  ];
  const place = PROGRAM + offset;
  for (let i = 1 + next(6); i > 0; i -= 1) {
    const kind = next(7);
    if (kind < 2) steps.push({ ...randomCallStep(next), worker, isFresh: false });
    else if (kind === 2) steps.push(callOf(next, other, 'thread_interrupt', [place]));
    else if (kind === 3) steps.push(callOf(next, worker, 'thread_return_from_exception', []));
    else if (kind === 4)
      steps.push(callOf(next, worker, 'thread_set_saved_state', [RECORDS + 0x400 * next(16)]));
    else if (kind === 5) steps.push(callOf(next, worker, 'thread_enable_exceptions', []));
    else steps.push(...conversation(next).slice(0, 2 + next(3)));
  }
  return steps;
}

/** Threads that schedule each other: ports as schedulers, donations, in rows and in circles. */
function scheduling(next: Next): Step[] {
  const side = next(2);
  const slab = slabs.attackers[side] as number;
  const index = furniture.indexOf('port') * 0x20;
  const set = PROGRAM + OBJECTS + furniture.indexOf('portset') * 0x20;
  const place = (worker: number): number => PROGRAM + 0x800 + 0x20 * worker;
  const steps: Step[] = [];
  for (let i = 1 + next(3); i > 0; i -= 1) {
    const offset =
      next(5) === 0 ? OBJECTS + 0x20 * furniture.indexOf('thread') : 0x800 + 0x20 * next(WORKERS);
    const scheduler = next(4) === 0 ? REFERENCES : REFERENCES + index;
    const references = [-1, scheduler, -1, -1, -1];
    steps.push({
      kind: 'state',
      slab,
      offset,
      type: 'thread',
      words: [],
      references,
      isStarted: next(2) === 0,
    });
  }
  for (let i = 2 + next(6); i > 0; i -= 1) {
    const worker = side * WORKERS + next(WORKERS);
    const target =
      next(6) === 0 ? PROGRAM + OBJECTS + 0x20 * furniture.indexOf('thread') : place(next(WORKERS));
    const args = [target, pick(next, [0, 1, 100, 5000, 1e9]), pick(next, [0, set]), next(4)];
    if (next(3) > 0)
      steps.push({ ...callOf(next, worker, 'thread_schedule', args), isPatient: next(2) === 0 });
    else if (next(2) === 0) steps.push(callOf(next, worker, 'ipc_wait_receive', [set, 0, 0, RECORDS, 64]));
    else steps.push({ ...randomCallStep(next), worker });
  }
  return steps;
}

const rugs = ['mutex', 'cond', 'port', 'portset', 'region', 'mapping', 'thread', 'space'] as const;

/** Somebody waits for an object, or uses it, and another destroys or moves it; then something else lies at its address. */
function pulling(next: Next): Step[] {
  const side = WORKERS * next(2);
  const first = next(WORKERS);
  const [holder, waiter, puller] = [0, 1, 2].map((i) => side + ((first + i) % WORKERS)) as [
    number,
    number,
    number,
  ];
  const place = (type: TypeName): number => PROGRAM + OBJECTS + furniture.indexOf(type) * 0x20;
  const reference = (type: TypeName): number => place(type) - OBJECTS + REFERENCES;
  const rug = pick(next, rugs);
  const buffer = RECORDS + 0x400 * next(16);
  const begin: readonly (readonly [number, EntryName, readonly number[]])[] = pick(next, [
    [
      [holder, 'mutex_lock', [place('mutex')]],
      [waiter, 'mutex_lock', [place('mutex')]],
    ],
    [
      [waiter, 'mutex_lock', [place('mutex')]],
      [waiter, 'cond_wait', [place('cond'), place('mutex')]],
    ],
    [[waiter, 'ipc_call', [reference('port'), buffer, 8, buffer, 64]]],
    [[waiter, 'ipc_wait_receive', [place('portset'), 0, 0, buffer, 64]]],
    [
      [holder, 'ipc_wait_receive', [place('portset'), 0, 0, buffer, 64]],
      [waiter, 'ipc_client_connect_send', [reference('port'), buffer, 9000]],
    ],
  ]);
  const isWorker = rug === 'thread' && next(2) === 0;
  const at = isWorker ? PROGRAM + 0x800 + 0x20 * (pick(next, [holder, waiter]) - side) : place(rug);
  const free = PROGRAM + FREE + 0x20 * next(8);
  const pull = pick(next, [`${rug}_destroy`, `${rug}_destroy`, `${rug}_move`] as const) as EntryName;
  const again = pick(next, [rug, rug, pick(next, rugs)]);
  const steps: Step[] = begin.map(([worker, entry, args]) => callOf(next, worker, entry, args));
  steps.push(callOf(next, puller, pull, [at, free]));
  if (next(4) > 0) steps.push(callOf(next, puller, `${again}_create` as EntryName, [at]));
  if (next(2) === 0) {
    // Back again, or another one gets the references that named the first.
    const isMoved = next(2) === 0 || again === 'mapping';
    const back = (isMoved ? `${rug}_move` : `${again}_reference`) as EntryName;
    steps.push(callOf(next, puller, back, isMoved ? [free, at] : [at, reference(rug)]));
  }
  steps.push({ ...randomCallStep(next), worker: puller });
  if (next(3) === 0) steps.push(callOf(next, holder, 'mutex_unlock', [place('mutex')]));
  return steps;
}

function randomCallStep(next: Next): CallStep {
  return {
    kind: 'call',
    worker: next(slabs.attackers.length * WORKERS),
    registers: randomCall(next),
    priority: next(4) === 0 ? next(32) : 16,
    isPatient: next(2) === 0,
    isFresh: next(4) === 0,
  };
}

function randomScene(next: Next, statesIn100: number, rebuildIn: number): Step[] {
  if (rebuildIn > 0 && next(rebuildIn) === 0) return [{ kind: 'rebuild' }];
  if (next(100) < statesIn100) return [randomState(next)];
  const kind = next(40);
  if (kind < 4) return conversation(next);
  if (kind < 6) return turns(next);
  if (kind < 8) return handling(next);
  if (kind < 10) return scheduling(next);
  if (kind < 12) return pulling(next);
  return [randomCallStep(next)];
}

/** The steps of an attack. `statesIn100` of a hundred are states, one in `rebuildIn` takes everything apart. */
export function randomSteps(next: Next, count: number, statesIn100: number, rebuildIn: number): Step[] {
  const steps: Step[] = [];
  while (steps.length < count) steps.push(...randomScene(next, statesIn100, rebuildIn));
  return steps;
}
