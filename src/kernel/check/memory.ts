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
import { isApart, isListed } from '../memory/spans.ts';
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
  const { rank } = mapping;
  holds(
    region === null || isListed(region.mappings, regionOffset, regionOffset + size, rank, mapping),
    'regionListsMapping',
    mapping,
  );
  if (space === null || size === 0) return;
  holds(isListed(space.mappings, start, start + size, rank, mapping), 'spaceListsMapping', mapping);
  holds(isApart(space.mappings, start, rank), 'mappingsDoNotOverlap', space);
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
  holds(
    space === null || isListed(space.regions, start, start + size, region.rank, region),
    'spaceListsRegion',
    region,
  );
  const limits = space?.bottom?.limits ?? null;
  const isLimiting = limits !== null && region.objectLimit + region.threadLimit > 0;
  const isKnown = !isLimiting || isListed(limits, start, start + size, region.rank, region);
  holds(isKnown, 'limitsAreListed', region);
  const itemCount = region.changedPages.size + region.changedObjects.size;
  holds(region.collecting || itemCount === 0, 'setOnlyIfCollecting', region);
  const { sorted, late, fresh } = region.changedOrder;
  holds(sorted.length + late.length + fresh.length === itemCount, 'changedOrderIsRight', region);
}

export function checkSpace(k: KernelState, space: Space): void {
  const keeper = live(space.keeper);
  const scheduler = live(space.scheduler);
  holds(keeper === null || keeper.type === typeNumbers.port, 'linkHasItsType', space);
  holds(scheduler === null || scheduler.type === typeNumbers.port, 'linkHasItsType', space);
  holds(space.rootFrame >= 0 === k.spacesWithTables.has(space), 'tablesAreListed', space);
  const hasIdentifier = space.rootFrame < 0 || (space.asid > 0 && space.asid < k.nextAsid);
  holds(hasIdentifier, 'identifiersDiffer', space);
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

/** Entries of a table that are looked at in one step. */
const TABLE_STEP = 8;

/**
 * Some entries of the first table of this space that holds one for page `from` or later: each allows no more than the
 * chain. The page number to go on from, -1 at the end.
 */
export function checkTable(k: KernelState, space: Space, from: number): number {
  return visitTable(k, space, from, TABLE_STEP, (number, frame, rights) => {
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
