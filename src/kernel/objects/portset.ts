/**
 * Port sets: where servers wait for the clients of all ports in the set. What goes through them is in ../ipc.
 *
 * Invariant: a set's `ports` are those whose link is the set; its `busy` those of them that have clients. Ports and
 * servers link to the set, never the other way round: so its own state is its hash alone. Called by state-calls.ts and
 * lifecycle.ts.
 */
import { STAGE_WORK } from '../../base/limits.ts';
import { typeNumbers } from '../abi/types.ts';
import { emptyQueue } from '../first-state.ts';
import { touch } from '../memory/changed.ts';
import { SerialHeap } from '../serial-heap.ts';
import type { Portset } from '../state.ts';
import { cancelAll, type TypeOperations } from './operations.ts';
import { leaveSet } from './port.ts';

export const portsetOperations: TypeOperations<Portset> = {
  make: (fields) => ({
    ...fields,
    type: typeNumbers.portset,
    ports: new SerialHeap(),
    busy: [],
    servers: emptyQueue('ticket'),
    donors: emptyQueue('ticket'),
    service: null,
    isBorder: false,
  }),
  write() {},
  links: () => [],
  check: () => 0,
  load(k, portset) {
    touch(k, portset);
  },
  release(k, portset) {
    portset.service = null;
    k.toServe.delete(portset);
    for (let port = portset.ports.first; port !== null; port = portset.ports.first) {
      if (k.work >= STAGE_WORK) return false;
      k.work += 1;
      leaveSet(port);
    }
    return cancelAll(k, portset.servers) && cancelAll(k, portset.donors);
  },
};
