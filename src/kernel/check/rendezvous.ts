/**
 * What holds of mutexes, conds, ports and port sets, where threads meet.
 *
 * Each check is O(1): the object, its first waiter and its links; the waiters check their own places (`threads.ts`).
 * Called by objects.ts.
 */
import { typeNumbers } from '../abi/types.ts';
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
}

export function checkCond(cond: Cond): void {
  const inheritor = live(cond.inheritor);
  holds(inheritor === null || inheritor.type === typeNumbers.thread, 'linkHasItsType', cond);
  checkQueueEnds(cond.waiters, cond);
}

export function checkPort(k: KernelState, port: Port): void {
  holds(port.clients.port === port, 'queueKnowsPort', port);
  checkQueueEnds(port.clients, port);
  const set = live(port.portset);
  if (set === null) return;
  holds(set.type === typeNumbers.portset, 'linkHasItsType', port);
  holds(set.ports.has(port), 'setListsPort', port);
  const hasClients = port.clients.first !== null;
  holds(set.busyPorts.has(port) === hasClients, 'setKnowsBusyPorts', port);
  if (!hasClients) return;
  holds(set.service !== null || set.servers.first === null, 'clientsMeetServers', port);
  holds(set.service === null || k.toServe.has(set), 'clientsOfTaskAreServed', port);
}

export function checkPortset(_k: KernelState, set: Portset): void {
  checkQueueEnds(set.servers, set);
  for (const port of set.busyPorts) {
    holds(port.portset === set && port.alive, 'listedPortIsInSet', set);
    // The rest of them look for themselves.
    break;
  }
}
