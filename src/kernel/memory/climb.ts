/**
 * From an address of a space up to all that see it: through the regions that cover it and the windows onto those, at any
 * depth, each place once.
 *
 * Windows onto windows double places level by level, and any number of regions may cover one address: a climb ends after
 * `PLACES_MAX` places or `CLIMB_STEPS_MAX` regions and windows, or a program could keep the machine busy for hours with
 * one store. It goes breadth first and keeps no host stack. Invariant: its order is that of the lists, which is the same
 * in every life: where it ends is seen by programs. Called by changed.ts and reference.ts.
 */
import { CLIMB_STEPS_MAX, PLACES_MAX } from '../../base/limits.ts';
import { live, type Region, type Space } from '../state.ts';
import { visitSpans } from './spans.ts';

/**
 * Visits each place, beginning with this one, until `atPlace` says false, and each region that covers one, with the
 * offset there. Returns how many steps that took.
 */
export function climb(
  space: Space,
  address: number,
  atPlace: (space: Space, address: number) => boolean,
  atRegion: (region: Region, offset: number) => void,
): number {
  const spaces = [space];
  const addresses = [address];
  const seen = new Map<Space, Set<number>>([[space, new Set([address])]]);
  let steps = 0;
  const add = (above: Space, at: number): void => {
    const known = seen.get(above);
    if (known === undefined) seen.set(above, new Set([at]));
    else if (known.has(at)) return;
    else known.add(at);
    spaces.push(above);
    addresses.push(at);
  };
  for (let i = 0; i < spaces.length && i < PLACES_MAX && steps < CLIMB_STEPS_MAX; i += 1) {
    const place = spaces[i] as Space;
    const at = addresses[i] as number;
    if (!atPlace(place, at)) break;
    visitSpans(place.regions, at, at + 1, (region) => {
      steps += 1;
      const offset = at - region.startAddress;
      atRegion(region, offset);
      visitSpans(region.mappings, offset, offset + 1, (mapping) => {
        steps += 1;
        const above = live(mapping.space);
        if (above !== null) add(above, mapping.startAddress + offset - mapping.regionOffset);
        return steps < CLIMB_STEPS_MAX;
      });
      return steps < CLIMB_STEPS_MAX;
    });
  }
  return steps;
}
