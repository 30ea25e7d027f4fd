/**
 * The kernel's side of the model test: five threads in two spaces that both see one page of objects, each of which makes
 * one call at a time; what they then hold, and who waits for what, is read through peek_state.
 *
 * Called by model.test.ts.
 */
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { states, threadFlags, typeNumbers } from '../../src/kernel/abi/types.ts';
import { Assembler, a0, a1, a7, s0, s5, t0 } from './assembler.ts';
import { type Command, type Model, type Result, THREADS } from './model.ts';
import { CODE, own, SLAB_SIZE, World } from './world.ts';

const SHARED_SLAB = 4 * SLAB_SIZE;
/** Where both spaces see the shared slab. */
const SHARED = 0x5000_0000;
const at = states.thread.offset;
/** A thread's page: what it sends, what it receives, answers, and a state record. */
const buffers = { send: 0, receive: 64, answer: 128, state: 192 } as const;

function pageOf(thread: number): number {
  return 0x1000 * (1 + thread);
}

/** What a thread was seen to be. */
export interface Seen {
  readonly result: Result | null;
  /** Place, or number of the thread, that it waits for. */
  readonly waitsAt: number | null;
  readonly waitsFor: number | null;
  readonly received: number;
  readonly answered: number;
}

export class ModelWorld {
  readonly world = new World();
  readonly #reference: number;

  constructor() {
    const { world } = this;
    // A failing program leaves its world broken, and the test checks for itself.
    world.isChecked = false;
    const code = new Assembler().ecall().mv(s0, a0).li(s5, 1);
    code.label('sleep').li(a0, -1).li(a7, entries.clock_sleep.number).ecall().j('sleep');
    for (const slab of [1, 2]) {
      const base = world.addProgram(slab, code, { pc: CODE + code.at('sleep') });
      const links = [world.reference('region'), base + own.spaceReference];
      world.make(base, { 256: 'mapping' });
      const window = { regionOffset: SHARED_SLAB, startAddress: SHARED, size: SLAB_SIZE, protection: 3 };
      world.setState('mapping', base + 0x100, window, links);
    }
    for (let i = 0; i < THREADS; i += 1) {
      world.addThread(this.#base(i), this.#offset(i), { pc: CODE + code.at('sleep'), x21: 1 });
    }
    this.#reference = world.scratch(6);
    world.run();
  }

  #base(thread: number): number {
    return SLAB_SIZE * (1 + (thread % 2));
  }

  #offset(thread: number): number {
    return 0x200 + 0x20 * thread;
  }

  #address(thread: number): number {
    return this.#base(thread) + this.#offset(thread);
  }

  /** Makes the command; the model says what lies where, because destroy and reference have an entry for each type. */
  make(command: Command, model: Model): void {
    const { world } = this;
    if (command.verb === 'rebuild') {
      world.rebuild();
      return;
    }
    const isInterrupt = command.verb === 'interrupt';
    const thread = isInterrupt ? command.a % THREADS : command.thread;
    const page = SHARED_SLAB + pageOf(thread);
    world.write(page + buffers.send, words(command.value));
    const state = new Uint8Array(states.port.size);
    state.set(words(command.value), states.port.offset.alias);
    world.write(page + buffers.state, state);
    this.#setGoing(thread, isInterrupt ? null : callOf(command, model));
    world.run();
  }

  /** Sets the thread behind its call, or at one. Links, and what its flags say of them, stay. */
  #setGoing(thread: number, call: { name: EntryName; args: readonly number[] } | null): void {
    const { world } = this;
    const address = this.#address(thread);
    world.must('thread_get_state', address, world.buffer);
    const { view } = world;
    const put = (offset: number, value: number): void => view.setBigUint64(offset, BigInt(value), true);
    const flags = Number(view.getBigUint64(at.flags, true));
    put(at.flags, flags & ~(threadFlags.stopped | threadFlags.faulting));
    put(at.deadline, 0);
    put(at.pc, call === null ? CODE + 12 : CODE);
    put(at.x + 8 * s0, 0);
    put(at.x + 8 * s5, call === null ? 1 : 0);
    if (call !== null) {
      for (const [i, value] of call.args.entries()) put(at.x + 8 * (a0 + i), value);
      put(at.x + 8 * a7, entries[call.name].number);
      put(at.x + 8 * t0, 0);
      put(at.x + 8 * (t0 + 1), 0);
    }
    world.must('reference_copy', world.scratch(7), this.#reference);
    world.must('thread_set_state', address, world.buffer, 0, 0, this.#reference);
  }

  /** What the thread is now. */
  see(thread: number): Seen {
    const { world } = this;
    world.must('reference_copy', world.scratch(7), this.#reference);
    world.must('thread_peek_state', this.#address(thread), world.buffer, 0, 0, this.#reference);
    const state = states.thread.read(world.view, 0);
    const x = (index: number): number => Number(state.x[index] ?? 0n);
    const isFault = (Number(state.flags) & threadFlags.faulting) !== 0 && Number(state.faultCode) !== 0;
    let result: Result | null = null;
    if (x(s5) === 1) result = { kind: 'outcome', code: x(s0), words: [x(a1), x(a1 + 1)] };
    else if (isFault) result = { kind: 'fault', code: Number(state.faultCode) };
    let waitsAt: number | null = null;
    let waitsFor: number | null = null;
    if (world.call('reference_locate', this.#reference, world.region) === 0 && result === null) {
      const [place, , type] = [0, 1, 2].map((i) => world.task.result(i)) as [number, number, number];
      if (type === typeNumbers.thread) {
        waitsFor = Array.from({ length: THREADS }, (_, i) => this.#address(i)).indexOf(place);
      } else waitsAt = (place - SHARED_SLAB) / 0x20;
    }
    const page = SHARED_SLAB + pageOf(thread);
    const received = world.word(page + buffers.receive);
    return { result, waitsAt, waitsFor, received, answered: world.word(page + buffers.answer) };
  }

  /** The word `locked` that a thread's peek_state of a mutex wrote. */
  locked(thread: number): number {
    return this.world.word(SHARED_SLAB + pageOf(thread) + buffers.state + states.mutex.offset.locked);
  }
}

function words(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** The entry and the arguments that a command stands for. */
function callOf(command: Command, model: Model): { name: EntryName; args: readonly number[] } {
  const { verb, thread } = command;
  const a = SHARED + 0x20 * command.a;
  const b = SHARED + 0x20 * command.b;
  const page = SHARED + pageOf(thread);
  const type = model.places[command.a]?.type ?? 'mutex';
  const send = page + buffers.send;
  const receive = page + buffers.receive;
  const answer = page + buffers.answer;
  switch (verb) {
    case 'destroy':
      return { name: `${type}_destroy` as EntryName, args: [a] };
    case 'reference':
      return {
        name: type === 'reference' ? 'reference_copy' : (`${type}_reference` as EntryName),
        args: [a, b],
      };
    case 'copy':
      return { name: 'reference_copy', args: [a, b] };
    case 'compare':
      return { name: 'reference_compare', args: [a, b] };
    case 'check':
      return { name: 'reference_check', args: [a] };
    case 'type':
      return { name: 'reference_type', args: [a] };
    case 'lock':
      return { name: 'mutex_lock', args: [a] };
    case 'trylock':
      return { name: 'mutex_trylock', args: [a] };
    case 'unlock':
      return { name: 'mutex_unlock', args: [a] };
    case 'wait':
      return { name: 'cond_wait', args: [a, b] };
    case 'signal':
      return { name: 'cond_signal', args: [a] };
    case 'broadcast':
      return { name: 'cond_broadcast', args: [a] };
    case 'owner':
      return { name: 'mutex_peek_state', args: [a, page + buffers.state, 0] };
    case 'join':
      return { name: 'port_set_state', args: [a, page + buffers.state, b] };
    case 'send':
      return { name: 'ipc_send', args: [a, send, 8] };
    case 'call':
      return { name: 'ipc_call', args: [a, send, 8, answer, 8] };
    case 'receive':
      return { name: 'ipc_wait_receive', args: [a, 0, 0, receive, 8] };
    case 'reply':
      return { name: 'ipc_reply', args: [a, send, 8] };
    case 'reply_receive':
      return { name: 'ipc_reply_wait_receive', args: [a, send, 8, receive, 8] };
    case 'connect':
      return { name: 'ipc_client_connect_send_over_receive', args: [a, send, 8, answer, 8] };
    case 'answer':
      return { name: 'ipc_server_ack_send_wait_receive', args: [a, send, 8, receive, 8] };
    default:
      return { name: `${verb.slice(7)}_create` as EntryName, args: [a] };
  }
}

/** The command as a line of a program. */
export function describe(command: Command): string {
  const { verb, thread, a, b, value } = command;
  if (verb === 'rebuild') return 'everything is rebuilt in a fresh kernel';
  if (verb === 'interrupt') return `thread ${a % THREADS} is taken out of its wait`;
  return `thread ${thread}: ${verb} place ${a}, place ${b}, value ${value}`;
}
