/**
 * A new image's first program: its memory, space, mappings, references and first thread.
 *
 * Invariants: everything made here lies in the program's slab and is saved like anything else; the program can name its
 * thread and the references on its parent page, but neither its space nor its mappings, or it could widen its own
 * memory. Called once, by the server, when an image is created. Knows ELF only as a list of segments.
 */
import { assert } from '../base/assert.ts';
import { alignDown, alignUp } from '../base/integer.ts';
import { zeroRecord } from '../base/layout.ts';
import {
  PAGE_SIZE,
  PRIORITY_DEFAULT,
  PROGRAM_OBJECTS_MAX,
  PROGRAM_THREADS_MAX,
  QUANTUM_TICKS,
  SLAB_PAGES,
} from '../base/limits.ts';
import {
  PARENT_PAGE,
  PROGRAM_END,
  PROGRAM_START,
  parentPage,
  STACK_END,
  STACK_SIZE,
} from '../kernel/abi/memory.ts';
import { protection, states } from '../kernel/abi/types.ts';
import type { Arena, ExternalName } from './arena.ts';
import { must } from './arena.ts';
import type { Pager } from './pager.ts';
import type { Slab } from './places.ts';
import { slab } from './places.ts';

/** A program as the loader gives it. Addresses are the program's. */
export interface ProgramImage {
  readonly entry: number;
  readonly segments: readonly {
    readonly address: number;
    readonly bytes: Uint8Array;
    /** Bytes in memory; what is beyond `bytes` is zeros. */
    readonly memorySize: number;
    readonly readable: boolean;
    readonly writable: boolean;
    readonly executable: boolean;
  }[];
}

/** Why a program cannot be put into an image. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
}

const NO_RESERVATION = 0xffff_ffff_ffff_ffffn;

/** Makes the program in slab `index`; its thread is ready to run. */
export function createProgram(
  arena: Arena,
  pager: Pager,
  index: number,
  program: ProgramImage,
  args: readonly string[],
): void {
  const place = slab(index);
  limitObjects(arena, place);
  placeSegments(pager, place, program);
  const stackPointer = placeStack(pager, place, args);
  const { task, state, stateOffset } = arena;
  must(task, 'space_create', place.space);
  must(task, 'space_set_state', place.space, 0, arena.externals.get('fault') as number);
  const spaceReference = arena.scratch[0] as number;
  must(task, 'space_reference', place.space, spaceReference);

  let mappingCount = 0;
  const map = (start: number, target: number, size: number, bits: number): void => {
    const address = place.mapping(mappingCount++);
    must(task, 'mapping_create', address);
    states.mapping.write(task.memoryView, stateOffset, {
      ...zeroRecord(states.mapping),
      regionOffset: BigInt(target),
      startAddress: BigInt(start),
      size: BigInt(size),
      protection: BigInt(bits),
    });
    must(task, 'mapping_set_state', address, state, arena.externals.get('segment') as number, spaceReference);
  };
  mapSegments(program, place, map);
  const { read, write } = protection;
  map(STACK_END - STACK_SIZE, place.stack, STACK_SIZE, read | write);
  map(PARENT_PAGE, place.parentPage, PAGE_SIZE, read | write);

  const thread = place.parentPage + parentPage.thread;
  must(task, 'thread_create', thread);
  must(task, 'reference_create', place.parentPage + parentPage.spaceReference);
  must(task, 'space_reference', place.space, place.parentPage + parentPage.spaceReference);
  must(task, 'reference_create', place.parentPage + parentPage.threadReference);
  must(task, 'thread_reference', thread, place.parentPage + parentPage.threadReference);
  const give = (name: ExternalName, offset: number): void => {
    must(task, 'reference_create', place.parentPage + offset);
    must(task, 'reference_copy', arena.externals.get(name) as number, place.parentPage + offset);
  };
  give('output', parentPage.outputReference);
  give('input', parentPage.inputReference);
  give('parent', parentPage.parentReference);
  give('life', parentPage.lifeReference);

  const registers = zeroRecord(states.thread);
  registers.x[2] = BigInt(stackPointer);
  states.thread.write(task.memoryView, stateOffset, {
    ...registers,
    threadAddress: BigInt(PARENT_PAGE + parentPage.thread),
    priority: BigInt(PRIORITY_DEFAULT),
    quantumLeft: BigInt(QUANTUM_TICKS),
    reservation: NO_RESERVATION,
    pc: BigInt(program.entry),
  });
  must(task, 'thread_set_state', thread, state, spaceReference);
}

/** A region that nobody maps: it says how many objects and threads may lie in the slab. */
function limitObjects({ task, state, stateOffset, externals }: Arena, place: Slab): void {
  must(task, 'region_create', place.limits);
  states.region.write(task.memoryView, stateOffset, {
    ...zeroRecord(states.region),
    startAddress: BigInt(place.base),
    size: BigInt(SLAB_PAGES) * BigInt(PAGE_SIZE),
    objectLimit: BigInt(PROGRAM_OBJECTS_MAX),
    threadLimit: BigInt(PROGRAM_THREADS_MAX),
  });
  must(task, 'region_set_state', place.limits, state, externals.get('server-space') as number);
}

/** Copies the file's bytes to the slab, page by page; pages of zeros need no place. */
function placeSegments(pager: Pager, place: Slab, program: ProgramImage): void {
  const pages = new Map<number, Uint8Array>();
  for (const segment of program.segments) {
    const end = segment.address + segment.memorySize;
    if (segment.address < PROGRAM_START || end > PROGRAM_END) {
      throw new ProgramError(
        `a segment at 0x${segment.address.toString(16)} lies outside the program's memory ` +
          `(0x${PROGRAM_START.toString(16)} to 0x${PROGRAM_END.toString(16)}); link it with the guest kit's script`,
      );
    }
    for (let at = 0; at < segment.bytes.length; ) {
      const address = segment.address + at;
      const base = alignDown(address, PAGE_SIZE);
      const count = Math.min(base + PAGE_SIZE - address, segment.bytes.length - at);
      const page = pages.get(base) ?? new Uint8Array(PAGE_SIZE);
      page.set(segment.bytes.subarray(at, at + count), address - base);
      pages.set(base, page);
      at += count;
    }
  }
  for (const [address, bytes] of pages) putPage(pager, place.memory(address), bytes);
}

function putPage(pager: Pager, address: number, bytes: Uint8Array): void {
  if (!pager.place(address / PAGE_SIZE, bytes)) {
    throw new ProgramError('the program does not fit into the machine while it is loaded; give more --ram');
  }
}

/** One mapping a run of pages with equal rights; the last writable one reaches to PROGRAM_END: the heap. */
function mapSegments(
  program: ProgramImage,
  place: Slab,
  map: (start: number, target: number, size: number, bits: number) => void,
): void {
  const ranges = program.segments
    .filter((segment) => segment.memorySize > 0)
    .map((segment) => ({
      start: alignDown(segment.address, PAGE_SIZE),
      end: alignUp(segment.address + segment.memorySize, PAGE_SIZE),
      bits:
        (segment.readable ? protection.read : 0) |
        (segment.writable ? protection.read | protection.write : 0) |
        (segment.executable ? protection.execute : 0),
    }))
    .sort((a, b) => a.start - b.start);
  const last = ranges.at(-1);
  if (last === undefined) throw new ProgramError('the program has no loadable segment');
  if ((last.bits & protection.write) !== 0) last.end = PROGRAM_END;
  else ranges.push({ start: last.end, end: PROGRAM_END, bits: protection.read | protection.write });
  ranges.forEach((range, i) => {
    const next = ranges[i + 1];
    if (next !== undefined && next.start < range.end) {
      throw new ProgramError(
        `two segments share the page at 0x${next.start.toString(16)}; link it with the guest kit's script`,
      );
    }
    map(range.start, place.memory(range.start), range.end - range.start, range.bits);
  });
}

/** argc, argv, envp and an empty auxiliary vector below STACK_END, as on Linux. Returns the stack pointer. */
function placeStack(pager: Pager, place: Slab, args: readonly string[]): number {
  const strings = args.map((argument) => new TextEncoder().encode(`${argument}\0`));
  const stringBytes = strings.reduce((sum, bytes) => sum + bytes.length, 0);
  const words = 1 + args.length + 1 + 1 + 2;
  const size = alignUp(stringBytes, 16) + alignUp(words * 8, 16);
  if (size > STACK_SIZE / 4)
    throw new ProgramError(`the arguments take ${size} bytes; a quarter of the stack is the most`);
  const pageBytes = alignUp(size, PAGE_SIZE);
  const bytes = new Uint8Array(pageBytes);
  const view = new DataView(bytes.buffer);
  const base = STACK_END - pageBytes;
  const stackPointer = STACK_END - size;
  let stringAt = STACK_END - alignUp(stringBytes, 16);
  view.setBigUint64(stackPointer - base, BigInt(args.length), true);
  strings.forEach((string, i) => {
    bytes.set(string, stringAt - base);
    view.setBigUint64(stackPointer - base + 8 * (1 + i), BigInt(stringAt), true);
    stringAt += string.length;
  });
  assert(stackPointer % 16 === 0, 'create: the stack pointer is a multiple of 16 (RISC-V psABI)');
  for (let at = 0; at < pageBytes; at += PAGE_SIZE) {
    const address = place.stack + STACK_SIZE - pageBytes + at;
    putPage(pager, address, bytes.subarray(at, at + PAGE_SIZE));
  }
  return stackPointer;
}
