/**
 * What a bare program finds when it starts: its segments, and a stack with arguments, environment and auxiliary vector.
 *
 * As Linux leaves it (System V ABI, "Process Initialization"; RISC-V psABI). Called once by bare.ts, before the first
 * instruction; runs nothing.
 */
import { alignDown } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import type { BareOptions } from '../bare.ts';
import type { ElfProgram } from '../elf.ts';
import { pte } from '../machine.ts';
import type { BareMemory } from './memory.ts';

/** The stack ends here, or below when a segment lies there. */
const STACK_END = 0x3f_0000_0000;
const STACK_SIZE = 8 * 1024 * 1024;
/** Arguments and environment may take this much, so that the program has most of its stack for itself. */
const STRINGS_BYTES_MAX = STACK_SIZE / 4;

/** Entries of the auxiliary vector (include/uapi/linux/auxvec.h). */
const auxiliary = {
  end: 0,
  headers: 3,
  headerSize: 4,
  headerCount: 5,
  pageSize: 6,
  entry: 9,
  user: 11,
  effectiveUser: 12,
  group: 13,
  effectiveGroup: 14,
  capabilities: 16,
  clockTicks: 17,
  secure: 23,
  random: 25,
  fileName: 31,
} as const;

/** Some user who is not the administrator: what a program does must not depend on who runs it. */
const USER = 1000;
/** AT_HWCAP: a bit for each of the letters. */
const CAPABILITIES = [...'IMAFDC'].reduce((bits, letter) => bits | (1 << (letter.charCodeAt(0) - 65)), 0);
const CLOCK_TICKS_PER_SECOND = 100;

const ANY_ACCESS = pte.read | pte.write | pte.execute;

/** Lays out the program's memory and fills in what the file says. False when RAM does not suffice. */
export function loadSegments(memory: BareMemory, program: ElfProgram): boolean {
  for (const { address, memorySize, readable, writable, executable } of program.segments) {
    const bits =
      (readable || writable ? pte.read : 0) | (writable ? pte.write : 0) | (executable ? pte.execute : 0);
    memory.include(address, address + memorySize, bits);
  }
  return program.segments.every(({ address, bytes }) => memory.write(address, bytes, ANY_ACCESS));
}

/** Makes the stack and puts on it what a program starts with; returns the stack pointer, or -1 when there is no room. */
export function placeStack(memory: BareMemory, program: ElfProgram, options: BareOptions): number {
  const bottom = memory.areas.findFree(STACK_SIZE, PAGE_SIZE, STACK_END);
  if (bottom === -1) return -1;
  const end = bottom + STACK_SIZE;
  memory.areas.set(bottom, end, pte.read | pte.write);
  const encoder = new TextEncoder();
  let top = end;
  let isWhole = true;
  const put = (bytes: Uint8Array): number => {
    top -= bytes.length;
    isWhole &&= top >= end - STRINGS_BYTES_MAX && memory.write(top, bytes);
    return top;
  };
  const text = (value: string): number => put(encoder.encode(`${value}\0`));
  const argumentAddresses = options.arguments.map(text);
  const environmentAddresses = options.environment.map(text);
  const random = put(options.random);
  const words = [
    argumentAddresses.length,
    ...argumentAddresses,
    0,
    ...environmentAddresses,
    0,
    ...[auxiliary.headers, program.headersAddress],
    ...[auxiliary.headerSize, 56],
    ...[auxiliary.headerCount, program.headerCount],
    ...[auxiliary.pageSize, PAGE_SIZE],
    ...[auxiliary.entry, program.entry],
    ...[auxiliary.user, USER],
    ...[auxiliary.effectiveUser, USER],
    ...[auxiliary.group, USER],
    ...[auxiliary.effectiveGroup, USER],
    ...[auxiliary.capabilities, CAPABILITIES],
    ...[auxiliary.clockTicks, CLOCK_TICKS_PER_SECOND],
    ...[auxiliary.secure, 0],
    ...[auxiliary.random, random],
    ...[auxiliary.fileName, argumentAddresses[0] ?? 0],
    ...[auxiliary.end, 0],
  ];
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setBigUint64(index * 8, BigInt(word), true);
  });
  top = alignDown(top - bytes.length, 16) + bytes.length;
  const start = put(bytes);
  return isWhole ? start : -1;
}
