/**
 * Ports and port sets: their state. What goes through them is in ../ipc.
 *
 * Invariant: a set's `ports` are those whose link is the set; its `busyPorts` those of them that have clients.
 * Called by state-calls.ts; `leaveSet` also when a port is destroyed.
 */
import { states } from '../abi/types.ts';
import { firstClient } from '../ipc/handover.ts';
import { touch } from '../memory/changed.ts';
import { wake } from '../schedule.ts';
import { type KernelState, live, type Port, type Portset } from '../state.ts';
import type { TypeOperations } from './operations.ts';

const at = states.port.offset;

/** Takes the port out of its set; its clients stay with it. */
export function leaveSet(port: Port): void {
  const set = port.portset;
  set?.ports.delete(port);
  set?.busyPorts.delete(port);
  port.portset = null;
}

/** Puts the port into the set. Clients that waited meet whoever waits there: a server makes its call again. */
export function joinSet(k: KernelState, port: Port, set: Portset): void {
  port.portset = set;
  set.ports.add(port);
  if (port.clients.first === null) return;
  set.busyPorts.add(port);
  if (set.service !== null) k.toServe.add(set);
  else if (set.servers.first !== null && firstClient(set) !== null) wake(k, set.servers.first);
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
