/**
 * Which addresses a bare program has, and what it may do with them: areas of whole pages, with R, W, X bits.
 *
 * Invariant: areas are in order of address, do not overlap and are not empty; neighbours that touch differ in their bits.
 * An area with no bits is there and forbids everything. Knows no frames and no page tables; used by the bare runner's
 * memory.
 */

/** Page aligned; `bits` are those of a table entry. */
export interface Area {
  readonly start: number;
  readonly end: number;
  readonly bits: number;
}

export interface Areas {
  /** The bits of the page at this address; null when it is in no area. */
  bitsAt(address: number): number | null;
  /** The areas' parts within [start, end). */
  within(start: number, end: number): Area[];
  /** Makes [start, end) one area with these bits, whatever was there; null takes it away. */
  set(start: number, end: number, bits: number | null): void;
  /** The start of the highest free stretch of `size` bytes that ends at or below `limit` and not below `floor`; or -1. */
  findFree(size: number, floor: number, limit: number): number;
}

export function createAreas(): Areas {
  const areas: Area[] = [];
  /** Index of the first area that ends after this address; as many as there are when none does. */
  const firstAfter = (address: number): number => {
    let [low, high] = [0, areas.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((areas[middle]?.end ?? 0) > address) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  /** The areas that have a part in [start, end), whole. */
  const touching = (start: number, end: number): Area[] => {
    const first = firstAfter(start);
    let last = first;
    while ((areas[last]?.start ?? end) < end) last++;
    return areas.slice(first, last);
  };
  return {
    bitsAt(address) {
      const area = areas[firstAfter(address)];
      return area !== undefined && area.start <= address ? area.bits : null;
    },
    within: (start, end) =>
      touching(start, end).map((area) => ({
        start: Math.max(area.start, start),
        end: Math.min(area.end, end),
        bits: area.bits,
      })),
    set(start, end, bits) {
      if (start >= end) return;
      // With the neighbours that touch it, which may become one with it.
      const old = touching(start - 1, end + 1);
      const pieces: Area[] = [];
      const add = (area: Area): void => {
        const before = pieces.at(-1);
        if (area.start >= area.end) return;
        if (before === undefined || before.end !== area.start || before.bits !== area.bits) pieces.push(area);
        else pieces[pieces.length - 1] = { ...before, end: area.end };
      };
      for (const area of old) add({ ...area, end: Math.min(area.end, start) });
      if (bits !== null) add({ start, end, bits });
      for (const area of old) add({ ...area, start: Math.max(area.start, end) });
      areas.splice(firstAfter(start - 1), old.length, ...pieces);
    },
    findFree(size, floor, limit) {
      let end = limit;
      for (const area of touching(floor, limit).reverse()) {
        if (end - area.end >= size) break;
        end = Math.min(end, area.start);
      }
      return end - size >= floor ? end - size : -1;
    },
  };
}
