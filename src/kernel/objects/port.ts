/**
 * Ports and port sets: their state. What goes through them is in ../ipc.
 *
 * Invariant: a set's `ports` are those whose link is the set; its `busy` those of them that have clients.
 * Called by state-calls.ts; `leaveSet` also when a port is destroyed.
 */
import { states } from '../abi/types.ts';
import { firstClientChanged, removeBusy } from '../ipc/busy.ts';
import { touch } from '../memory/changed.ts';
import { wake } from '../schedule.ts';
import { type KernelState, live, type Port, type Portset } from '../state.ts';
import type { TypeOperations } from './operations.ts';

const at = states.port.offset;

/** Takes the port out of its set; its clients stay with it. */
export function leaveSet(port: Port): void {
  const set = port.portset;
  if (set === null) return;
  removeBusy(set, port);
  set.ports.delete(port);
  port.portset = null;
}

/**
 * Puts the port into the set. Clients that waited keep their tickets and meet whoever waits there: the servers make their
 * calls again, all of them, because a server never waits while there are clients.
 */
export function joinSet(k: KernelState, port: Port, set: Portset): void {
  port.portset = set;
  set.ports.add(port);
  if (port.clients.first === null) return;
  firstClientChanged(port);
  if (set.service !== null) k.toServe.add(set);
  else for (let first = set.servers.first; first !== null; first = set.servers.first) wake(k, first);
}

export const portOperations: TypeOperations<Port> = {
  write(_k, port, view) {
    view.setBigUint64(at.alias, port.alias, true);
  },
  links: (_k, port) => [live(port.portset)],
  check: () => 0,
  load(k, port, view, [portset]) {
    if (view !== null) port.alias = view.getBigUint64(at.alias, true);
    if (portset !== undefined && portset !== port.portset) {
      leaveSet(port);
      if (portset !== null) joinSet(k, port, portset as Portset);
    }
    touch(k, port);
  },
};

export const portsetOperations: TypeOperations<Portset> = {
  write() {},
  links: () => [],
  check: () => 0,
  load(k, portset) {
    touch(k, portset);
  },
};
