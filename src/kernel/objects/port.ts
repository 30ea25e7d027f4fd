/**
 * Ports: where clients call, wherever the port leads. What goes through them is in ../ipc.
 *
 * Invariant: a port is among the `ports` of the set it links to, and among its `busy` ones exactly while it has clients.
 * Called by state-calls.ts and lifecycle.ts; `leaveSet` also when a set is destroyed.
 */
import { STAGE_WORK } from '../../base/limits.ts';
import { states, typeNumbers } from '../abi/types.ts';
import { emptyQueue } from '../first-state.ts';
import { firstClientChanged, firstWaiting, removeBusy } from '../ipc/busy.ts';
import { touch } from '../memory/changed.ts';
import { forgetScheduler, isAsking } from '../ready.ts';
import { wake } from '../schedule.ts';
import { type KernelState, live, type Port, type Portset } from '../state.ts';
import { cancelAll, type TypeOperations } from './operations.ts';

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
  else for (let first = firstWaiting(set); first !== null; first = firstWaiting(set)) wake(k, first);
}

export const portOperations: TypeOperations<Port> = {
  make(fields) {
    const clients = emptyQueue('ticket');
    const port: Port = {
      ...fields,
      type: typeNumbers.port,
      aliasLow: 0,
      aliasHigh: 0,
      portset: null,
      clients,
      busyIndex: -1,
      heapIndex: -1,
    };
    clients.port = port;
    return port;
  },
  write(_k, port, view) {
    view.setUint32(at.alias, port.aliasLow, true);
    view.setUint32(at.alias + 4, port.aliasHigh, true);
  },
  links: (_k, port) => [live(port.portset)],
  check: () => 0,
  /** A server never waits while there are clients: those of the set that the port comes to make their calls again. */
  prepare(k, port, _view, [portset]) {
    const set = portset === port.portset ? null : ((portset ?? null) as Portset | null);
    if (set === null || set.service !== null || port.clients.first === null) return true;
    for (let first = firstWaiting(set); first !== null; first = firstWaiting(set)) {
      if (k.work >= STAGE_WORK) return false;
      k.work += 1;
      wake(k, first);
    }
    return true;
  },
  load(k, port, view, [portset]) {
    if (view !== null) {
      port.aliasLow = view.getUint32(at.alias, true);
      port.aliasHigh = view.getUint32(at.alias + 4, true);
    }
    if (portset !== undefined && portset !== port.portset) {
      leaveSet(port);
      if (portset !== null) joinSet(k, port, portset as Portset);
    }
    touch(k, port);
  },
  release(k, port) {
    leaveSet(port);
    // Who asked here for the processor asks elsewhere.
    k.closing = port;
    const isEmpty = cancelAll(k, port.clients, (client) => {
      if (isAsking(client)) forgetScheduler(k, client, port);
    });
    k.closing = null;
    return isEmpty;
  },
};
