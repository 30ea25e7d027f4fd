/**
 * What holds between a thread and whom it talks to: the two ends of a conversation, who owes whom an answer, and that
 * what a thread waits in is what its registers and flags say, or a rebuilt one would wait somewhere else.
 *
 * Called by threads.ts. Each check is O(1).
 */
import { entries } from '../abi/entries.ts';
import { threadFlags, typeNumbers } from '../abi/types.ts';
import { isDonating } from '../donation.ts';
import { borrowerOf } from '../inherit.ts';
import { awaitsAnswer } from '../ipc/connection.ts';
import { clientSide, isParked, isSender, otherSide, partnerOf, serverSide } from '../ipc/side.ts';
import { entryNumber, registersOf } from '../registers.ts';
import { owesAnswer, queueToWaitIn } from '../resume.ts';
import { type KernelState, live, type Thread } from '../state.ts';
import { holds } from './invariants.ts';
import { checkMutex, checkPort } from './rendezvous.ts';

/** Both conversations of the thread, looked at from its side. */
export function checkConversations(thread: Thread): void {
  for (const side of [clientSide, serverSide]) {
    const partner = partnerOf(side, thread);
    if (partner === null) continue;
    const isOne = isSender(side, thread) !== isSender(otherSide(side), partner);
    holds(isOne && !isParked(side, thread), 'connectionHasOneSender', thread);
  }
}

/** Of a thread of a program that is not stopped and is in a queue of those that wait: it would come back to it. */
export function checkWait(k: KernelState, thread: Thread): void {
  const peer = live(thread.waitingFor);
  if (peer?.type === typeNumbers.mutex) checkMutex(peer);
  else if (peer?.type === typeNumbers.port) checkPort(k, peer);
  if (peer?.type === typeNumbers.thread && awaitsAnswer(k, thread, peer)) {
    holds(owesAnswer(peer, thread), 'answerIsOwed', thread);
  }
  holds(queueToWaitIn(k, thread, peer) === thread.queue, 'waiterMakesItsCall', thread);
  const borrower = borrowerOf(k, thread);
  // A cond whose inheritor is gone is still lent to, and lends to nobody.
  const isLent = thread.lendsTo === borrower || (borrower === null && thread.lendsTo === peer);
  holds(isLent, 'lendsWhereItWaits', thread);
}

/** Of a thread of a program that is not stopped. */
export function checkDonor(k: KernelState, thread: Thread): void {
  if (!isDonating(thread)) return;
  const isCall = entryNumber(registersOf(k, thread)) === entries.thread_schedule.number;
  holds(isCall && (thread.flags & threadFlags.faulting) === 0, 'donorMakesItsCall', thread);
}
