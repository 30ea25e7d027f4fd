/**
 * Which loads and stores of a block can share one look into the TLB.
 *
 * Accesses through the same unchanged base register, near to each other, mostly lie on one page. The first of them opens
 * a window: one look that asks whether the whole span lies on a page that the TLB has; the others, when it does, use the
 * place found. When the look fails the region is left, or, in one that this happens to often, each access takes a slow
 * path (cache.ts). Invariant: a window stays right until the region is left, for no mapping changes meanwhile, and a page that
 * may be written without a look stays so. Reads and writes have windows of their own. Emits nothing, holds no state.
 */
import type { Decoded } from './blocks.ts';
import type { Footprint } from './footprint.ts';

export interface Window {
  /** i32 local: place of the first byte of the span in linear memory, or 0 when there is no window. */
  readonly local: number;
  readonly isWrite: boolean;
  /** Immediate of the lowest access, and bytes from there to the end of the highest. */
  readonly lowest: number;
  readonly span: number;
}

export interface Access {
  readonly window: Window;
  /** This access comes first and opens the window. */
  readonly opens: boolean;
}

/** Spans are short: one that lies on two pages has no window, and each of its accesses takes the slow way. */
const SPAN_MAX = 512;

/** Accesses through one register with one value so far. */
interface Group {
  readonly isWrite: boolean;
  readonly members: Decoded[];
  lowest: number;
  end: number;
}

/** Windows of the accesses that share one; `newLocal` makes an i32 local. */
export function windowsOf(
  instructions: readonly Decoded[],
  footprintOf: (variant: NonNullable<Decoded['variant']>) => Footprint,
  newLocal: () => number,
): ReadonlyMap<Decoded, Access> {
  const accesses = new Map<Decoded, Access>();
  /** By base register offset, and the same with a mark for writes. */
  const open = new Map<number, Group>();
  const WRITE = 1;
  const close = (key: number): void => {
    const group = open.get(key);
    open.delete(key);
    if (group === undefined || group.members.length < 2) return;
    const { isWrite, lowest, end } = group;
    const window = { local: newLocal(), isWrite, lowest, span: end - lowest };
    group.members.forEach((member, i) => {
      accesses.set(member, { window, opens: i === 0 });
    });
  };
  for (const decoded of instructions) {
    if (decoded.variant === null) continue;
    const footprint = footprintOf(decoded.variant);
    const bytes = footprint.loads + footprint.stores;
    const base = decoded.rs1;
    if (bytes > 0 && base !== 0) {
      const isWrite = footprint.stores > 0;
      const key = isWrite ? base | WRITE : base;
      const start = decoded.immediate;
      const group = open.get(key);
      const lowest = Math.min(start, group?.lowest ?? start);
      const end = Math.max(start + bytes, group?.end ?? start + bytes);
      if (group !== undefined && end - lowest <= SPAN_MAX) {
        group.lowest = lowest;
        group.end = end;
        group.members.push(decoded);
      } else {
        close(key);
        open.set(key, { isWrite, members: [decoded], lowest: start, end: start + bytes });
      }
    }
    if (footprint.rd) {
      close(decoded.rd);
      close(decoded.rd | WRITE);
    }
  }
  for (const key of [...open.keys()]) close(key);
  return accesses;
}
