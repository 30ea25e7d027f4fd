/**
 * The arena of the hostile campaign: two spaces of attackers that share a port and a window, a victim beside them that
 * shares one port only, and a custody slab with what nobody but the harness can name.
 *
 * An attack is a list of steps, plain data made from a seed without looking at the world, so that any part of it can be
 * run again and a failing one shrinks. A step is one call of one worker with all its argument registers, or one state
 * that is taken out of an object, changed, and set again. Workers that wait, fault or are gone are set anew when it is
 * their turn. Invariant: the harness uses entry points only; it reads the kernel's own structures, but never writes them.
 * Called by hostile.test.ts and hostile-campaign.ts.
 */
import { joinHalves } from '../../src/base/integer.ts';
import { causes, faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { states, type TypeName, threadFlags, typeNames, typeNumbers } from '../../src/kernel/abi/types.ts';
import { pcNumber } from '../../src/kernel/memory/copy.ts';
import { registersOf } from '../../src/kernel/registers.ts';
import type { Bottom, KernelObject, Thread } from '../../src/kernel/state.ts';
import { Assembler, a0, a1, a7, s0, s2, s4, s5, s6, t0 } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

/** Slabs of the segment. */
export const slabs = { attackers: [1, 2], victim: 3, custody: 4 } as const;
const CUSTODY = slabs.custody * SLAB_SIZE;
const VICTIM = slabs.victim * SLAB_SIZE;
/** Where attackers see their workers' code, which they cannot write. */
const WORKER_CODE = 0x3e_0000_0000;
/** Where it sleeps for ever, behind its call. */
export const WORKER_SLEEP = WORKER_CODE + 20;
/** Workers of each attacker, from this offset of its slab on. */
export const WORKERS = 3;
const WORKER_OFFSET = 0x800;
/** What an attacker has to begin with: objects from 0x100 on, as in `furniture`, and a reference to each from 0x400 on. */
export const furniture: readonly TypeName[] = [...typeNames, ...typeNames, 'mutex', 'port', 'reference'];
export const OBJECTS = 0x100;
export const REFERENCES = 0x400;
/** Places that are free to begin with. */
export const FREE = 0x900;
/** Where records of states lie in an attacker's slab. */
export const RECORDS = DATA;
/** A window of each attacker onto a region of its own. */
export const WINDOW = 0x4000_0000;
/** A window of each attacker onto memory of the victim, which they may only read. */
export const LOOKOUT = 0x5000_0000;

/** One call: a0 to a7, then t0 and t1. */
export interface CallStep {
  readonly kind: 'call';
  /** 0 to 2 x WORKERS - 1. */
  readonly worker: number;
  readonly registers: readonly bigint[];
  readonly priority: number;
  /** A worker that still waits is left alone. */
  readonly isPatient: boolean;
  /** The worker's whole state is set anew; otherwise it goes on as a program does with its next call. */
  readonly isFresh: boolean;
}

/** One object's state, taken out, changed and set again, as its owner would. */
export interface StateStep {
  readonly kind: 'state';
  readonly slab: number;
  readonly offset: number;
  readonly type: TypeName;
  /** Words of the record that are replaced: by a value, or xor a value. */
  readonly words: readonly { readonly index: number; readonly value: bigint; readonly isFlip: boolean }[];
  /** For each link: offset of the owner's reference that is given, or -1 for none. */
  readonly references: readonly number[];
  /** A thread is let run afterwards. */
  readonly isStarted: boolean;
}

/** Everything is taken out and goes on in a fresh kernel. */
export interface RebuildStep {
  readonly kind: 'rebuild';
}

export type Step = CallStep | StateStep | RebuildStep;

interface Worker {
  readonly slab: number;
  readonly address: number;
  /** The call that it was given last: its entry number, and a tag that is in s4 while it is under way. */
  number: number;
  tag: number;
  /** It was already counted. */
  isTold: boolean;
}

/** What entries were seen to give: outcomes and faults by entry number. */
export type Seen = Map<number, Set<number>>;

/** The words of a thread that say where its handlers are. */
export const handlerWords = [
  'trapHandler',
  'interruptHandler',
  'clientAlertHandler',
  'serverAlertHandler',
] as const;

function hasForeignHandler(thread: Thread): boolean {
  return handlerWords.some((name) => {
    const handler = thread.view.getBigUint64(states.thread.offset[name], true);
    return handler !== 0n && handler !== BigInt(WORKER_SLEEP);
  });
}

const at = states.thread.offset;
const DONE = 1;
/** How long a step may run: a call, what it wakes, and some instructions of whoever else can run. */
const RUN_TICKS = 3_000;

/**
 * The workers' code: the call, then what came of it into s5 and s0, a load and a store through s6, so that windows get page
 * table entries, then sleep for ever.
 */
function workerCode(): Assembler {
  const code = new Assembler().ecall().mv(s0, a0).li(s5, DONE).ld(t0, s6).sd(t0, s6);
  return code.label('sleep').li(a0, -1).li(a7, entries.clock_sleep.number).ecall().j('sleep');
}

/** A state of a thread that waits for what cannot come, in many ways; compared word for word afterwards. */
function furnishVictim(world: World): void {
  const base = VICTIM;
  const code = new Assembler();
  code.label('hold').call('mutex_lock', PROGRAM + 0x200);
  code.label('sleep').li(a0, -1).invoke('clock_sleep').j('sleep');
  code
    .label('lock')
    .call('mutex_lock', PROGRAM + 0x200)
    .j('sleep');
  code.label('receive').call('ipc_wait_receive', PROGRAM + 0x240, 0, 0, DATA + 0x2000, 64);
  code
    .label('wait')
    .call('mutex_lock', PROGRAM + 0x2a0)
    .call('cond_wait', PROGRAM + 0x280, PROGRAM + 0x2a0);
  code
    .label('serve')
    .call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA, 64)
    .addi(s2, s2, 1);
  code
    .label('again')
    .call('ipc_reply_wait_receive', PROGRAM + 0x100, DATA, 8, DATA, 64)
    .addi(s2, s2, 1)
    .j('again');
  code.label('tick').call('clock_read').addi(a0, a1, 2000).invoke('clock_sleep').addi(s2, s2, 1).j('tick');
  world.addProgram(slabs.victim, code, { pc: CODE + code.at('hold') });
  world.make(base, {
    256: 'portset',
    288: 'port',
    320: 'reference',
    352: 'reference',
    384: 'region',
    416: 'reference',
    448: 'space',
    512: 'mutex',
    576: 'portset',
    608: 'port',
    640: 'cond',
    672: 'mutex',
    704: 'reference',
  });
  world.must('portset_reference', base + 0x100, base + 0x140);
  world.setState('port', base + 0x120, { alias: 5 }, [base + 0x140]);
  world.must('port_reference', base + 0x120, base + 0x160);
  world.must('portset_reference', base + 0x240, base + 0x140);
  world.setState('port', base + 0x260, { alias: 6 }, [base + 0x140]);
  const region = { startAddress: PROGRAM, size: 0x2_0000, protection: 3 };
  world.setState('region', base + 0x180, region, [base + own.spaceReference, base + 0x160]);
  world.must('region_reference', base + 0x180, base + 0x1a0);
  ['lock', 'receive', 'wait', 'tick', 'serve'].forEach((label, i) => {
    world.addThread(base, 0x300 + 0x20 * i, { pc: CODE + code.at(label), priority: 17 });
  });
  world.must('thread_create', base + 0x3a0);
  world.setState('thread', base + 0x3a0, { flags: threadFlags.stopped, pc: CODE, x9: 77 }, []);
}

/** Offsets of the victim's threads that go on by themselves, and pages that they write. */
export const lively = { threads: [0x360, 0x380], pages: [DATA - PROGRAM] } as const;

/** Where a worker loads and stores after its call: its own slab, or one of its windows. */
function touched(step: CallStep): bigint {
  const word = BigInt.asUintN(16, step.registers[6] as bigint) & 0xfff8n;
  const start = [DATA, WINDOW, LOOKOUT][Number(step.registers[9]) % 3] as number;
  return BigInt(start) + word;
}

export class Arena {
  readonly world: World;
  readonly workers: Worker[] = [];
  readonly seen: Seen = new Map();
  readonly #code = workerCode().bytes();
  #tag = 0;
  calls = 0;

  constructor(records: (slab: number, index: number) => Uint8Array, code: (slab: number) => Uint8Array) {
    this.world = new World();
    const { world } = this;
    // A failing attack leaves its world broken, and attacks check for themselves.
    world.isChecked = false;
    furnishVictim(world);
    world.write(CUSTODY + 0x1000, this.#code);
    for (const slab of slabs.attackers) this.#furnish(slab, records, code(slab));
    // What the attackers share: port and port set of the first, its window's region, and the victim's port.
    const [first, second] = slabs.attackers.map((slab) => slab * SLAB_SIZE) as [number, number];
    const port = furniture.indexOf('port') * 0x20;
    const region = furniture.indexOf('region') * 0x20;
    world.must('reference_copy', first + REFERENCES + port, second + REFERENCES + port);
    world.must('reference_copy', first + REFERENCES + region, second + REFERENCES + region);
    // The victim lets both look into some of its memory; their windows want more than that.
    const [lastRegion, lastMapping] = [furniture.lastIndexOf('region'), furniture.lastIndexOf('mapping')];
    const shown = { startAddress: PROGRAM + 0x4_0000, size: 0x1_0000, protection: 1 };
    world.make(VICTIM, { 480: 'region' });
    world.setState('region', VICTIM + 0x1e0, shown, [VICTIM + own.spaceReference]);
    const wanting = { startAddress: LOOKOUT, size: 0x1_0000, protection: 7 };
    for (const base of [first, second]) {
      const reference = base + REFERENCES + 0x20 * lastRegion;
      world.must('region_reference', VICTIM + 0x1e0, reference);
      const links = [reference, base + own.spaceReference];
      world.setState('mapping', base + OBJECTS + 0x20 * lastMapping, wanting, links);
    }
    for (const base of [first, second]) world.must('reference_copy', VICTIM + 0x160, base + own.output);
    world.run(20_000);
  }

  /** Where the harness keeps what belongs to an attacker. */
  #custody(slab: number) {
    const base = CUSTODY + 0x100 * slab;
    return { memory: base, code: base + 0x20, spaceReference: base + 0x40 };
  }

  #furnish(slab: number, records: (slab: number, index: number) => Uint8Array, code: Uint8Array): void {
    const { world } = this;
    const base = slab * SLAB_SIZE;
    const kept = this.#custody(slab);
    for (const place of [kept.memory, kept.code]) world.must('mapping_create', place);
    for (const place of [
      kept.spaceReference,
      base + own.spaceReference,
      base + own.output,
      base + own.gate,
    ]) {
      world.must('reference_create', place);
    }
    world.must('reference_copy', world.reference('gate'), base + own.gate);
    this.#makeSpace(slab);
    furniture.forEach((type, i) => {
      world.must(`${type}_create` as EntryName, base + OBJECTS + 0x20 * i);
      world.must('reference_create', base + REFERENCES + 0x20 * i);
      if (type === 'mapping' || type === 'reference') return;
      world.must(`${type}_reference` as EntryName, base + OBJECTS + 0x20 * i, base + REFERENCES + 0x20 * i);
    });
    const [portset, port, region, mapping] = (['portset', 'port', 'region', 'mapping'] as const).map(
      (type) => furniture.indexOf(type) * 0x20,
    ) as [number, number, number, number];
    world.setState('port', base + OBJECTS + port, { alias: slab }, [base + REFERENCES + portset]);
    const window = { startAddress: PROGRAM + 0x2_0000, size: 0x1_0000, protection: 7 };
    world.setState('region', base + OBJECTS + region, window, [
      base + own.spaceReference,
      base + REFERENCES + port,
    ]);
    const view = { startAddress: WINDOW, size: 0x2_0000, protection: 3 };
    world.setState('mapping', base + OBJECTS + mapping, view, [
      base + REFERENCES + region,
      base + own.spaceReference,
    ]);
    for (let i = 0; i < 16; i += 1) {
      world.write(base + RECORDS - PROGRAM + 0x400 * i, records(slab, i));
    }
    world.write(base + CODE - PROGRAM, code);
    for (let i = 0; i < WORKERS; i += 1) {
      const address = base + WORKER_OFFSET + 0x20 * i;
      this.workers.push({ slab, address, number: 0, tag: -1, isTold: true });
    }
  }

  /** The attacker's space, with its memory and its workers' code. */
  #makeSpace(slab: number): void {
    const { world } = this;
    const base = slab * SLAB_SIZE;
    const kept = this.#custody(slab);
    this.#clear(base + own.space);
    world.must('space_create', base + own.space);
    world.must('space_reference', base + own.space, kept.spaceReference);
    if (this.objectAt(base + own.spaceReference)?.type !== typeNumbers.reference) {
      this.#clear(base + own.spaceReference);
      world.must('reference_create', base + own.spaceReference);
    }
    world.must('reference_copy', kept.spaceReference, base + own.spaceReference);
    world.setState('space', base + own.space, {}, [world.reference('faults')]);
    const links = [world.reference('region'), kept.spaceReference];
    const memory = { regionOffset: base, startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 };
    world.setState('mapping', kept.memory, memory, links);
    const code = {
      regionOffset: CUSTODY + 0x1000,
      startAddress: WORKER_CODE,
      size: 0x1000,
      protection: 5,
    };
    world.setState('mapping', kept.code, code, links);
  }

  #bottomOf: { kernel: World['kernel']; bottom: Bottom } | null = null;

  /** The bottom space's index: to look at only. */
  get bottom(): Bottom {
    const { task, kernel } = this.world;
    if (this.#bottomOf?.kernel !== kernel) {
      const place = task.memoryAddress + own.space;
      for (const object of kernel.state.bySerial.values()) {
        if (object.type !== typeNumbers.space || object.address !== place || object.bottom === null) continue;
        this.#bottomOf = { kernel, bottom: object.bottom };
      }
    }
    const found = this.#bottomOf;
    if (found === null) throw new Error('arena: the task has a bottom space');
    return found.bottom;
  }

  objectAt(address: number): KernelObject | null {
    return this.bottom.objects.get(address) ?? null;
  }

  /** Destroys whatever lies at the address. */
  #clear(address: number): void {
    const object = this.objectAt(address);
    if (object === null) return;
    const name = typeNames[object.type - 1] as TypeName;
    this.world.must(`${name}_destroy` as EntryName, address);
  }

  #threadAt(address: number): Thread | null {
    const object = this.objectAt(address);
    return object?.type === typeNumbers.thread ? object : null;
  }

  /** Notes what came of the worker's last call, if something did. */
  #note(worker: Worker): void {
    const thread = this.#threadAt(worker.address);
    if (thread === null || worker.isTold) return;
    const registers = registersOf(this.world.kernel.state, thread);
    const word = (x: number): number => joinHalves(registers[2 * x] ?? 0, registers[2 * x + 1] ?? 0);
    if (word(s4) !== worker.tag) return;
    // A handler that lies anywhere but in the worker's own code may have set what the call left.
    if (word(s5) === DONE && !hasForeignHandler(thread)) this.#see(worker, word(s0));
    else if (
      (thread.flags & threadFlags.faulting) !== 0 &&
      pcNumber(this.world.kernel.state, thread) === WORKER_CODE
    ) {
      this.#see(worker, thread.faultCode);
    }
  }

  #see(worker: Worker, code: number): void {
    worker.isTold = true;
    const known = this.seen.get(worker.number);
    if (known === undefined) this.seen.set(worker.number, new Set([code]));
    else known.add(code);
  }

  /** True when the worker is still in the call that it was given. */
  #isBusy(worker: Worker): boolean {
    const thread = this.#threadAt(worker.address);
    return thread !== null && !worker.isTold && (thread.flags & threadFlags.stopped) === 0;
  }

  /** Makes the step. False: nothing was done. */
  take(step: Step): boolean {
    if (step.kind === 'rebuild') {
      this.world.rebuild();
      // Restart is over: from now on no state gives an object the serial of another.
      this.world.kernel.run(0);
      return true;
    }
    return step.kind === 'state' ? this.#takeState(step) : this.#takeCall(step);
  }

  #takeCall(step: CallStep): boolean {
    const { world } = this;
    const worker = this.workers[step.worker] as Worker;
    this.#note(worker);
    if (step.isPatient && this.#isBusy(worker)) return false;
    if (this.#threadAt(worker.address) === null) {
      this.#clear(worker.address);
      world.must('thread_create', worker.address);
    }
    const kept = this.#custody(worker.slab);
    world.must('reference_check', kept.spaceReference);
    if (world.task.result(0) === 1) this.#makeSpace(worker.slab);
    this.#tag += 1;
    worker.tag = this.#tag;
    worker.isTold = false;
    worker.number = Number(step.registers[7] ?? 0n);
    world.must('thread_get_state', worker.address, world.buffer);
    const { view } = world;
    const put = (offset: number, value: number | bigint): void => {
      view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
    };
    const flags = view.getBigUint64(at.flags, true);
    if (step.isFresh) world.bytes.fill(0, 0, states.thread.size);
    put(at.flags, step.isFresh ? 0 : flags & ~BigInt(threadFlags.stopped | threadFlags.faulting));
    put(at.deadline, 0);
    put(at.pc, WORKER_CODE);
    put(at.priority, step.priority);
    put(at.threadAddress, worker.address - worker.slab * SLAB_SIZE + PROGRAM);
    put(at.x + 8 * s4, worker.tag);
    put(at.x + 8 * s5, 0);
    put(at.x + 8 * s6, touched(step));
    step.registers.forEach((value, i) => {
      put(at.x + 8 * (i < 8 ? a0 + i : t0 + i - 8), value);
    });
    // No link is given but the space, and nothing is waited for any more.
    world.must('reference_copy', world.scratch(7), world.scratch(6));
    world.must('thread_set_state', worker.address, world.buffer, kept.spaceReference, 0, world.scratch(6));
    this.calls += 1;
    world.run(RUN_TICKS);
    for (const other of this.workers) this.#note(other);
    return true;
  }

  #takeState(step: StateStep): boolean {
    const { world } = this;
    const base = step.slab * SLAB_SIZE;
    const place = base + step.offset;
    if (this.objectAt(place)?.type !== typeNumbers[step.type]) return false;
    if (step.type === 'thread') world.call('thread_get_state', place, 0);
    world.must(`${step.type}_peek_state` as EntryName, place, world.buffer);
    for (const { index, value, isFlip } of step.words) {
      const offset = 8 * index;
      if (offset >= states[step.type].size) continue;
      const before = isFlip ? world.view.getBigUint64(offset, true) : 0n;
      world.view.setBigUint64(offset, BigInt.asUintN(64, before ^ value), true);
    }
    if (step.type === 'thread') {
      // Which call this thread is in is not known any more.
      world.view.setBigUint64(at.x + 8 * s4, 0n, true);
      if (step.isStarted) {
        const flags = world.view.getBigUint64(at.flags, true);
        world.view.setBigUint64(at.flags, flags & ~BigInt(threadFlags.stopped), true);
      }
    }
    const references = step.references.map((offset) => {
      const address = base + offset;
      return offset < 0 || this.objectAt(address)?.type !== typeNumbers.reference ? 0 : address;
    });
    const code = world.call(`${step.type}_set_state` as EntryName, place, world.buffer, ...references);
    const number = entries[`${step.type}_set_state` as EntryName].number;
    this.seen.set(number, (this.seen.get(number) ?? new Set<number>()).add(code));
    world.run(RUN_TICKS);
    return true;
  }

  /** Stops what runs in the attackers' slabs and is no worker, so that workers come to their turn. */
  hush(): void {
    const { world } = this;
    const places: number[] = [];
    for (const queue of world.kernel.state.runnable) {
      for (let thread = queue.first; thread !== null; thread = thread.next) places.push(thread.address);
    }
    for (const place of places) {
      const slab = Math.floor(place / SLAB_SIZE);
      if (slabs.attackers.some((attacker) => attacker === slab)) world.call('thread_get_state', place, 0);
    }
  }
}

/** Names of codes that the ABI knows. */
export function codeName(code: number): string | null {
  for (const table of [outcomes, faults]) {
    for (const [name, value] of Object.entries(table))
      if (value === code && name !== 'processor') return name;
  }
  const cause = code - faults.processor;
  for (const [name, value] of Object.entries(causes)) if (value === cause) return name;
  return null;
}
