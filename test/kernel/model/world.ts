/**
 * The kernel's side of the model: five threads in two spaces that both see one page of objects, each of which makes one
 * call at a time; what they then are is read through peek_state.
 *
 * Called by model.test.ts and its campaign.
 */
import { type EntryName, entries } from '../../../src/kernel/abi/entries.ts';
import { links, states, type TypeName, threadFlags } from '../../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a2, a7, s0, s1, s2, s3, s5, t0, zero } from '../assembler.ts';
import { words } from '../conversation.ts';
import { CODE, own, SLAB_SIZE, World } from '../world.ts';
import { firstOf, handlersOf, priorityOf, setTypes, shapeOf, typeOf, wordOf } from './calls.ts';
import { beginning } from './commands.ts';
import { bitsOf, pieceOf } from './memory.ts';
import { HANDLER_NOTE, type Model } from './model.ts';
import { hashOf, mutexFlagsOf } from './objects.ts';
import {
  AREA,
  type Command,
  MEMORY_PAGES,
  OBJECTS_MAX,
  PAGE,
  PAGES,
  SPACES,
  THREADS,
  THREADS_MAX,
} from './things.ts';

const SHARED_SLAB = 4 * SLAB_SIZE;
/** Where both spaces see the shared slab. */
const SHARED = 0x5000_0000;
const HIDDEN = 0x800;
const HIDDEN_REFERENCES = 5;
const LOG = 0x7000;
const MEMORY = 0x1_0000;
const at = states.thread.offset;
/** A thread's page: what it sends, what it receives, tables of references, handlers, states. */
const buffers = {
  send: 0,
  receive: 0x40,
  sendTable: 0x80,
  receiveTable: 0x88,
  handlers: 0xc0,
  state: 0x100,
  thread: 0x400,
};
const s6 = 22;
const s7 = 23;
const s8 = 24;
const s9 = 25;
const s10 = 26;

function pageOf(thread: number): number {
  return 0x1000 * (1 + thread);
}

function placeAddress(place: number): number {
  return SHARED_SLAB + 0x20 * place;
}

function hidden(thread: number, index: number): number {
  return HIDDEN + 0x20 * (thread * HIDDEN_REFERENCES + index);
}

/** What came of a thread's last call, with all registers that results may be in. */
export interface SeenResult {
  readonly kind: 'outcome' | 'fault' | 'trap';
  readonly code: number;
  readonly registers: Readonly<Record<string, number>>;
}

/** What a thread was seen to be. Links are places, -1 for none. */
export interface Seen {
  readonly result: SeenResult | null;
  readonly words: Readonly<Record<string, number>>;
  readonly received: readonly number[];
}

/** What every thread runs: one call, then a note in the log, then sleep. */
function program(): Assembler {
  const code = new Assembler().ecall();
  const note = (kind: number): Assembler => {
    code.ld(s2, s1).addi(s2, s2, 8).sd(s2, s1).add(s2, s2, s1);
    return code.addi(s3, s6, HANDLER_NOTE * kind).sd(s3, s2);
  };
  code.label('done').mv(s0, a0).li(s5, 1).label('note');
  note(0).label('sleep').li(a0, -1).li(a7, entries.clock_sleep.number).ecall().j('sleep');
  code.label('load').ld(a0, a1).j('done');
  code.label('store').sd(a2, a1, 8).li(a0, 0).j('done');
  // start, remake: take the state out, (destroy, create,) and put it in as running.
  code.label('program').mv(s8, a0).ecall();
  code.ld(s9, a1, at.flags).addi(s9, s9, -threadFlags.stopped).sd(s9, a1, at.flags).sd(s10, a1, at.priority);
  code.beq(s7, zero, 'set');
  for (const name of ['thread_destroy', 'thread_create'] as const)
    code.mv(a0, s8).li(a7, entries[name].number).ecall();
  code.label('set').mv(a0, s8).li(a7, entries.thread_set_state.number).ecall().j('done');
  code.label('trap').mv(s0, a0).li(s5, 2).j('note');
  for (const kind of [1, 2, 3]) {
    code.label(`handler${kind}`);
    note(kind).li(a7, entries.thread_return_from_exception.number).ecall();
  }
  return code;
}

const code = program();
const handlerLabels = ['trap', 'handler1', 'handler2', 'handler3'] as const;

function handlerAddresses(bits: number): number[] {
  return handlerLabels.map((label, i) => (((bits >> i) & 1) === 0 ? 0 : CODE + code.at(label)));
}

export class ModelWorld {
  readonly world = new World();
  readonly #reference: number;
  #limits: readonly [number, number] = [0, 0];

  constructor() {
    const { world } = this;
    // A failing program leaves its world broken, and the test checks for itself.
    world.isChecked = false;
    for (let i = 0; i < SPACES; i += 1) this.#addSpace(i);
    for (let slot = 0; slot < THREADS; slot += 1) this.#addThread(slot);
    for (const [place, type] of beginning) world.must(`${type}_create` as EntryName, placeAddress(place));
    for (let i = 0; i < THREADS * HIDDEN_REFERENCES; i += 1)
      world.must('reference_create', SHARED_SLAB + HIDDEN + 0x20 * i);
    this.#reference = world.scratch(6);
    const { objectCount, threadCount } = world.kernel.state;
    const placed = THREADS + SPACES + beginning.length;
    this.#limits = [objectCount + OBJECTS_MAX - placed, threadCount + THREADS_MAX - THREADS];
    this.#setLimits();
    world.run();
  }

  #addSpace(i: number): void {
    const { world } = this;
    const base = world.addProgram(1 + i, code, { pc: CODE + code.at('sleep') });
    world.must('thread_destroy', base + own.thread);
    world.must('space_move', base + own.space, placeAddress(THREADS + i));
    world.make(base, { 256: 'mapping', 288: 'mapping' });
    const windows = [
      { regionOffset: SHARED_SLAB, startAddress: SHARED, size: SLAB_SIZE, protection: 3 },
      {
        regionOffset: SHARED_SLAB + this.#memory(i, 0),
        startAddress: AREA,
        size: MEMORY_PAGES * PAGE,
        protection: 3,
      },
    ];
    windows.forEach((window, j) => {
      const refs = [world.reference('region'), base + own.spaceReference];
      world.setState('mapping', base + 0x100 + 0x20 * j, window, refs);
    });
    for (let page = 0; page < MEMORY_PAGES; page += 1)
      world.write(SHARED_SLAB + this.#memory(i, page), words([1000 * (i + 1) + page]));
  }

  #memory(space: number, page: number): number {
    return MEMORY + (space * MEMORY_PAGES + page) * PAGE;
  }

  #addThread(slot: number): void {
    const { world } = this;
    const { priority, isEnabled, handlers } = firstOf(slot);
    const { trap, interrupt, clientAlert, serverAlert } = handlers;
    const bits = [trap, interrupt, clientAlert, serverAlert];
    const addresses = handlerAddresses(bits.reduce((sum, bit, i) => sum + (bit ? 1 << i : 0), 0));
    const base = SLAB_SIZE * (1 + (slot % SPACES));
    world.must('thread_create', placeAddress(slot));
    world.write(SHARED_SLAB + pageOf(slot), new Uint8Array(PAGE));
    world.startThread(placeAddress(slot), base + own.spaceReference, {
      priority,
      pc: CODE + code.at('sleep'),
      threadAddress: slot,
      flags: isEnabled ? threadFlags.exceptionsEnabled : 0,
      trapHandler: addresses[0] ?? 0,
      interruptHandler: addresses[1] ?? 0,
      clientAlertHandler: addresses[2] ?? 0,
      serverAlertHandler: addresses[3] ?? 0,
      x9: SHARED + LOG,
      x21: 1,
      x22: slot,
    });
  }

  /** Limits of the task's own region, which is in no image. */
  #setLimits(): void {
    const { world } = this;
    world.must('region_peek_state', world.region, world.buffer);
    const { objectLimit, threadLimit } = states.region.offset;
    world.view.setBigUint64(objectLimit, BigInt(this.#limits[0]), true);
    world.view.setBigUint64(threadLimit, BigInt(this.#limits[1]), true);
    world.must('region_set_state', world.region, world.buffer);
  }

  /** Makes the command. The model is as it was before it, and says what lies where. */
  make(command: Command, model: Model): EntryName | null {
    const { world } = this;
    if (command.verb === 'rebuild') {
      world.rebuild();
      this.#setLimits();
      return null;
    }
    const { thread } = command;
    const page = SHARED_SLAB + pageOf(thread);
    world.write(SHARED_SLAB + LOG, new Uint8Array(512));
    const { words: count } = shapeOf(command);
    world.write(page, words(Array.from({ length: count }, (_, i) => wordOf(command.value, i))));
    world.write(page + buffers.receive, new Uint8Array(0x40));
    world.write(page + buffers.sendTable, words([placeAddress(command.b) - SHARED_SLAB + SHARED]));
    world.write(page + buffers.receiveTable, words([placeAddress(command.c) - SHARED_SLAB + SHARED]));
    world.write(page + buffers.handlers, words(handlerAddresses(handlersOf(command.value))));
    const type = typeOf(model, command);
    const name = nameOf(command, type);
    if (command.verb in setTypes) this.#writeState(command, type, page + buffers.state, model);
    this.#setGoing(command, type, name, model);
    world.run();
    return name;
  }

  /** The state that set_state loads, and references to its links. */
  #writeState(command: Command, type: TypeName, to: number, model: Model): void {
    const { world } = this;
    const { value } = command;
    const { start, size, offset, bits } = pieceOf(value);
    const fields: Partial<Record<TypeName, Readonly<Record<string, number>>>> = {
      mutex: { flags: mutexFlagsOf(value), locked: value % 2 },
      mapping: { regionOffset: offset, startAddress: start, size, protection: bits },
      region: { startAddress: start, size, protection: bits },
      port: { alias: value },
    };
    const bytes = new Uint8Array(states[type].size);
    const offsets = states[type].offset as Readonly<Record<string, number>>;
    for (const [word, number] of Object.entries(fields[type] ?? {}))
      bytes.set(words([number]), offsets[word]);
    world.write(to, bytes);
    [command.b, command.c].forEach((place, i) => {
      const target = model.places[place] ?? null;
      const reference = SHARED_SLAB + hidden(command.thread, i);
      const isNone = target === null || target.type === 'mapping' || target.type === 'reference';
      if (isNone) world.must('reference_copy', world.scratch(7), reference);
      else world.must(`${target.type}_reference` as EntryName, placeAddress(place), reference);
    });
  }

  /** Sets the thread behind its call. Links, and what its flags say of them, stay. */
  #setGoing(command: Command, type: TypeName, name: EntryName | null, model: Model): void {
    const { world } = this;
    const address = placeAddress(model.threads[command.thread]?.place ?? 0);
    world.must('thread_get_state', address, world.buffer);
    const { view } = world;
    const put = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);
    const flags = Number(view.getBigUint64(at.flags, true));
    put(at.flags, flags & ~(threadFlags.stopped | threadFlags.faulting));
    put(at.deadline, 0);
    const { verb, value } = command;
    const label =
      verb === 'load' || verb === 'store' ? verb : verb === 'start' || verb === 'remake' ? 'program' : null;
    put(at.pc, label === null ? CODE : CODE + code.at(label));
    const x = (register: number, number: number): void => put(at.x + 8 * register, number);
    x(s0, 0);
    x(s5, 0);
    x(s7, verb === 'remake' ? 1 : 0);
    x(s10, priorityOf(value));
    const given = argumentsOf(command, type);
    for (let i = 0; i < 7; i += 1) x(a0 + i, given[i] ?? 0);
    if (name !== null) x(a7, entries[name].number);
    const { sends, takes } = shapeOf(command);
    x(t0, sends ? 1 : 0);
    x(t0 + 1, takes ? 1 : 0);
    world.must('reference_copy', world.scratch(7), this.#reference);
    world.must('thread_set_state', address, world.buffer, 0, 0, this.#reference);
  }

  /** The place of what the reference points at, -1 for none. */
  #placeOf(reference: number): number {
    const { world } = this;
    if (world.call('reference_locate', reference, world.region) !== 0) return -1;
    return (world.task.result(0) - SHARED_SLAB) / 0x20;
  }

  /** What the thread of a program is now. */
  see(slot: number, model: Model): Seen {
    const { world } = this;
    const refs = [0, 1, 2, 3, 4].map((i) => world.scratch(i));
    world.must('thread_peek_state', placeAddress(model.threads[slot]?.place ?? 0), world.buffer, ...refs);
    const state = states.thread.read(world.view, 0);
    const x = (index: number): number => Number(state.x[index] ?? 0n);
    const [, , waitsAt, client, server] = refs.map((reference) => this.#placeOf(reference)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const registers = { a1: x(a1), a2: x(a2), a4: x(a0 + 4), t0: x(t0), t1: x(t0 + 1) };
    const flags = Number(state.flags);
    let result: SeenResult | null = null;
    if (x(s5) === 1) result = { kind: 'outcome', code: x(s0), registers };
    else if (x(s5) === 2) result = { kind: 'trap', code: x(s0), registers };
    else if ((flags & threadFlags.faulting) !== 0 && waitsAt === -1) {
      result = { kind: 'fault', code: Number(state.faultCode), registers };
    }
    const handlers = [
      state.trapHandler,
      state.interruptHandler,
      state.clientAlertHandler,
      state.serverAlertHandler,
    ];
    const page = SHARED_SLAB + pageOf(slot);
    return {
      result,
      words: {
        waitsAt,
        client,
        server,
        flags,
        pending: Number(state.pending),
        priority: Number(state.priority),
        handlers: handlers.reduce((sum, word, i) => sum + (word === 0n ? 0 : 1 << i), 0),
      },
      received: world.words(page + buffers.receive, 3),
    };
  }

  /** What `look` wrote: words of the state by name, and places of links by name. */
  looked(command: Command, type: TypeName): Readonly<Record<string, number>> {
    const { world } = this;
    const from = SHARED_SLAB + pageOf(command.thread) + buffers.state;
    const offsets = states[type].offset as Readonly<Record<string, number>>;
    const seen: Record<string, number> = {};
    for (const [word, offset] of Object.entries(offsets)) {
      if (word !== 'x' && word !== 'f') seen[word] = world.word(from + offset);
    }
    links[type].forEach((link, i) => {
      seen[`link ${link}`] = this.#placeOf(SHARED_SLAB + hidden(command.thread, i));
    });
    return seen;
  }

  /** The bits of the handlers that get_handlers wrote. */
  handlersOf(thread: number): number {
    const found = this.world.words(SHARED_SLAB + pageOf(thread) + buffers.handlers, 4);
    return found.reduce((sum, word, i) => sum + (word === 0 ? 0 : 1 << i), 0);
  }

  /** In which order calls ended and handlers were entered. */
  log(): number[] {
    const count = this.world.word(SHARED_SLAB + LOG) / 8;
    return this.world.words(SHARED_SLAB + LOG + 8, count);
  }
}

const plainNames: Readonly<Record<string, EntryName>> = {
  copy: 'reference_copy',
  compare: 'reference_compare',
  check: 'reference_check',
  type: 'reference_type',
  hash: 'reference_hash',
  lock: 'mutex_lock',
  trylock: 'mutex_trylock',
  unlock: 'mutex_unlock',
  wait: 'cond_wait',
  signal: 'cond_signal',
  broadcast: 'cond_broadcast',
  get_client: 'thread_get_client',
  set_client: 'thread_set_client',
  get_server: 'thread_get_server',
  set_server: 'thread_set_server',
  self: 'thread_self',
  enable: 'thread_enable_exceptions',
  disable: 'thread_disable_exceptions',
  get_handlers: 'thread_get_handlers',
  set_handlers: 'thread_set_handlers',
  interrupt: 'thread_interrupt',
  stop: 'thread_get_state',
  start: 'thread_get_state',
  remake: 'thread_get_state',
};

/** The entry point that the command is a call of; null for an access to memory. */
export function nameOf(command: Command, type: TypeName): EntryName | null {
  const { verb, value } = command;
  const plain = plainNames[verb];
  if (verb === 'load' || verb === 'store' || verb === 'rebuild') return null;
  if (plain !== undefined) return plain;
  if (verb === 'create') {
    return `${type}_create${hashOf(value) !== null && type !== 'reference' ? '_hash' : ''}` as EntryName;
  }
  if (verb === 'reference')
    return (type === 'reference' ? 'reference_copy' : `${type}_reference`) as EntryName;
  if (verb === 'look') {
    // Looking never disturbs, but for get_state of a thread.
    return `${type}_${type !== 'thread' && value % 2 === 1 ? 'get' : 'peek'}_state` as EntryName;
  }
  if (verb === 'destroy' || verb === 'move' || verb === 'protect') return `${type}_${verb}` as EntryName;
  if (verb in setTypes) return `${type}_set_state` as EntryName;
  return `ipc_${verb}` as EntryName;
}

function argumentsOf(command: Command, type: TypeName): readonly number[] {
  const { verb, thread, value } = command;
  const [a, b] = [command.a, command.b].map((place) => SHARED + 0x20 * place) as [number, number];
  const page = SHARED + pageOf(thread);
  const refs = Array.from({ length: HIDDEN_REFERENCES }, (_, i) => SHARED + hidden(thread, i));
  if (verb === 'load' || verb === 'store') return [0, AREA + (command.a % PAGES) * PAGE, value];
  if (verb === 'create') return [a, hashOf(value) ?? 0];
  if (verb === 'look') return [a, page + buffers.state, ...refs.slice(0, links[type].length)];
  if (verb === 'start' || verb === 'remake') return [a, page + buffers.thread, ...refs];
  if (verb === 'stop') return [a, 0, 0, 0, 0, 0, 0];
  if (verb === 'protect') return [a, bitsOf(value)];
  if (verb === 'get_handlers' || verb === 'set_handlers') return [page + buffers.handlers];
  // Schedulers are no part of the model.
  const linkCount = type === 'space' ? 1 : links[type].length;
  if (verb in setTypes) return [a, page + buffers.state, ...refs.slice(0, linkCount)];
  if (
    verb === 'send' ||
    verb === 'call' ||
    verb.includes('send') ||
    verb.includes('receive') ||
    verb === 'reply'
  ) {
    const { words: count, room } = shapeOf(command);
    const table = [page + buffers.sendTable, page + buffers.receiveTable];
    return [a, count > 0 ? page : 0, 8 * count, page + buffers.receive, 8 * room, ...table];
  }
  return [a, b];
}
