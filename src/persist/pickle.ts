/**
 * One object out of the kernel and back into it: simple state as bytes, links as (address, serial) or a name.
 *
 * Invariants: uses `peek_state`, so saving leaves no trace in what is saved (law 3); a link that points outside the
 * segment must have one of the arena's names, or the checkpoint fails before anything is committed.
 * Called by the checkpoint and by restart. Never reads the store.
 */
import { assert, present } from '../base/assert.ts';
import { outcomes } from '../kernel/abi/codes.ts';
import type { EntryName } from '../kernel/abi/entries.ts';
import type { TypeName } from '../kernel/abi/types.ts';
import { links, states, typeNames, typeNumbers } from '../kernel/abi/types.ts';
import type { Arena, ExternalName } from './arena.ts';
import { call, must } from './arena.ts';
import type { StoredLink, StoredObject } from './store/contract.ts';

const namesByNumber: readonly (TypeName | undefined)[] = typeNames.reduce<(TypeName | undefined)[]>(
  (list, name) => {
    list[typeNumbers[name]] = name;
    return list;
  },
  [],
);

/** The name of a type number; the number comes from the kernel or from a verified record. */
export function typeName(number: number): TypeName {
  return present(namesByNumber[number], `pickle: ${number} is a type number`);
}

const entry = (type: TypeName, operation: string): EntryName => `${type}_${operation}` as EntryName;

/** What the reference object at this address points at, as the file has it. */
function linkOf(arena: Arena, reference: number): StoredLink {
  const { task } = arena;
  if (call(task, 'reference_locate', reference, arena.segment) === outcomes.success) {
    return { address: task.result(0), serial: BigInt(task.result(1)) };
  }
  must(task, 'reference_check', reference);
  if (task.result(0) !== 0) return null;
  for (const [name, external] of arena.externals) {
    must(task, 'reference_compare', reference, external);
    if (task.result(0) !== 0) return { name };
  }
  throw new Error('pickle: a link points outside the image at something without a name');
}

/** Takes out the state of the object at this segment address, without disturbing it. */
export function pickle(arena: Arena, address: number, typeNumber: number): StoredObject {
  const { task } = arena;
  const type = typeName(typeNumber);
  const linkCount = links[type].length;
  must(task, entry(type, 'peek_state'), address, arena.state, ...arena.scratch.slice(0, linkCount));
  const { size, offset } = states[type];
  const state = task.memory.slice(arena.stateOffset, arena.stateOffset + size);
  const serial = task.memoryView.getBigUint64(arena.stateOffset + offset.serial, true);
  const stored = arena.scratch.slice(0, linkCount).map((reference) => linkOf(arena, reference));
  assert(serial !== 0n, `pickle: the ${type} at ${address} has a serial`);
  return { address, type: typeNumber, serial, state, links: stored };
}

/** First pass of restart: makes the object; its links are null and, a thread, it is stopped. */
export function createPickled(arena: Arena, object: StoredObject): void {
  const type = typeName(object.type);
  if (type === 'reference') {
    must(arena.task, 'reference_create', object.address);
    return;
  }
  const view = new DataView(object.state.buffer, object.state.byteOffset, object.state.byteLength);
  const hash = Number(view.getBigUint64(0, true));
  must(arena.task, entry(type, 'create_hash'), object.address, hash);
}

/** The stored objects by address; a link is good only while the object there has the link's serial. */
export type Inventory = ReadonlyMap<number, StoredObject>;

/** True when what the link named is still the object at that address (law 5). */
export function isLinkFresh(link: { address: number; serial: bigint }, inventory: Inventory): boolean {
  return inventory.get(link.address)?.serial === link.serial;
}

/** Points the scratch reference at what the link names: an object of the inventory, something outside, or nothing. */
function aim(arena: Arena, link: StoredLink, scratch: number, inventory: Inventory): void {
  const { task } = arena;
  must(task, 'reference_destroy', scratch);
  must(task, 'reference_create', scratch);
  if (link === null) return;
  if ('name' in link) {
    const external = present(
      arena.externals.get(link.name as ExternalName),
      `restart: the image refers to ${link.name}, which this release does not offer`,
    );
    must(task, 'reference_copy', external, scratch);
    return;
  }
  if (!isLinkFresh(link, inventory)) return;
  const target = present(inventory.get(link.address), 'restart: a fresh link has its target');
  must(task, entry(typeName(target.type), 'reference'), link.address, scratch);
}

/** Second pass of restart: loads simple state and links. Threads must come last. */
export function loadPickled(arena: Arena, object: StoredObject, inventory: Inventory): void {
  const type = typeName(object.type);
  assert(object.state.length === states[type].size, `restart: the ${type} at ${object.address} has its size`);
  arena.task.memory.set(object.state, arena.stateOffset);
  const scratch = arena.scratch.slice(0, object.links.length);
  assert(
    object.links.length === links[type].length,
    `restart: the ${type} at ${object.address} has its links`,
  );
  object.links.forEach((link, i) => {
    aim(arena, link, scratch[i] as number, inventory);
  });
  must(arena.task, entry(type, 'set_state'), object.address, arena.state, ...scratch);
}
