/**
 * Spaces: their state. What is in them hangs on mappings, regions and threads, which link to them.
 *
 * Called by state-calls.ts.
 */
import { touch } from '../memory/changed.ts';
import { live, type Port, type Space } from '../state.ts';
import type { TypeOperations } from './operations.ts';

export const spaceOperations: TypeOperations<Space> = {
  write() {},
  links: (_k, space) => [live(space.keeper), live(space.scheduler)],
  check: () => 0,
  load(k, space, _view, [keeper, scheduler]) {
    if (keeper !== undefined) space.keeper = keeper as Port | null;
    if (scheduler !== undefined) space.scheduler = scheduler as Port | null;
    touch(k, space);
  },
};
