/**
 * The names of all invariants that the check knows, and what each says (fluke.md F.4 and H.13, translated).
 *
 * An invariant holds between any two entries, whatever a guest does: one that a guest could break by what it may do
 * would let it stop the machine. test/kernel/check.test.ts breaks each of them, and the type checker sees that none is
 * forgotten there. Called by the files beside it only.
 */
import { InvariantError } from '../../base/assert.ts';
import { typeNames } from '../abi/types.ts';
import type { KernelObject } from '../state.ts';

export const invariants = {
  // Objects.
  typeIsKnown: 'every object has one of the nine types',
  indexedIsAlive: 'what the indexes hold is alive',
  addressIsAligned: 'an object lies at a multiple of its size',
  serialLeadsToObject: 'the index by serial leads to the object',
  serialWasHandedOut: 'a serial was handed out before',
  transientLiesOutside:
    'an object takes a serial of no image exactly when it lies in the memory of a user task itself',
  stateGoesIn: 'set_state would take back the state that comes out of an object',
  homeIsBottom: 'an object lies in a bottom space',
  addressLeadsToObject: 'the index by address leads to the object',
  pageListsObject: 'the page of an object lists it, in address order',
  indexesAgree: 'the indexes by address, by page and by serial hold the same objects',
  linkHasItsType: 'the living target of a link is of a type that the link may have',
  linkersAreFound: 'whoever links to an object is found from it',
  linkersAreLinked: 'references to one target, and peers of one thread, are linked both ways and counted',
  touchedIsListed: 'an object is marked as touched exactly when it is in the list of touched ones',
  // Mutexes, conds, ports and port sets.
  mutexFlagsAreRead: 'a mutex inherits and has the ceiling that its flags say',
  ownerIsAlive: 'the owner of a mutex is alive',
  ownerKnowsMutex: 'the owner of a mutex knows that it owns it',
  ownedIsOwned: 'a mutex that a thread knows to own is owned by it',
  freeMutexHasNoWaiters: 'nobody waits for a mutex that is free',
  setListsPort: 'the set of a port lists it',
  listedPortIsInSet: 'a port that a set lists links to it',
  setKnowsBusyPorts: 'a set knows which of its ports have clients',
  busyPortsAreInOrder: 'the busy ports of a set are a heap by the tickets of their first clients',
  clientsMeetServers: 'no server or donor of the machine waits while a port of its set has clients',
  clientsOfTaskAreServed: 'a set that a user task serves and that has clients is on the list to be served',
  queueKnowsPort: 'the queue of clients knows its port',
  // Threads and queues.
  priorityInRange: 'the priority of a thread is in range',
  wordsAreLegal: 'the words of a thread are such as set_state takes',
  programLiesAbove: 'a thread of a program is not in the space of a user task',
  connectionHasOneSender:
    'of the two ends of a conversation exactly one is the sender, and neither is parked',
  waiterMakesItsCall: 'the registers and flags of a thread that waits say what it waits for, and how',
  answerIsOwed: 'who waits for an answer is the client of its server, or parked by it',
  donorMakesItsCall: 'a thread that donates has thread_schedule in its registers',
  ticketWasHandedOut: 'the ticket of a thread was handed out',
  turnWasHandedOut: 'the turn of a thread was handed out',
  idleIsInNoQueue: 'a thread that is stopped or without space is in no queue',
  taskHasNoTurn: 'a user task is never among the threads that run',
  pendingIsTaken: 'a thread that may enter its handler for what is pending has entered it',
  unqueuedIsAtFault: 'a thread that could run is in no queue only at a fault that nobody answers',
  reservationIsFirst: 'only the thread whose turn it is holds a reservation',
  runsAtPriority: 'a runnable thread is in the queue of its effective priority',
  effectiveIsHighest: 'the effective priority of a thread is the highest of its own and what is lent to it',
  lentIsCounted: 'what is lent to threads, mutexes and conds is what those lend that wait, and owned mutexes',
  lendsWhereItWaits:
    'a thread that waits lends to what it waits for, and a mutex or cond what was lent to it',
  queueIndexIsRight: 'the index of a queue, when there is one, holds its threads in order',
  schedulerKnowsScheduled: 'a thread that is scheduled is in the queue of the scheduler that it links to',
  ownsProcessorOrWaits:
    'only a thread that could run is scheduled or donates; one that asks waits, and is neither',
  schedulerLinksAreCounted: 'the number of links to schedulers is right',
  runnableWaitsForNothing: 'a runnable thread waits for nothing',
  sleeperHasDeadline: 'a sleeper has a deadline and waits for nothing else',
  waitsWhereLinkSays: 'a thread that waits is in the queue of what its link names',
  waiterHasTicket: 'a thread that waits has a ticket',
  queueIsLinked: 'a queue is linked both ways and knows its ends',
  queuedIsAlive: 'whoever is in a queue is alive',
  queueIsOrdered: 'a queue is in the order of its persistent words',
  toldAreTasks: 'only user tasks are to be told that their wait is over',
  numbersAreLeft: 'the next ticket, turn and serial are whole numbers with room above them',
  runnableMaskIsRight: 'the mask of runnable priorities is right',
  threadCountIsRight: 'the number of threads is right',
  objectCountIsRight: 'the number of objects of the image is right',
  limitsAreListed: 'a bottom space lists the regions that limit what lies in it',
  limitsCountRight: 'a region with a limit knows how many objects and threads lie in it',
  loadedIsAlive: 'the thread whose registers are in the hart is alive',
  // Memory.
  spaceListsMapping: 'the space of a mapping lists it',
  listedMappingIsOfSpace: 'a mapping that a space lists is alive and links to it',
  mappingsDoNotOverlap: 'mappings of a space are in order and do not overlap',
  lastMappingIsListed: 'the mapping found last is one of the space',
  regionListsMapping: 'the region of a mapping lists it',
  listedMappingIsOfRegion: 'a mapping that a region lists links to it',
  mappingIsAligned: 'a mapping begins and ends at pages, within its space',
  spaceListsRegion: 'the space of a region lists it',
  listedRegionIsOfSpace: 'a region that a space lists is alive and links to it',
  spaceListsThread: 'the space of a thread lists it',
  listedThreadIsOfSpace: 'a thread that a space lists is alive and links to it',
  regionIsAligned: 'a region begins and ends at pages, within its space',
  protectionIsLegal: 'protection is a set of bits that the hardware knows',
  setOnlyIfCollecting: 'a region has a changed set only if it collects',
  changedOrderIsRight: 'the sorted keys of a changed set, when there are any, are those of its items',
  collectingCountIsRight: 'the number of collecting regions is right',
  nestedCountIsRight: 'the number of nested collecting regions is right',
  // Frames, pages and tables.
  pageKnowsPlace: 'a page knows its place',
  frameHoldsPage: 'the frame of a page holds it',
  heldPageIsListed: 'every page in a frame belongs to a living space, which lists it',
  pageIsNotPinned: 'no page is pinned between entries',
  freeFrameIsEmpty: 'a free frame holds no page and was used before',
  framesAreCounted: 'every frame that was used is free or holds a page',
  entryLeadsToPage: 'a table entry leads to a page in memory',
  entryFollowsChain: 'a table entry leads where the mappings lead',
  entryWithinRights: 'a table entry allows no more than the chain and the page',
  pageRemembersEntry: 'a page remembers its table entries',
  tablesAreCounted: 'every table that was made is in the tables of one space, once, or free',
  identifiersDiffer: 'no two spaces with tables have one address space identifier',
  tablesAreListed: 'a space has tables exactly when it is among those that have',
  cleanPageIsUnchanged: 'a page that was not written holds what its pager supplied',
} as const;

export type InvariantName = keyof typeof invariants;

function describe(object: KernelObject): string {
  const type = typeNames[object.type - 1] ?? `type ${object.type}`;
  return `: ${type} ${object.serial} at 0x${object.address.toString(16)}`;
}

/** Stops with an InvariantError that names the invariant, unless `fact`. Makes no text while all is well. */
export function holds(fact: boolean, name: InvariantName, object: KernelObject | null = null): void {
  if (fact) return;
  const where = object === null ? '' : describe(object);
  throw new InvariantError(`check: ${invariants[name]} (${name}${where})`);
}
