/**
 * What holds of mappings, regions and spaces by themselves, and of frames, pages and table entries.
 *
 * A mapping looks at its own neighbours in its space; all of them together have looked at all. Called by objects.ts,
 * contents.ts and check.ts. Each check is O(1) or O(log n), that of a space's tables bounded by one table.
 */
import { isAligned } from '../../base/integer.ts';
import { PAGE_SIZE } from '../../base/limits.ts';
import { typeNumbers } from '../abi/types.ts';
import { resolve } from '../memory/chain.ts';
import { pageNumber } from '../memory/changed.ts';
import { contentSum } from '../memory/frames.ts';
import { visitTable } from '../memory/tables.ts';
import { addressEnd } from '../objects/mapping.ts';
import { isProtection } from '../objects/operations.ts';
import { type KernelState, live, type Mapping, type Page, type Region, type Space } from '../state.ts';
import { holds } from './invariants.ts';

export function checkMapping(mapping: Mapping): void {
  const { startAddress: start, size, regionOffset } = mapping;
  const space = live(mapping.space);
  const region = live(mapping.region);
  holds(space === null || space.type === typeNumbers.space, 'linkHasItsType', mapping);
  holds(region === null || region.type === typeNumbers.region, 'linkHasItsType', mapping);
  const isInside = start >= 0 && size >= 0 && (space === null || start + size <= addressEnd(space));
  const isPaged =
    isAligned(start, PAGE_SIZE) && isAligned(size, PAGE_SIZE) && isAligned(regionOffset, PAGE_SIZE);
  holds(isInside && isPaged, 'mappingIsAligned', mapping);
  holds(isProtection(mapping.protection), 'protectionIsLegal', mapping);
  holds(region === null || region.mappings.has(mapping), 'regionListsMapping', mapping);
  if (space === null || size === 0) return;
  const index = indexOf(space, mapping);
  holds(index >= 0, 'spaceListsMapping', mapping);
  checkNeighbours(space, index);
}

/** Index of the mapping in the list of the space, -1 when it is not where its address says. */
function indexOf(space: Space, mapping: Mapping): number {
  let low = 0;
  let high = space.mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((space.mappings[middle] as Mapping).startAddress < mapping.startAddress) low = middle + 1;
    else high = middle;
  }
  return space.mappings[low] === mapping ? low : -1;
}

/** The mapping at this index of the list and the next one do not overlap, nor it and the one before. */
export function checkNeighbours(space: Space, index: number): void {
  const mapping = space.mappings[index];
  if (mapping === undefined) return;
  const before = space.mappings[index - 1];
  const after = space.mappings[index + 1];
  const isApart =
    (before === undefined || before.startAddress + before.size <= mapping.startAddress) &&
    (after === undefined || mapping.startAddress + mapping.size <= after.startAddress);
  holds(isApart, 'mappingsDoNotOverlap', space);
}

export function checkRegion(region: Region): void {
  const { startAddress: start, size } = region;
  const space = live(region.space);
  const keeper = live(region.keeper);
  holds(space === null || space.type === typeNumbers.space, 'linkHasItsType', region);
  holds(keeper === null || keeper.type === typeNumbers.port, 'linkHasItsType', region);
  const isInside = start >= 0 && size >= 0 && (space === null || start + size <= addressEnd(space));
  holds(isInside && isAligned(start, PAGE_SIZE) && isAligned(size, PAGE_SIZE), 'regionIsAligned', region);
  holds(isProtection(region.protection), 'protectionIsLegal', region);
  holds(space === null || space.regions.has(region), 'spaceListsRegion', region);
  const itemCount = region.changedPages.size + region.changedObjects.size;
  holds(region.collecting || itemCount === 0, 'setOnlyIfCollecting', region);
  const order = region.changedOrder;
  holds(order === null || order.length === itemCount, 'changedOrderIsRight', region);
}

export function checkSpace(k: KernelState, space: Space): void {
  const keeper = live(space.keeper);
  const scheduler = live(space.scheduler);
  holds(keeper === null || keeper.type === typeNumbers.port, 'linkHasItsType', space);
  holds(scheduler === null || scheduler.type === typeNumbers.port, 'linkHasItsType', space);
  holds(space.rootFrame >= 0 === k.spacesWithTables.has(space), 'tablesAreListed', space);
  const last = space.lastMapping;
  holds(last === null || (last.alive && last.space === space), 'lastMappingIsListed', space);
}

/** The page in this frame, if there is one, is where it says, and its bytes are what they should be. */
export function checkFrame(k: KernelState, frame: number): void {
  const page = k.pageOfFrame[frame] as Page | null;
  if (page === null) return;
  holds(page.frame === frame && frame >= k.tableEnd && frame < k.frameBump, 'pageKnowsPlace');
  holds(page.pins === 0, 'pageIsNotPinned', page.space);
  const listed = page.space.bottom?.pages.get(page.number);
  holds(page.space.alive && listed === page, 'heldPageIsListed', page.space);
  const sum = k.contentSums?.get(page);
  if (sum === undefined || k.machine.log.length > 0) return;
  holds(contentSum(k, frame) === sum, 'cleanPageIsUnchanged', page.space);
}

/** A page that the list of its space holds under this number. */
export function checkListedPage(k: KernelState, space: Space, number: number, page: Page): void {
  holds(page.space === space && page.number === number, 'pageKnowsPlace', space);
  holds(k.pageOfFrame[page.frame] === page, 'frameHoldsPage', space);
}

/**
 * The entries of the first table of this space that holds one for page `from` or later: each allows no more than the
 * chain. The page number to go on from, -1 at the end.
 */
export function checkTable(k: KernelState, space: Space, from: number): number {
  return visitTable(k, space, from, (number, frame, rights) => {
    const page = k.pageOfFrame[frame] as Page | null;
    const isReached = resolve(k.chain, space, number * PAGE_SIZE, 0);
    holds(isReached && page !== null, 'entryLeadsToPage', space);
    if (page === null) return;
    const isSame = k.chain.space === page.space && pageNumber(k.chain.address) === page.number;
    holds(isSame, 'entryFollowsChain', space);
    holds((rights & ~(k.chain.rights & page.protection)) === 0, 'entryWithinRights', space);
    const isRemembered = page.entries.some((entry) => entry.space === space && entry.page === number);
    holds(isRemembered, 'pageRemembersEntry', space);
  });
}
