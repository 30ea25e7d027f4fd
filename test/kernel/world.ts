/**
 * A world for kernel tests: a machine, a kernel, and one user task that is server and pager of everything, with the
 * means to save all of it and to go on in a fresh kernel.
 *
 * The segment is 64 MiB from address 0 of the task's space. A program gets a slab of 1 MiB: page 0 holds its objects (its
 * parent page), code at slab + 0x1000, data behind it; its space sees the whole slab at PROGRAM (code and data,
 * executable) and page 0 also there. The task saves and restores with entry points only, as a persistence server does.
 */
import * as assert from 'uvu/assert';
import { createMachine } from '../../src/hw/create.ts';
import type { Machine } from '../../src/hw/machine.ts';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { item, itemKinds } from '../../src/kernel/abi/memory.ts';
import {
  links,
  states,
  type TypeName,
  threadFlags,
  typeNames,
  typeNumbers,
} from '../../src/kernel/abi/types.ts';
import { Kernel, type RunEnd } from '../../src/kernel/kernel.ts';
import { PAGE_GONE, type TaskService } from '../../src/kernel/state.ts';
import type { TaskProcessor } from '../../src/kernel/task.ts';
import { type TierOfTests, tierOfTests } from '../tools/tier.ts';
import type { Assembler } from './assembler.ts';
import { type OptOut, rebuildsAfterEntry, runRebuildingSlice } from './every-entry.ts';
import { checkLast, nextHashWords, setLast } from './last-world.ts';

export const RAM_BYTES = 16 * 1024 * 1024;
export const SEGMENT_SIZE = 64 * 1024 * 1024;
export const SLAB_SIZE = 1024 * 1024;
/** Where a program sees its slab. */
export const PROGRAM = 0x10_0000;
export const CODE = PROGRAM + 0x1000;
export const DATA = PROGRAM + 0x1_0000;
/** Places of a program's own objects in its slab. */
export const own = {
  thread: 0x00,
  space: 0x20,
  mapping: 0x40,
  spaceReference: 0x60,
  output: 0xa0,
  gate: 0xc0,
  free: 0x100,
};
const PAGE = 4096;

export interface Saved {
  readonly address: number;
  readonly type: number;
  readonly serial: number;
  readonly hash: bigint;
  readonly state: Uint8Array;
  /** null, an address in the segment, or a name. */
  readonly links: readonly (null | number | string)[];
  /** Of a region: its changed set, as offset, kind and detail. */
  readonly changed: readonly (readonly [number, number, number])[];
}

export interface Image {
  readonly objects: readonly Saved[];
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly record: Uint8Array;
}

type Answer = { readonly bytes: Uint8Array } | 'retry' | 'never';
type Receive = (request: {
  alias: number;
  bytes: Uint8Array;
  answerLength: number;
  flavour: number;
}) => Answer;

export const aliases = { pager: 1, faults: 2, output: 3, gate: 4 } as const;

export interface WorldOptions {
  readonly image?: Image;
  readonly ramBytes?: number;
  /** Answers the 'faults' port: exceptions of programs. */
  readonly onFault?: Receive;
  readonly machine?: Machine;
}

/** Everything in one place; `kernel` and `machine` change when the world is rebuilt. */
export class World {
  machine: Machine;
  kernel: Kernel;
  task: TaskProcessor;
  /** What the pager has of pages that are not in memory. */
  readonly store: Map<number, Uint8Array>;
  /** Text that programs sent to the output port. */
  output: string[] = [];
  /** Pages that the pager served. */
  served = 0;
  /** Times that the pager answers 'retry' before it serves a page. */
  pagerDelays = 0;
  onFault: Receive;
  onGate: Receive = () => ({ bytes: new Uint8Array(0) });
  readonly #objectsAt: number;
  /** Null: the machine was given, and its tier is its giver's. */
  readonly #tier: TierOfTests | null;
  readonly #buffer: number;
  #optOut: OptOut | null = null;
  #services = new Map<number, TaskService | null>();
  #delays = 0;

  /** False for a world that a test breaks on purpose. */
  isChecked = true;
  /** True when the test takes the world apart by itself. */
  isRebuiltByTest = false;

  constructor(options: WorldOptions = {}) {
    checkLast();
    this.#tier = options.machine === undefined ? tierOfTests() : null;
    this.machine = options.machine ?? createMachine(options.ramBytes ?? RAM_BYTES, this.#tier?.options);
    this.kernel = new Kernel(this.machine, options.image?.record ?? null, nextHashWords());
    this.kernel.watchCleanPages();
    this.task = this.#noting(this.kernel.createTask({ memoryPages: 16 }));
    this.store = new Map(options.image?.pages ?? []);
    this.onFault = options.onFault ?? (() => ({ bytes: new Uint8Array(0) }));
    this.#objectsAt = this.task.memoryAddress + 0x100;
    this.#buffer = this.task.memoryAddress + PAGE;
    this.#makeServer();
    if (options.image !== undefined) this.#restore(options.image);
    setLast(this);
  }

  // The task's own objects.
  readonly segment = 0;
  get region(): number {
    return this.#objectsAt;
  }
  get portset(): number {
    return this.#objectsAt + 0x20;
  }
  port(name: keyof typeof aliases): number {
    return this.#objectsAt + 0x20 + 0x20 * aliases[name];
  }
  reference(name: keyof typeof aliases | 'region' | 'space'): number {
    const index = name === 'region' ? 5 : name === 'space' ? 6 : aliases[name];
    return this.#objectsAt + 0x200 + 0x20 * index;
  }
  scratch(index: number): number {
    return this.#objectsAt + 0x400 + 0x20 * index;
  }
  get gateSet(): number {
    return this.#objectsAt + 0x600;
  }

  call(name: EntryName, ...args: readonly (number | bigint)[]): number {
    return this.task.call(entries[name].number, ...args);
  }

  must(name: EntryName, ...args: readonly (number | bigint)[]): void {
    const code = this.call(name, ...args);
    // Made only when it is needed: there are hundreds of calls in a test.
    if (code === outcomes.success) return;
    assert.is(code, outcomes.success, `${name}(${args.map((x) => x.toString(16)).join(', ')})`);
  }

  /** Address of the task's buffer, and its bytes. */
  get buffer(): number {
    return this.#buffer;
  }

  get bytes(): Uint8Array {
    return this.task.memory.subarray(PAGE);
  }
  get view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  /** Sets words of an object's state that the test names; the others are 0. */
  setState(
    type: TypeName,
    address: number,
    words: Readonly<Record<string, number | bigint>>,
    refs: readonly number[] = [],
  ) {
    this.fillState(type, words);
    this.must(`${type}_set_state` as EntryName, address, this.#buffer, ...refs);
  }

  fillState(type: TypeName, words: Readonly<Record<string, number | bigint>>): number {
    const layout = states[type];
    this.bytes.fill(0, 0, layout.size);
    const offsets = layout.offset as Readonly<Record<string, number>>;
    for (const [name, value] of Object.entries(words)) {
      const at =
        name.startsWith('x') && !(name in offsets)
          ? (offsets.x ?? 0) + 8 * Number(name.slice(1))
          : offsets[name];
      assert.ok(at !== undefined, `a word ${name} of ${type}`);
      this.view.setBigUint64(at as number, BigInt(value), true);
    }
    return this.#buffer;
  }

  /** The task, whose services are noted, so that they serve on after a rebuild. */
  #noting(task: TaskProcessor): TaskProcessor {
    const services = this.#services;
    const { serve, stopServing } = task;
    return Object.assign(task, {
      serve(place: number, service: TaskService): void {
        services.set(place, service);
        serve.call(task, place, service);
      },
      stopServing(place: number): void {
        services.set(place, null);
        stopServing.call(task, place);
      },
    });
  }

  #makeServer(): void {
    this.must('region_create', this.region);
    this.must('portset_create', this.portset);
    this.must('portset_create', this.gateSet);
    for (const index of Array.from({ length: 8 }, (_, i) => i))
      this.must('reference_create', this.scratch(index));
    for (const index of [1, 2, 3, 4, 5, 6])
      this.must('reference_create', this.#objectsAt + 0x200 + 0x20 * index);
    const taskSpace = this.task.memoryAddress + 0x20;
    this.must('space_reference', taskSpace, this.reference('space'));
    for (const name of Object.keys(aliases) as (keyof typeof aliases)[]) {
      this.must('port_create', this.port(name));
      this.must('portset_reference', name === 'gate' ? this.gateSet : this.portset, this.scratch(0));
      this.setState('port', this.port(name), { alias: aliases[name] }, [this.scratch(0)]);
      this.must('port_reference', this.port(name), this.reference(name));
    }
    this.setState('region', this.region, { startAddress: 0, size: SEGMENT_SIZE, protection: 7 }, [
      this.reference('space'),
      this.reference('pager'),
    ]);
    this.must('region_reference', this.region, this.reference('region'));
    this.must('region_collect', this.region, this.#buffer, 0);
    this.task.serve(this.portset, { receive: (request) => this.#receive(request) });
  }

  #receive(request: { alias: number; bytes: Uint8Array; answerLength: number; flavour: number }): Answer {
    if (request.alias === aliases.output) {
      this.output.push(Buffer.from(request.bytes).toString('latin1'));
      return { bytes: new Uint8Array(0) };
    }
    if (request.alias === aliases.faults) return this.onFault(request);
    if (request.alias === aliases.gate) return this.onGate(request);
    if (this.#delays < this.pagerDelays) {
      this.#delays += 1;
      return 'retry';
    }
    this.#delays = 0;
    const view = new DataView(request.bytes.buffer, request.bytes.byteOffset);
    const offset = Number(view.getBigUint64(8, true));
    this.supply(offset - (offset % PAGE));
    return { bytes: new Uint8Array(0) };
  }

  supply(offset: number): void {
    const content = this.store.get(offset / PAGE);
    const source = this.task.memoryAddress + 15 * PAGE;
    if (content !== undefined) this.task.memory.set(content, 15 * PAGE);
    const outcome = this.call('region_supply', this.region, offset, content === undefined ? 0 : source);
    if (outcome === outcomes.noMemory) {
      this.evictSome();
      this.must('region_supply', this.region, offset, content === undefined ? 0 : source);
    }
    this.served += 1;
  }

  /** Takes a page out of memory, keeping its bytes as the pager would. True when it was there. */
  evict(offset: number): boolean {
    const bytes = this.task.page(offset);
    if (bytes === null) return false;
    const copy = bytes.slice();
    this.collect();
    const outcome = this.call('region_evict', this.region, offset);
    assert.is(outcome, outcomes.success);
    this.store.set(offset / PAGE, copy);
    return true;
  }

  evictSome(): void {
    for (let offset = 0, count = 0; offset < SEGMENT_SIZE && count < 64; offset += PAGE) {
      if (this.evict(offset)) count += 1;
    }
  }

  /** Everything in the changed set. */
  collect(): { offset: number; pc: number; kind: number; type: number }[] {
    const found: { offset: number; pc: number; kind: number; type: number }[] = [];
    for (;;) {
      this.must('region_collect', this.region, this.#buffer, 512);
      const count = 512 - this.task.result(1);
      for (let i = 0; i < count; i += 1) {
        const record = item.read(this.view, i * item.size);
        found.push({
          offset: Number(record.offset),
          pc: Number(record.pc),
          kind: record.kind,
          type: record.type,
        });
        if (record.kind === itemKinds.pageGone) this.store.delete(Number(record.offset) / PAGE);
      }
      if (count < 512) return found;
    }
  }

  /** Makes a space over a fresh slab with this code in it, and a thread in it that is ready to run. */
  addProgram(slab: number, code: Assembler, options: ThreadOptions = {}): number {
    const base = slab * SLAB_SIZE;
    for (const type of ['thread', 'space', 'mapping'] as const) this.must(`${type}_create`, base + own[type]);
    this.must('reference_create', base + own.spaceReference);
    this.must('space_reference', base + own.space, base + own.spaceReference);
    this.setState('space', base + own.space, {}, [this.reference('faults')]);
    this.setState(
      'mapping',
      base + own.mapping,
      { regionOffset: base, startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 },
      [this.reference('region'), base + own.spaceReference],
    );
    for (const name of ['output', 'gate'] as const) {
      this.must('reference_create', base + own[name]);
      this.must('reference_copy', this.reference(name), base + own[name]);
    }
    this.write(base + 0x1000, code.bytes());
    this.startThread(base + own.thread, base + own.spaceReference, { pc: CODE, ...options });
    return base;
  }

  startThread(thread: number, spaceReference: number, options: ThreadOptions): void {
    this.setState(
      'thread',
      thread,
      {
        priority: 16,
        threadAddress: (thread % SLAB_SIZE) + PROGRAM,
        reservation: 2n ** 64n - 1n,
        ...options,
      },
      [spaceReference],
    );
  }

  /** Writes segment memory as the server does: supply, write, mark. */
  write(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const page = Math.floor((offset + at) / PAGE) * PAGE;
      const within = offset + at - page;
      const count = Math.min(bytes.length - at, PAGE - within);
      if (this.task.page(page) === null) this.supply(page);
      const target = this.task.page(page);
      assert.ok(target !== null);
      target?.set(bytes.subarray(at, at + count), within);
      this.must('region_mark_changed', this.region, page, itemKinds.page);
      at += count;
    }
  }

  /** Reads segment memory, in memory or not. */
  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const number = Math.floor((offset + at) / PAGE);
      const within = (offset + at) % PAGE;
      const count = Math.min(length - at, PAGE - within);
      const bytes = this.task.page(number * PAGE) ?? this.#stored(number);
      if (bytes !== undefined && bytes !== null) result.set(bytes.subarray(within, within + count), at);
      at += count;
    }
    return result;
  }

  /** What the pager has of a page: nothing when it was discarded since the last collect. */
  #stored(number: number): Uint8Array | undefined {
    return this.#goneNow().includes(number) ? undefined : this.store.get(number);
  }

  /** Pages that were discarded and not collected yet. */
  #goneNow(): number[] {
    const gone: number[] = [];
    for (const object of this.kernel.state.bySerial.values()) {
      if (object.address !== this.region || object.type !== typeNumbers.region) continue;
      for (const [offset, pc] of object.changedPages) if (pc === PAGE_GONE) gone.push(offset / PAGE);
    }
    return gone;
  }

  word(offset: number): number {
    const bytes = this.read(offset, 8);
    return Number(new DataView(bytes.buffer).getBigUint64(0, true));
  }

  words(offset: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.word(offset + 8 * i));
  }

  /** This world is not taken apart after every entry when all others are, for a reason of the list. */
  optOut(reason: OptOut): void {
    this.#optOut = reason;
  }

  run(limit = 1_000_000): RunEnd {
    this.#tier?.turn(this.machine);
    const mayRebuild =
      this.isChecked && !this.isRebuiltByTest && this.#tier !== null && this.#optOut === null;
    if (rebuildsAfterEntry && mayRebuild) return runRebuildingSlice(this, limit);
    return this.kernel.run(limit);
  }

  /** Runs until nobody can run; sleepers wake as if time were skipped. */
  finish(limit = 1_000_000, rounds = 10_000): void {
    for (let i = 0; i < rounds; i += 1) {
      const end = this.run(limit);
      if (end !== 'idle') continue;
      const deadline = this.kernel.nextDeadline();
      if (deadline === null) {
        if (this.isChecked) this.kernel.check();
        return;
      }
      this.kernel.stepClock(deadline);
    }
    throw new Error('world: it does not come to an end');
  }

  /** Makes objects in a slab, by offset. */
  make(base: number, objects: Readonly<Record<number, TypeName>>): void {
    for (const [offset, type] of Object.entries(objects)) {
      this.must(`${type}_create` as EntryName, base + Number(offset));
    }
  }

  /** One more thread in the space of a slab, starting at `pc`. */
  addThread(base: number, offset: number, options: ThreadOptions): number {
    this.must('thread_create', base + offset);
    this.startThread(base + offset, base + own.spaceReference, options);
    return base + offset;
  }

  /** Words of a thread's state, by peek. */
  thread(address: number) {
    this.must('thread_peek_state', address, this.#buffer);
    return states.thread.read(this.view, 0);
  }

  /** Records that collect or search wrote into a program's memory. */
  items(offset: number, count: number) {
    const bytes = this.read(offset, count * item.size);
    const view = new DataView(bytes.buffer);
    return Array.from({ length: count }, (_, i) => {
      const record = item.read(view, i * item.size);
      return { offset: Number(record.offset), kind: record.kind, type: record.type };
    });
  }

  /** Everything persistent, taken out with entry points only; without pages that are in memory, where nobody needs them. */
  save(hasPages = true): Image {
    const found = this.#search();
    const objects = found.map((place) => this.#saveObject(place.offset, place.type));
    const pages = new Map(this.store);
    for (const number of this.#goneNow()) pages.delete(number);
    // The kernel's own table tells which pages are worth asking for; asking for all of them takes too long.
    for (const page of hasPages ? this.kernel.state.pageOfFrame : []) {
      if (page === null || page.isTaskMemory) continue;
      const bytes = this.task.page(page.number * PAGE);
      if (bytes !== null) pages.set(page.number, bytes.slice());
    }
    return { objects, pages, record: this.kernel.record() };
  }

  #search(): { offset: number; type: number }[] {
    const found: { offset: number; type: number }[] = [];
    let offset = 0;
    let size = SEGMENT_SIZE;
    while (size > 0) {
      this.must('region_search', this.region, offset, size, this.#buffer, 64);
      offset = this.task.result(0);
      size = this.task.result(1);
      const count = 64 - this.task.result(3);
      for (let i = 0; i < count; i += 1) {
        const record = item.read(this.view, i * item.size);
        found.push({ offset: Number(record.offset), type: record.type });
      }
    }
    return found;
  }

  #saveObject(address: number, type: number): Saved {
    const name = typeNames[type - 1] as TypeName;
    const count = links[name].length;
    const refs = Array.from({ length: count }, (_, i) => this.scratch(i));
    this.must(`${name}_peek_state` as EntryName, address, this.#buffer, ...refs);
    const state = this.bytes.slice(0, states[name].size);
    const view = new DataView(state.buffer);
    const serial = Number(view.getBigUint64(states[name].offset.serial, true));
    const hash = name === 'reference' ? 0n : view.getBigUint64(0, true);
    const pickled = refs.map((reference) => this.#pickle(reference));
    return { address, type, serial, hash, state, links: pickled, changed: this.#saveChanged(address, name) };
  }

  #saveChanged(address: number, name: TypeName): [number, number, number][] {
    const found: [number, number, number][] = [];
    let cursor = 0;
    for (;;) {
      if (name !== 'region') return found;
      this.must('region_peek_changed', address, cursor, this.#buffer, 7);
      cursor = this.task.result(0);
      const count = 7 - this.task.result(2);
      for (let i = 0; i < count; i += 1) {
        const record = item.read(this.view, i * item.size);
        const isPage = record.kind === itemKinds.page || record.kind === itemKinds.pageGone;
        found.push([Number(record.offset), record.kind, isPage ? Number(record.pc) : record.type]);
      }
      if (count < 7) return found;
    }
  }

  #pickle(reference: number): null | number | string {
    this.must('reference_check', reference);
    if (this.task.result(0) === 1) return null;
    if (this.call('reference_locate', reference, this.region) === outcomes.success)
      return this.task.result(0);
    for (const name of ['pager', 'faults', 'output', 'gate', 'region', 'space'] as const) {
      this.must('reference_compare', reference, this.reference(name));
      if (this.task.result(0) === 1) return name;
    }
    throw new Error('world: a link leads out of the segment to something unknown');
  }

  /** Creates all, then links all, threads last. */
  #restore(image: Image): void {
    for (const { address, type, hash } of image.objects) {
      const name = typeNames[type - 1] as TypeName;
      if (name === 'reference') this.must('reference_create', address);
      else this.must(`${name}_create_hash` as EntryName, address, hash);
    }
    const order = [...image.objects].sort((a, b) => rank(a.type) - rank(b.type));
    for (const object of order) this.#restoreObject(object, image);
    // What restoring changed is not what the program's own collectors had seen change.
    for (const { address, type, state, changed } of image.objects) {
      const at = states.region.offset.collecting;
      if (type !== typeNumbers.region || state[at] === 0) continue;
      do this.must('region_collect', address, this.#buffer, 512);
      while (this.task.result(1) === 0);
      for (const [offset, kind, detail] of changed)
        this.must('region_mark_changed', address, offset, kind, detail);
    }
    this.kernel.restoreRecord(image.record);
    this.collect();
  }

  #restoreObject(object: Saved, image: Image): void {
    const name = typeNames[object.type - 1] as TypeName;
    const refs = object.links.map((link, i) => {
      const reference = this.scratch(i);
      if (link === null) this.must('reference_copy', this.scratch(7), reference);
      else if (typeof link === 'string')
        this.must('reference_copy', this.reference(link as 'pager'), reference);
      else {
        const target = image.objects.find((other) => other.address === link);
        assert.ok(target !== undefined);
        this.must(`${typeNames[(target?.type ?? 1) - 1]}_reference` as EntryName, link, reference);
      }
      return reference;
    });
    this.bytes.set(object.state);
    this.must(`${name}_set_state` as EntryName, object.address, this.#buffer, ...refs);
  }

  /** Saves everything, makes a fresh kernel on a fresh machine, and goes on there. */
  rebuild(isServingAsBefore = false): void {
    const services = [...this.#services];
    const image = this.save();
    setLast(null);
    const fresh = new World({ image, onFault: this.onFault });
    setLast(this);
    fresh.onGate = this.onGate;
    this.machine = fresh.machine;
    this.kernel = fresh.kernel;
    this.task = fresh.task;
    this.#services = fresh.#services;
    this.store.clear();
    for (const [number, bytes] of fresh.store) this.store.set(number, bytes);
    // The servers of the fresh kernel are those of this world from now on.
    if (isServingAsBefore) this.task.stopServing(this.portset);
    else this.task.serve(this.portset, { receive: (request) => this.#receive(request) });
    for (const [place, service] of services) {
      if (service === null && (isServingAsBefore || place !== this.portset)) this.task.stopServing(place);
      else if (service !== null) this.task.serve(place, service);
    }
  }
}

function rank(type: number): number {
  return type === typeNumbers.thread ? 2 : type === typeNumbers.space ? 0 : 1;
}

export type ThreadOptions = Readonly<Record<string, number>>;
export { faults, outcomes, threadFlags };
