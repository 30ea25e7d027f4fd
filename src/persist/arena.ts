/**
 * The persistence server's own memory: where its kernel objects and its buffers lie, and its calls into the kernel.
 *
 * Invariant: everything here is outside the store segment and is made anew at each start; nothing of it is saved.
 * Used by the rest of the server. Never touches the segment itself.
 */
import { assert, InvariantError } from '../base/assert.ts';
import { OBJECT_SIZE, PAGE_SIZE, SEGMENT_PAGES_MAX } from '../base/limits.ts';
import { faults, outcomes } from '../kernel/abi/codes.ts';
import type { EntryName } from '../kernel/abi/entries.ts';
import { entries } from '../kernel/abi/entries.ts';
import { item } from '../kernel/abi/memory.ts';
import { protection, states } from '../kernel/abi/types.ts';
import type { Processor } from '../userland/task/task.ts';
import { taskMemory } from '../userland/task/task.ts';

/** Pages of memory the server's task needs. */
export const SERVER_MEMORY_PAGES = 16;

const objectAt = (index: number): number => taskMemory.free + index * OBJECT_SIZE;
const SCRATCH_REFERENCE_COUNT = 5;
const EXTERNAL_REFERENCES_MAX = 16;
const STATE_OFFSET = 1 * PAGE_SIZE;
const ITEMS_OFFSET = 2 * PAGE_SIZE;
const ITEMS_BYTES = 12 * PAGE_SIZE;
const PAGE_OFFSET = 15 * PAGE_SIZE;

/** Items that one collect may report. */
export const ITEMS_MAX = Math.floor(ITEMS_BYTES / item.size);

/** Aliases of the server's ports: what a request is about. */
export const aliases = { segmentFault: 1, spaceFault: 2, parent: 3 } as const;
export type AliasName = keyof typeof aliases;

/** Names of what lies outside the segment and may be referred to from inside. Part of the image format. */
export type ExternalName = 'segment' | 'server-space' | 'fault' | 'parent' | 'output' | 'input' | 'life';

export interface Arena {
  readonly task: Processor;
  readonly portset: number;
  readonly segment: number;
  /** Address of the state buffer, and the view of its bytes at `stateOffset`. */
  readonly state: number;
  readonly stateOffset: number;
  readonly items: number;
  readonly itemsOffset: number;
  /** Page-aligned buffer for one page. */
  readonly pageBuffer: number;
  readonly pageBytes: Uint8Array;
  /** Addresses of reference objects that each use overwrites. */
  readonly scratch: readonly number[];
  /** A reference that is null for ever. */
  readonly none: number;
  /** References to what lies outside, by name. Address of a null reference for a name that is not known. */
  readonly externals: ReadonlyMap<ExternalName, number>;
  port(name: AliasName): number;
}

/** Issues an entry and returns its outcome. */
export function call(task: Processor, name: EntryName, ...args: readonly (number | bigint)[]): number {
  return task.call(entries[name].number, ...args);
}

/** Issues an entry that must succeed: the server names only what is there. */
export function must(task: Processor, name: EntryName, ...args: readonly (number | bigint)[]): void {
  const outcome = call(task, name, ...args);
  if (outcome === outcomes.success) return;
  // Only now: putting the words together would cost more than the entry.
  throw new InvariantError(`server: ${name}(${args.join(', ')}) succeeds, it gave ${describe(outcome)}`);
}

function describe(outcome: number): string {
  const found = [...Object.entries(outcomes), ...Object.entries(faults)].find(([, code]) => code === outcome);
  return found === undefined ? String(outcome) : found[0];
}

/**
 * Makes the server's objects: port set, three ports, the store segment, scratch references, external references. A restart
 * has the segment collect no changes before it is over.
 */
export function createArena(task: Processor, isCollecting: boolean): Arena {
  const base = task.memoryAddress;
  let next = 0;
  const allocate = (): number => base + objectAt(next++);
  const portset = allocate();
  const segment = allocate();
  const ports = Object.fromEntries(Object.keys(aliases).map((name) => [name, allocate()])) as Record<
    AliasName,
    number
  >;
  const scratch = Array.from({ length: SCRATCH_REFERENCE_COUNT }, allocate);
  const names: ExternalName[] = ['segment', 'server-space', 'fault', 'parent', 'output', 'input', 'life'];
  assert(names.length <= EXTERNAL_REFERENCES_MAX, 'server: every external name has a reference');
  const externals = new Map(names.map((name) => [name, allocate()] as const));
  const spare = allocate();
  assert(objectAt(next) <= STATE_OFFSET, 'server: its objects end before its buffers');

  must(task, 'portset_create', portset);
  for (const reference of [...scratch, ...externals.values(), spare])
    must(task, 'reference_create', reference);
  const portsetReference = scratch[0] as number;
  must(task, 'portset_reference', portset, portsetReference);
  for (const [name, alias] of Object.entries(aliases)) {
    const port = ports[name as AliasName];
    must(task, 'port_create', port);
    states.port.write(task.memoryView, STATE_OFFSET, { hash: 0n, serial: 0n, alias: BigInt(alias) });
    must(task, 'port_set_state', port, base + STATE_OFFSET, portsetReference);
  }
  const serverSpace = externals.get('server-space') as number;
  const faultPort = scratch[1] as number;
  must(task, 'space_reference', base + taskMemory.space, serverSpace);
  must(task, 'port_reference', ports.segmentFault, faultPort);
  must(task, 'region_create', segment);
  states.region.write(task.memoryView, STATE_OFFSET, {
    hash: 0n,
    serial: 0n,
    startAddress: 0n,
    size: BigInt(SEGMENT_PAGES_MAX) * BigInt(PAGE_SIZE),
    protection: BigInt(protection.read | protection.write | protection.execute),
    collecting: isCollecting ? 1n : 0n,
    objectLimit: 0n,
    threadLimit: 0n,
  });
  must(task, 'region_set_state', segment, base + STATE_OFFSET, serverSpace, faultPort);
  must(task, 'region_reference', segment, externals.get('segment') as number);
  must(task, 'port_reference', ports.spaceFault, externals.get('fault') as number);
  must(task, 'port_reference', ports.parent, externals.get('parent') as number);
  return {
    task,
    portset,
    segment,
    state: base + STATE_OFFSET,
    stateOffset: STATE_OFFSET,
    items: base + ITEMS_OFFSET,
    itemsOffset: ITEMS_OFFSET,
    pageBuffer: base + PAGE_OFFSET,
    pageBytes: task.memory.subarray(PAGE_OFFSET, PAGE_OFFSET + PAGE_SIZE),
    scratch,
    none: spare,
    externals,
    port: (name) => ports[name],
  };
}
