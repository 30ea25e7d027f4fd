/**
 * What comes out of a file is looked at before the kernel sees it.
 *
 * The store has proved that these are the bytes that were committed, or that somebody can compute hashes: so nothing is
 * believed. Shapes and ranges are checked here; whether a state is a legal one the kernel says, which trusts no caller
 * (law 11), and its refusal is damage like any other. Constant work for an object. Called by restart, before and while it
 * makes the objects.
 */
import { wordOf } from '../base/bytes.ts';
import { OBJECT_SIZE, PAGE_SIZE, SEGMENT_PAGES_MAX } from '../base/limits.ts';
import { faults, outcomes } from '../kernel/abi/codes.ts';
import { type EntryName, entries } from '../kernel/abi/entries.ts';
import { item, kernelRecord } from '../kernel/abi/memory.ts';
import { links, states, type TypeName, typeNames, typeNumbers } from '../kernel/abi/types.ts';
import type { Processor } from '../userland/task/task.ts';
import { DamageError, type StoredObject } from './store/contract.ts';

/** Serials from here on are those of objects outside the image; a machine that gave out a million a second came here after 140 years. */
const COUNTER_MAX = 2n ** 52n;

const namesByNumber = new Map<number, TypeName>(typeNames.map((name) => [typeNumbers[name], name]));

function damaged(object: StoredObject, what: string): DamageError {
  const name = namesByNumber.get(object.type) ?? `type ${object.type}`;
  return new DamageError(`object ${object.address} (${name}, serial ${object.serial}): ${what}`);
}

/** Checks one object's own shape; `nextSerial` is the kernel record's. Throws DamageError. */
export function checkStored(object: StoredObject, nextSerial: bigint): void {
  const { address, serial, state } = object;
  const name = namesByNumber.get(object.type);
  if (name === undefined) throw damaged(object, 'its type is unknown');
  if (
    !Number.isSafeInteger(address) ||
    address < 0 ||
    address % OBJECT_SIZE !== 0 ||
    address >= SEGMENT_PAGES_MAX * PAGE_SIZE
  ) {
    throw damaged(object, 'no object can lie there');
  }
  const { size, offset } = states[name];
  const tail = state.length - size;
  if (name === 'region' ? tail < 0 || tail % item.size !== 0 : tail !== 0) {
    throw damaged(object, `its state has ${state.length} bytes`);
  }
  if (object.links.length !== links[name].length)
    throw damaged(object, `it has ${object.links.length} links`);
  const own = wordOf(state, offset.serial);
  if (BigInt(own) !== serial) throw damaged(object, `its state says serial ${own}`);
  if (serial === 0n || serial >= nextSerial) {
    throw damaged(object, `the machine has given out serials below ${nextSerial}`);
  }
}

/** Refuses objects that have one serial. Throws DamageError. */
export function checkSerials(objects: readonly StoredObject[]): void {
  const serials = Float64Array.from(objects, ({ serial }) => Number(serial)).sort();
  // Few machines have a hundred objects, some a hundred thousand, and none two with one serial.
  if (serials.every((serial, i) => i === 0 || serial !== serials[i - 1])) return;
  const seen = new Map<bigint, number>();
  for (const object of objects) {
    const other = seen.get(object.serial);
    if (other !== undefined) throw damaged(object, `object ${other} has the same serial`);
    seen.set(object.serial, object.address);
  }
}

/** Issues an entry that brings `object` back; what the kernel says against it is damage. */
export function bringBack(
  task: Processor,
  object: StoredObject,
  name: EntryName,
  ...args: readonly (number | bigint)[]
): void {
  const outcome = task.call(entries[name].number, ...args);
  if (outcome === outcomes.success) return;
  const found = [...Object.entries(outcomes), ...Object.entries(faults)].find(([, code]) => code === outcome);
  throw damaged(object, `the kernel refuses it (${name}: ${found?.[0] ?? outcome})`);
}

/** What a link of `object` may not be. */
export function badLink(object: StoredObject, what: string): DamageError {
  return damaged(object, what);
}

/** Checks a kernel record before a kernel is made of it. Throws DamageError. */
export function checkKernelRecord(bytes: Uint8Array): void {
  const fail = (what: string): never => {
    throw new DamageError(`the kernel record: ${what}`);
  };
  if (bytes.length !== kernelRecord.size) fail(`it has ${bytes.length} bytes`);
  const record = kernelRecord.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  if (record.tick >= 1n << 63n) fail(`tick ${record.tick} is beyond all time`);
  for (const name of ['nextTicket', 'nextTurn', 'nextSerial'] as const) {
    if (record[name] === 0n || record[name] >= COUNTER_MAX) fail(`${name} is ${record[name]}`);
  }
  if (record.generator.every((word) => word === 0n)) fail('its generator is all zeros');
}

/** The next serial that a checked kernel record says. */
export function nextSerialOf(bytes: Uint8Array): bigint {
  return kernelRecord.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0).nextSerial;
}
