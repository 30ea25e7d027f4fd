/**
 * Who links to whom: the inverse of links, derived (law 6).
 *
 * A saved link names its target's address, so whoever links to an object that moves has changed too, and must be found
 * without looking at every object. Links that change often have lists through the linking objects themselves (targets of
 * references, peers of threads): setting one is a few stores. A thread that waits is in a queue of what it waits for; an
 * owner knows its mutexes, regions their mappings, spaces what is in them, sets their ports. Everything else, which only
 * set_state changes, is in `linkers` of the target.
 * Invariant: `forEachLinker` of an object visits all that link to it (the invariant check proves it). Links of a type
 * are set through here only, or by the file that keeps their inverse.
 */
import { typeNumbers } from './abi/types.ts';
import { allSpans } from './memory/spans.ts';
import { type KernelObject, live, type Queue, type Reference, type Thread, type Writable } from './state.ts';

/** Points a reference at its target. The caller touches the reference. */
export function setTarget(reference: Reference, target: KernelObject | null): void {
  const old = reference.target;
  if (old === target) return;
  if (old !== null) {
    const { nextReference: next, previousReference: previous } = reference;
    if (next !== null) next.previousReference = previous;
    if (previous === null) old.firstReference = next;
    else previous.nextReference = next;
    old.referenceCount -= 1;
  }
  (reference as Writable<Reference>).target = target;
  reference.previousReference = null;
  reference.nextReference = null;
  if (target === null) return;
  const first = target.firstReference;
  reference.nextReference = first;
  if (first !== null) first.previousReference = reference;
  target.firstReference = reference;
  target.referenceCount += 1;
}

/** Sets a server's link to its client. The caller touches the server. */
export function setClient(server: Thread, client: Thread | null): void {
  const old = server.client;
  if (old === client) return;
  if (old !== null) {
    const { nextServer: next, previousServer: previous } = server;
    if (next !== null) next.previousServer = previous;
    if (previous === null) old.firstServer = next;
    else previous.nextServer = next;
  }
  (server as Writable<Thread>).client = client;
  server.previousServer = null;
  server.nextServer = null;
  if (client === null) return;
  const first = client.firstServer;
  server.nextServer = first;
  if (first !== null) first.previousServer = server;
  client.firstServer = server;
}

/** Sets a client's link to its server. The caller touches the client. */
export function setServer(client: Thread, server: Thread | null): void {
  const old = client.server;
  if (old === server) return;
  if (old !== null) {
    const { nextClient: next, previousClient: previous } = client;
    if (next !== null) next.previousClient = previous;
    if (previous === null) old.firstClient = next;
    else previous.nextClient = next;
  }
  (client as Writable<Thread>).server = server;
  client.previousClient = null;
  client.nextClient = null;
  if (server === null) return;
  const first = server.firstClient;
  client.nextClient = first;
  if (first !== null) first.previousClient = client;
  server.firstClient = client;
}

/** `linker` has a link to `target` that no list knows. */
export function addLinker(target: KernelObject | null, linker: KernelObject): void {
  if (target === null) return;
  target.linkers ??= new Set();
  target.linkers.add(linker);
}

/** `linker` no longer has such a link to `target`; `rest` are its other links of this kind. */
export function removeLinker(
  target: KernelObject | null,
  linker: KernelObject,
  ...rest: readonly (KernelObject | null)[]
): void {
  if (target !== null && !rest.includes(target)) target.linkers?.delete(linker);
}

/** A thread that left its queue and keeps the link to what it waited for: stopped, or without a space. */
export function noteStray(thread: Thread): void {
  const target = thread.waitingFor;
  if (thread.strayFrom === target) return;
  forgetStray(thread);
  if (live(target) === null) return;
  addLinker(target, thread);
  thread.strayFrom = target;
}

/** The thread's link to what it waits for changes, or the thread ends. */
export function forgetStray(thread: Thread): void {
  removeLinker(thread.strayFrom, thread, thread.scheduler);
  thread.strayFrom = null;
}

function visitQueue(queue: Queue, visit: (linker: KernelObject) => void): void {
  for (let thread = queue.first; thread !== null; thread = thread.next) visit(thread);
}

/** Visits everything that links to the object; some of it more than once, and what did once it waited too. */
export function forEachLinker(object: KernelObject, visit: (linker: KernelObject) => void): void {
  for (let one = object.firstReference; one !== null; one = one.nextReference) visit(one);
  if (object.linkers !== null) for (const linker of object.linkers) visit(linker);
  switch (object.type) {
    case typeNumbers.mutex:
    case typeNumbers.cond:
      visitQueue(object.waiters, visit);
      break;
    case typeNumbers.port:
      visitQueue(object.clients, visit);
      break;
    case typeNumbers.portset:
      visitQueue(object.servers, visit);
      visitQueue(object.donors, visit);
      for (const port of object.ports) visit(port);
      break;
    case typeNumbers.region:
      for (const mapping of allSpans(object.mappings)) visit(mapping);
      break;
    case typeNumbers.space:
      for (const mapping of allSpans(object.mappings)) visit(mapping);
      for (const region of allSpans(object.regions)) visit(region);
      for (const thread of object.threads) visit(thread);
      break;
    case typeNumbers.thread:
      visitQueue(object.waiters, visit);
      visitQueue(object.scheduled, visit);
      for (const mutex of object.owned) visit(mutex);
      for (let one = object.firstServer; one !== null; one = one.nextServer) visit(one);
      for (let one = object.firstClient; one !== null; one = one.nextClient) visit(one);
      break;
    default:
      break;
  }
}
