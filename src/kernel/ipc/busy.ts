/**
 * Which client of a port set is next: a heap of the set's ports that have clients, by the first client's place in the
 * order of tickets. Derived state (law 6): a function of the queues of the ports.
 *
 * Invariants: `set.busy` holds exactly the set's ports whose queue is not empty, each at its `busyIndex`; a port's first
 * client never comes before that of its parent in the heap. Finding the first costs O(1), a change of a port's first
 * client O(log busy ports). Called by queue.ts when a port's first client changes, and when a port joins or leaves a set.
 */
import { isBefore } from '../order.ts';
import type { Port, Portset, Thread } from '../state.ts';

/** The client with the lowest ticket on any port of the set, or null. */
export function firstClient(set: Portset): Thread | null {
  return set.busy[0]?.clients.first ?? null;
}

/** A thread that waits for whoever comes to the set: a server or a donor. */
export function firstWaiting(set: Portset): Thread | null {
  return set.servers.first ?? set.donors.first;
}

/** True when the first client of `a` comes before that of `b`; both have one. */
function isAhead(a: Port, b: Port): boolean {
  return isBefore('ticket', a.clients.first as Thread, b.clients.first as Thread);
}

function put(set: Portset, port: Port, index: number): void {
  set.busy[index] = port;
  port.busyIndex = index;
}

/** Moves the port from `index` towards the root or the leaves, to where it belongs. */
function settle(set: Portset, port: Port, from: number): void {
  const { busy } = set;
  let index = from;
  while (index > 0) {
    const parent = (index - 1) >>> 1;
    const above = busy[parent] as Port;
    if (!isAhead(port, above)) break;
    put(set, above, index);
    index = parent;
  }
  for (;;) {
    let child = 2 * index + 1;
    if (child >= busy.length) break;
    if (child + 1 < busy.length && isAhead(busy[child + 1] as Port, busy[child] as Port)) child += 1;
    const below = busy[child] as Port;
    if (!isAhead(below, port)) break;
    put(set, below, index);
    index = child;
  }
  put(set, port, index);
}

/** The port is no longer among the busy ones of the set. */
export function removeBusy(set: Portset, port: Port): void {
  const index = port.busyIndex;
  if (index < 0) return;
  port.busyIndex = -1;
  const last = set.busy.pop() as Port;
  if (last !== port) settle(set, last, index);
}

/** The port's first client is another one than before: its place among the busy ports of its set changes. */
export function firstClientChanged(port: Port): void {
  const set = port.portset;
  if (set === null || !set.alive) return;
  if (port.clients.first === null) removeBusy(set, port);
  else if (port.busyIndex >= 0) settle(set, port, port.busyIndex);
  else settle(set, port, set.busy.length);
}
