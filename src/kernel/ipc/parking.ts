/**
 * One thread, several connections: thread_get_client, thread_set_client, thread_get_server, thread_set_server.
 *
 * Getting a link takes it out into a reference, so that the thread can serve or call another meanwhile; setting puts it
 * back. The peer's own link stays, flagged as parked, with the direction in its sender flag; its verbs wait. Only one end
 * may be parked at a time, or nothing would remember the connection. A link goes back only while the peer's is there
 * (law 11): a reference to a thread is not enough to be its server. A server may also park an idempotent client, which
 * just goes on waiting: that is how an answer is put off.
 * Called by the dispatcher.
 */
import { faults, outcomes } from '../abi/codes.ts';
import { threadFlags, typeNumbers } from '../abi/types.ts';
import { touch, touchThread } from '../memory/changed.ts';
import { namedReference } from '../names.ts';
import { pointAt } from '../objects/reference.ts';
import { argument } from '../registers.ts';
import { type KernelState, live, type Thread } from '../state.ts';
import {
  awaitsAnswer,
  clearSide,
  connectIdempotent,
  drop,
  idempotentClientOf,
  tellGone,
} from './connection.ts';
import {
  clientSide,
  isParked,
  isSender,
  linkOf,
  otherSide,
  partnerOf,
  type Side,
  serverSide,
  servesIdempotent,
  setLink,
} from './side.ts';

function getLink(k: KernelState, side: Side, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const isIdempotent = side === serverSide && servesIdempotent(caller);
  const peer = isIdempotent ? idempotentClientOf(k, caller) : partnerOf(side, caller);
  if (peer === null) {
    const isAway = isParked(side, caller) && live(linkOf(side, caller)) !== null;
    return isAway ? outcomes.busy : tellGone(k, side, caller);
  }
  // Commit: nothing below can fail.
  pointAt(k, reference, peer);
  clearSide(k, side, caller);
  peer.flags |= isIdempotent ? threadFlags.serverIdempotent : otherSide(side).parked;
  touchThread(k, peer);
  return outcomes.success;
}

function setPeer(k: KernelState, side: Side, caller: Thread, registers: Uint32Array): number {
  const reference = namedReference(k, caller, argument(registers, 0));
  if (typeof reference === 'number') return reference;
  const target = live(reference.target);
  if (target === null) {
    // Commit: nothing below can fail.
    drop(k, side, caller, false);
    return outcomes.success;
  }
  if (target.type !== typeNumbers.thread) return faults.wrongType;
  const other = otherSide(side);
  if (side === serverSide && awaitsAnswer(k, target, caller)) {
    if (servesIdempotent(caller) && caller.client === target) return outcomes.success;
    // Commit: nothing below can fail.
    drop(k, side, caller, false);
    connectIdempotent(k, target, caller);
    target.flags &= ~threadFlags.serverIdempotent;
    touch(k, target);
    return outcomes.success;
  }
  if (linkOf(other, target) !== caller || !isParked(other, target)) return outcomes.notConnected;
  // Commit: nothing below can fail.
  if (linkOf(side, caller) !== target) drop(k, side, caller, false);
  clearSide(k, side, caller);
  setLink(side, caller, target);
  caller.flags &= ~(side.ended | side.broken);
  if (!isSender(other, target)) caller.flags |= side.sender;
  target.flags &= ~other.parked;
  touch(k, target);
  return outcomes.success;
}

/** thread_get_client */
export function getClient(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return getLink(k, serverSide, caller, registers);
}

/** thread_set_client */
export function setClient(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return setPeer(k, serverSide, caller, registers);
}

/** thread_get_server */
export function getServer(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return getLink(k, clientSide, caller, registers);
}

/** thread_set_server */
export function setServer(k: KernelState, caller: Thread, registers: Uint32Array): number {
  return setPeer(k, clientSide, caller, registers);
}
