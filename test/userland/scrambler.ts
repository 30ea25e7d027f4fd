/**
 * A stand-in for the kernel that runs one single-threaded program on the real hart, and is as unkind as it may be.
 *
 * After every call it fills each register that the register rule lets a kernel change (a1 to a7, t0, t1, unless they
 * are results) with noise, cuts messages, takes output in small bites and moves nothing it need not. A program that
 * runs the same under it depends on nothing but the contract. Answers only: ipc_call on the parent page's references,
 * clock_read, clock_sleep, kernel_entropy. Used by the tests of the port; no part of Perdure.
 */
import { readFileSync } from 'node:fs';
import { present } from '../../src/base/assert.ts';
import { PAGE_SIZE, SHORT_MESSAGE_BYTES } from '../../src/base/limits.ts';
import { createMachine } from '../../src/hw/create.ts';
import { pte, traps } from '../../src/hw/machine.ts';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { entryNameOf } from '../../src/kernel/abi/entry-names.ts';
import * as memory from '../../src/kernel/abi/memory.ts';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly names: readonly EntryName[];
  /** Nanoseconds slept. */
  readonly slept: bigint;
}

export interface Conditions {
  readonly args: readonly string[];
  readonly environment?: readonly string[];
  readonly input?: string;
  readonly seed?: number;
  /** Bytes of output taken at a time. */
  readonly bite?: number;
}

const allAccess = pte.valid | pte.read | pte.write | pte.execute | pte.user | pte.accessed | pte.dirty;

/** Runs the program until it asks its parent to end it. Throws for anything else that would stop it. */
export function runScrambled(file: string, conditions: Conditions): Ended {
  const machine = createMachine(64 * 1024 * 1024);
  const { hart, view } = machine;
  const frames = new Map<number, number>();
  let nextFrame = 1;
  hart.setAddressSpace(0, 1);

  const newFrame = (): number => {
    nextFrame += 1;
    return nextFrame - 1;
  };
  /** Three levels of Sv39, made on the way. */
  const mapPage = (page: number): number => {
    const known = frames.get(page);
    if (known !== undefined) return known;
    let table = 0;
    for (const shift of [18, 9]) {
      const at = machine.ramOffset + table * PAGE_SIZE + (Math.floor(page / 2 ** shift) % 512) * 8;
      let entry = view.getBigUint64(at, true);
      if (entry === 0n) {
        entry = (BigInt(newFrame()) << 10n) | BigInt(pte.valid);
        view.setBigUint64(at, entry, true);
      }
      table = Number(entry >> 10n);
    }
    const frame = newFrame();
    const leaf = (BigInt(frame) << 10n) | BigInt(allAccess);
    view.setBigUint64(machine.ramOffset + table * PAGE_SIZE + (page % 512) * 8, leaf, true);
    frames.set(page, frame);
    hart.fencePage(1, page * PAGE_SIZE);
    return frame;
  };
  const eachByte = (address: number, length: number, visit: (at: number, index: number) => void): void => {
    for (let i = 0; i < length; i += 1) {
      const frame = mapPage(Math.floor((address + i) / PAGE_SIZE));
      visit(machine.ramOffset + frame * PAGE_SIZE + ((address + i) % PAGE_SIZE), i);
    }
  };
  const store = (address: number, bytes: Uint8Array): void => {
    eachByte(address, bytes.length, (at, i) => view.setUint8(at, bytes[i] ?? 0));
    if (bytes.length === 0) return;
    for (let page = Math.floor(address / PAGE_SIZE); page * PAGE_SIZE < address + bytes.length; page += 1) {
      hart.frameChanged(present(frames.get(page), 'scrambler: the page is mapped'));
    }
  };
  const load = (address: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    eachByte(address, length, (at, i) => {
      bytes[i] = view.getUint8(at);
    });
    return bytes;
  };

  const elf = readFileSync(file);
  const header = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const start = Number(header.getBigUint64(32, true));
  for (let index = 0; index < header.getUint16(56, true); index += 1) {
    const at = start + index * 56;
    if (header.getUint32(at, true) !== 1) continue;
    const offset = Number(header.getBigUint64(at + 8, true));
    const size = Number(header.getBigUint64(at + 32, true));
    store(Number(header.getBigUint64(at + 16, true)), elf.subarray(offset, offset + size));
  }

  // Strings from the end of the stack downwards, then the vector that the stack pointer points at.
  let stack = memory.STACK_END;
  const push = (text: string): bigint => {
    const bytes = new TextEncoder().encode(`${text}\0`);
    stack -= bytes.length;
    store(stack, bytes);
    return BigInt(stack);
  };
  const args = conditions.args.map(push);
  const environment = (conditions.environment ?? []).map(push);
  const vector = new BigUint64Array([BigInt(args.length), ...args, 0n, ...environment, 0n, 0n, 0n]);
  stack = Math.floor((stack - vector.byteLength) / 16) * 16;
  store(stack, new Uint8Array(vector.buffer));
  hart.pcWord[0] = header.getBigUint64(24, true);

  let noise = BigInt(conditions.seed ?? 1);
  const word = (): bigint => {
    noise = (noise * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return noise;
  };
  // Nothing but the stack pointer is known at the start.
  for (let register = 1; register < 32; register += 1) hart.x[register] = word();
  hart.x[2] = BigInt(stack);

  const input = new TextEncoder().encode(conditions.input ?? '');
  let inputTaken = 0;
  const output: Uint8Array[] = [];
  const names: EntryName[] = [];
  let slept = 0n;
  let monotonic = 0n;
  let status: number | null = null;

  const call = (port: number, sent: Uint8Array, room: number): Uint8Array => {
    if (port === memory.PARENT_PAGE + memory.parentPage.outputReference) {
      const taken = sent.slice(0, conditions.bite ?? sent.length);
      output.push(taken);
      return new Uint8Array(new BigUint64Array([BigInt(taken.length)]).buffer);
    }
    if (port === memory.PARENT_PAGE + memory.parentPage.inputReference) {
      const given = input.slice(inputTaken, inputTaken + Math.min(room, 5));
      inputTaken += given.length;
      return given;
    }
    if (port !== memory.PARENT_PAGE + memory.parentPage.parentReference) throw new Error(`no port ${port}`);
    const request = memory.parentRequest.read(new DataView(sent.buffer), 0);
    if (request.operation !== BigInt(memory.parentOperations.exit)) throw new Error('an unknown request');
    status = Number(BigInt.asIntN(64, request.argument));
    return new Uint8Array(0);
  };

  while (status === null) {
    monotonic += 1000n;
    const trap = hart.run(1_000_000);
    if (trap === traps.budget) continue;
    if (trap === traps.loadPageFault || trap === traps.storePageFault) {
      const isHeap = hart.trapValue >= memory.PROGRAM_START && hart.trapValue < memory.PROGRAM_END;
      const isStack =
        hart.trapValue < memory.STACK_END && hart.trapValue >= memory.STACK_END - memory.STACK_SIZE;
      if (!isHeap && !isStack) throw new Error(`a fault at ${hart.trapValue.toString(16)}`);
      mapPage(Math.floor(hart.trapValue / PAGE_SIZE));
      continue;
    }
    if (trap !== traps.environmentCall) throw new Error(`trap ${trap} at ${hart.pcWord[0]?.toString(16)}`);
    const argument = (index: number): number => Number(hart.x[10 + index]);
    const name = entryNameOf(argument(7));
    if (name === null) throw new Error(`no entry ${argument(7)}`);
    names.push(name);
    const results: bigint[] = [];
    let outcome: number = outcomes.success;
    if (name === 'ipc_call') {
      const sendLength = Math.min(argument(2), SHORT_MESSAGE_BYTES);
      const room = argument(4);
      const answer = call(argument(0), load(argument(1), sendLength), room).slice(0, room);
      store(argument(3), answer);
      results.push(BigInt(argument(1) + sendLength), BigInt(argument(2) - sendLength));
      results.push(BigInt(argument(3) + answer.length), BigInt(room - answer.length));
    } else if (name === 'clock_read') results.push(monotonic, monotonic + 1_700_000_000_000_000_000n);
    else if (name === 'clock_sleep') {
      const deadline = present(hart.x[10], 'scrambler: the hart has an a0');
      if (deadline > monotonic) {
        slept += deadline - monotonic;
        monotonic = deadline;
      }
    } else if (name === 'kernel_entropy') results.push(word());
    else outcome = outcomes.noMemory;
    for (const register of [5, 6, 11, 12, 13, 14, 15, 16, 17]) hart.x[register] = word();
    results.forEach((result, index) => {
      hart.x[11 + index] = result;
    });
    hart.x[10] = BigInt(outcome);
    hart.pcWord[0] = (hart.pcWord[0] ?? 0n) + 4n;
  }
  const stdout = output.map((bytes) => new TextDecoder('latin1').decode(bytes)).join('');
  return { status, stdout, names, slept };
}
