/**
 * What holds of the lists that go through the linking objects themselves: references to one target, clients and servers
 * of one thread (`links.ts`). Each member looks at its own neighbours; all together have looked at all of a list.
 *
 * Called by objects.ts and threads.ts, O(1) each; `checkRingCount` walks a whole list, and is part of the full check.
 */
import type { KernelObject, Reference, Thread } from '../state.ts';
import { holds } from './invariants.ts';

export function checkReferenceRing(reference: Reference): void {
  const { target, nextReference: next, previousReference: previous } = reference;
  const isLinked =
    (next === null || (next.previousReference === reference && next.target === target)) &&
    (previous === null
      ? target === null || target.firstReference === reference
      : previous.nextReference === reference && previous.target === target);
  const isAlone = next === null && previous === null;
  holds(isLinked && (target !== null || isAlone), 'linkersAreLinked', reference);
}

/** The thread among the clients of its server, and among the servers of its client. */
export function checkPeerRings(thread: Thread): void {
  const { server, nextClient, previousClient, client, nextServer, previousServer } = thread;
  const isClientLinked =
    (nextClient === null || (nextClient.previousClient === thread && nextClient.server === server)) &&
    (previousClient === null
      ? server === null || server.firstClient === thread
      : previousClient.nextClient === thread && previousClient.server === server);
  const isServerLinked =
    (nextServer === null || (nextServer.previousServer === thread && nextServer.client === client)) &&
    (previousServer === null
      ? client === null || client.firstServer === thread
      : previousServer.nextServer === thread && previousServer.client === client);
  const isAlone =
    (server !== null || (nextClient === null && previousClient === null)) &&
    (client !== null || (nextServer === null && previousServer === null));
  holds(isClientLinked && isServerLinked && isAlone, 'linkersAreLinked', thread);
}

/** The list of references to the object is as long as it says. */
export function checkRingCount(object: KernelObject): void {
  let count = 0;
  for (let one = object.firstReference; one !== null; one = one.nextReference) count += 1;
  holds(count === object.referenceCount, 'linkersAreLinked', object);
}
