/**
 * One object out of the kernel and back into it: simple state as bytes, links as (address, serial) or a name.
 *
 * Invariants: uses `peek_state`, so saving leaves no trace in what is saved (law 3); a link that points outside the
 * segment must have one of the arena's names, or the checkpoint fails before anything is committed.
 * Called by the checkpoint and by restart. Never reads the store.
 */
import { assert, present } from '../base/assert.ts';
import { concatBytes, viewOf, wordOf } from '../base/bytes.ts';
import { outcomes } from '../kernel/abi/codes.ts';
import { type EntryName, entries } from '../kernel/abi/entries.ts';
import { item, itemKinds } from '../kernel/abi/memory.ts';
import type { TypeName } from '../kernel/abi/types.ts';
import { links, states, typeNames, typeNumbers } from '../kernel/abi/types.ts';
import type { Arena, ExternalName } from './arena.ts';
import { call, ITEMS_MAX, must } from './arena.ts';
import type { StoredLink, StoredObject } from './store/contract.ts';
import { badLink, bringBack } from './validate.ts';

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

/** The entries of each type, found once: their names are not put together for each object. */
const entryNames = Object.fromEntries(
  typeNames.map((type) => [
    type,
    Object.fromEntries(
      (['peek_state', 'set_state', 'create_hash', 'reference'] as const).map((operation) => [
        operation,
        `${type}_${operation}`,
      ]),
    ),
  ]),
) as Readonly<Record<TypeName, Readonly<Record<string, EntryName>>>>;

const entry = (type: TypeName, operation: string): EntryName => entryNames[type][operation] as EntryName;

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

/** True for a region that somebody collects from: its changed set is persistent too. */
function isCollecting(type: TypeName, state: Uint8Array): boolean {
  return type === 'region' && viewOf(state).getBigUint64(states.region.offset.collecting, true) !== 0n;
}

/** The changed set of a region inside the segment, as items, without taking anything out of it. */
function changedSet(arena: Arena, region: number): Uint8Array {
  const { task } = arena;
  const parts: Uint8Array[] = [];
  let cursor = 0;
  let count: number;
  do {
    must(task, 'region_peek_changed', region, cursor, arena.items, ITEMS_MAX);
    cursor = task.result(0);
    count = ITEMS_MAX - task.result(2);
    parts.push(task.memory.slice(arena.itemsOffset, arena.itemsOffset + count * item.size));
  } while (count === ITEMS_MAX);
  return concatBytes(parts);
}

/** Last pass of restart: a region's changed set is what it was, not what restart itself changed. */
export function loadChangedSet(arena: Arena, object: StoredObject): void {
  const { size } = states.region;
  if (typeName(object.type) !== 'region' || !isCollecting('region', object.state)) return;
  const { task } = arena;
  do {
    const outcome = call(task, 'region_collect', object.address, arena.items, ITEMS_MAX);
    if (outcome !== outcomes.success) return;
  } while (task.result(1) === 0);
  const view = viewOf(object.state);
  for (let at = size; at < object.state.length; at += item.size) {
    const { offset, pc, kind, type } = item.read(view, at);
    const isPage = kind === itemKinds.page || kind === itemKinds.pageGone;
    // Refused for what can no longer be named, because the region's window moved since: a collector could not reach it either.
    call(task, 'region_mark_changed', object.address, Number(offset), kind, isPage ? Number(pc) : type);
  }
}

/** Takes out the state of the object at this segment address, without disturbing it. */
export function pickle(arena: Arena, address: number, typeNumber: number): StoredObject {
  const { task } = arena;
  const type = typeName(typeNumber);
  const linkCount = links[type].length;
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = arena.scratch;
  const given = (index: number, reference: number): number => (index < linkCount ? reference : 0);
  must(
    task,
    entry(type, 'peek_state'),
    address,
    arena.state,
    given(0, first),
    given(1, second),
    given(2, third),
    given(3, fourth),
    given(4, fifth),
  );
  const { size, offset } = states[type];
  const simple = task.memory.slice(arena.stateOffset, arena.stateOffset + size);
  const state = isCollecting(type, simple) ? concatBytes([simple, changedSet(arena, address)]) : simple;
  const serial = task.memoryView.getBigUint64(arena.stateOffset + offset.serial, true);
  const stored: StoredLink[] = [];
  for (let i = 0; i < linkCount; i++) stored.push(linkOf(arena, arena.scratch[i] as number));
  if (serial === 0n) assert(false, `pickle: the ${type} at ${address} has a serial`);
  return { address, type: typeNumber, serial, state, links: stored };
}

/** First pass of restart: makes the object; its links are null and, a thread, it is stopped. */
export function createPickled(arena: Arena, object: StoredObject): void {
  const type = typeName(object.type);
  if (type === 'reference') {
    bringBack(arena.task, object, 'reference_create', object.address);
    return;
  }
  const hash = wordOf(object.state, states[type].offset.hash);
  bringBack(arena.task, object, entry(type, 'create_hash'), object.address, hash);
}

/** The stored objects by address; a link is good only while the object there has the link's serial. */
export type Inventory = ReadonlyMap<number, StoredObject>;

/** True when what the link named is still the object at that address (law 5). */
export function isLinkFresh(link: { address: number; serial: bigint }, inventory: Inventory): boolean {
  return inventory.get(link.address)?.serial === link.serial;
}

/** A reference to what the link names: an object of the inventory, something outside, or nothing. */
function aim(
  arena: Arena,
  object: StoredObject,
  link: StoredLink,
  scratch: number,
  inventory: Inventory,
): number {
  if (link === null) return arena.none;
  if ('name' in link) {
    const external = arena.externals.get(link.name as ExternalName);
    if (external === undefined) {
      throw badLink(object, `it refers to '${link.name}', which this release does not offer`);
    }
    return external;
  }
  if (!isLinkFresh(link, inventory)) return arena.none;
  const target = present(inventory.get(link.address), 'restart: a fresh link has its target');
  const name = entry(typeName(target.type), 'reference');
  if (!(name in entries)) throw badLink(object, `nothing can refer to a ${typeName(target.type)}`);
  bringBack(arena.task, object, name, link.address, scratch);
  return scratch;
}

/** Second pass of restart: loads simple state and links of a checked object. Threads must come last. */
export function loadPickled(arena: Arena, object: StoredObject, inventory: Inventory): void {
  const type = typeName(object.type);
  const { size } = states[type];
  arena.task.memory.set(
    size === object.state.length ? object.state : object.state.subarray(0, size),
    arena.stateOffset,
  );
  const given = (index: number): number => {
    const link = object.links[index];
    return link === undefined ? 0 : aim(arena, object, link, arena.scratch[index] as number, inventory);
  };
  bringBack(
    arena.task,
    object,
    entry(type, 'set_state'),
    object.address,
    arena.state,
    given(0),
    given(1),
    given(2),
    given(3),
    given(4),
  );
}
