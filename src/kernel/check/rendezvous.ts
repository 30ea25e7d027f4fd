/**
 * What holds of mutexes, conds, ports and port sets, where threads meet.
 *
 * Each check is O(1): the object, its first waiter and its links; the waiters check their own places (`threads.ts`).
 * Called by objects.ts.
 */
import { MUTEX_CEILING_SHIFT, mutexFlags, typeNumbers } from '../abi/types.ts';
import { passedOn } from '../inherit.ts';
import { firstWaiting } from '../ipc/busy.ts';
import { isBefore } from '../order.ts';
import { type Cond, type KernelState, live, type Mutex, type Port, type Portset } from '../state.ts';
import { holds } from './invariants.ts';
import { checkQueueEnds } from './queues.ts';

export function checkMutex(mutex: Mutex): void {
  const owner = live(mutex.owner);
  holds(mutex.owner === null || owner !== null, 'ownerIsAlive', mutex);
  holds(owner === null || owner.type === typeNumbers.thread, 'linkHasItsType', mutex);
  holds(owner === null || owner.owned.has(mutex), 'ownerKnowsMutex', mutex);
  holds(owner !== null || mutex.waiters.first === null, 'freeMutexHasNoWaiters', mutex);
  checkQueueEnds(mutex.waiters, mutex);
  const isCeiled = (mutex.flags & BigInt(mutexFlags.priorityCeiling)) !== 0n;
  const ceiling = isCeiled ? Number((mutex.flags >> BigInt(MUTEX_CEILING_SHIFT)) & 31n) : -1;
  const inherits = (mutex.flags & BigInt(mutexFlags.inheritPriority)) !== 0n;
  holds(mutex.inherits === inherits && mutex.ceiling === ceiling, 'mutexFlagsAreRead', mutex);
  holds(mutex.lends === passedOn(mutex), 'lendsWhereItWaits', mutex);
}

export function checkCond(cond: Cond): void {
  const inheritor = live(cond.inheritor);
  holds(inheritor === null || inheritor.type === typeNumbers.thread, 'linkHasItsType', cond);
  checkQueueEnds(cond.waiters, cond);
  holds(cond.lends === passedOn(cond), 'lendsWhereItWaits', cond);
}

export function checkPort(k: KernelState, port: Port): void {
  holds(port.clients.port === port, 'queueKnowsPort', port);
  checkQueueEnds(port.clients, port);
  const set = live(port.portset);
  if (set === null) return;
  holds(set.type === typeNumbers.portset, 'linkHasItsType', port);
  holds(set.ports.has(port), 'setListsPort', port);
  const hasClients = port.clients.first !== null;
  holds((set.busy[port.busyIndex] === port) === hasClients, 'setKnowsBusyPorts', port);
  if (hasClients) checkPlaceInHeap(set, port);
  if (!hasClients) return;
  holds(set.service !== null || firstWaiting(set) === null, 'clientsMeetServers', port);
  holds(set.service === null || k.toServe.has(set), 'clientsOfTaskAreServed', port);
}

export function checkPortset(_k: KernelState, set: Portset): void {
  checkQueueEnds(set.servers, set);
  checkQueueEnds(set.donors, set);
  const port = set.busy[0];
  // The rest of them look for themselves.
  if (port !== undefined) holds(port.portset === set && port.alive, 'listedPortIsInSet', set);
}

/** The first client of a port does not come before that of the port above it in the heap of its set. */
function checkPlaceInHeap(set: Portset, port: Port): void {
  const above = port.busyIndex === 0 ? undefined : set.busy[(port.busyIndex - 1) >>> 1];
  const isInOrder =
    above === undefined ||
    above.clients.first === null ||
    port.clients.first === null ||
    isBefore('ticket', above.clients.first, port.clients.first);
  holds(isInOrder, 'busyPortsAreInOrder', port);
}
