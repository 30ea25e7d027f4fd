/**
 * The two sides of a reliable connection, described alike so that one piece of code serves both.
 *
 * A thread may be client on one connection and server on another at once: its two links, the flags about each, and the
 * verbs that use each never mix. Holds no state; `clientSide` and `serverSide` are the only two of their kind.
 */
import { entries } from '../abi/entries.ts';
import { threadFlags } from '../abi/types.ts';
import { setClient, setServer } from '../links.ts';
import { liveThread, type Thread } from '../state.ts';

export interface Side {
  /** Flags of a thread about its link of this side: I am the sender; how it ended untold; my peer has parked it. */
  readonly sender: number;
  readonly ended: number;
  readonly broken: number;
  readonly parked: number;
  /** Entry numbers of the verbs in which a thread of this side may wait for its peer. */
  readonly send: number;
  readonly sendOverReceive: number;
  /** 0: there is none on this side. */
  readonly sendWaitReceive: number;
  readonly receive: number;
  readonly receiveFirst: number;
  /** Entry numbers of all verbs of this side lie between these. */
  readonly verbFirst: number;
  readonly verbLast: number;
}

export const clientSide: Side = {
  sender: threadFlags.clientSender,
  ended: threadFlags.serverEnded,
  broken: threadFlags.serverBroken,
  parked: threadFlags.serverParked,
  send: entries.ipc_client_send.number,
  sendOverReceive: entries.ipc_client_send_over_receive.number,
  sendWaitReceive: 0,
  receive: entries.ipc_client_receive.number,
  receiveFirst: 0,
  verbFirst: entries.ipc_client_connect_send.number,
  verbLast: entries.ipc_client_send_over_receive.number,
};

export const serverSide: Side = {
  sender: threadFlags.serverSender,
  ended: threadFlags.clientEnded,
  broken: threadFlags.clientBroken,
  parked: threadFlags.clientParked,
  send: entries.ipc_server_send.number,
  sendOverReceive: entries.ipc_server_send_over_receive.number,
  sendWaitReceive: entries.ipc_server_send_wait_receive.number,
  receive: entries.ipc_server_receive.number,
  receiveFirst: entries.ipc_server_receive_first.number,
  verbFirst: entries.ipc_server_ack_send_wait_receive.number,
  verbLast: entries.ipc_server_receive_first.number,
};

export function otherSide(side: Side): Side {
  return side === clientSide ? serverSide : clientSide;
}

/** The thread's link of this side, alive or not. */
export function linkOf(side: Side, thread: Thread): Thread | null {
  return side === clientSide ? thread.server : thread.client;
}

export function setLink(side: Side, thread: Thread, peer: Thread | null): void {
  if (side === clientSide) setServer(thread, peer);
  else setClient(thread, peer);
}

/** True when the link to the server's client is an idempotent one: then the server has no conversation. */
export function servesIdempotent(server: Thread): boolean {
  return (server.flags & threadFlags.clientIdempotent) !== 0;
}

/** The thread at the other end of a whole connection: each links to the other. Else null. */
export function partnerOf(side: Side, thread: Thread): Thread | null {
  const peer = liveThread(linkOf(side, thread));
  if (peer === null) return null;
  if (side === clientSide) return peer.client === thread && !servesIdempotent(peer) ? peer : null;
  return peer.server === thread && !servesIdempotent(thread) ? peer : null;
}

/** The partner, or the peer that has parked the connection for now: verbs then wait for it. Else null. */
export function peerOf(side: Side, thread: Thread): Thread | null {
  return partnerOf(side, thread) ?? (isParked(side, thread) ? liveThread(linkOf(side, thread)) : null);
}

/** True when the peer has taken its end of the connection out and may put it back. */
export function isParked(side: Side, thread: Thread): boolean {
  return (thread.flags & side.parked) !== 0;
}

export function isSender(side: Side, thread: Thread): boolean {
  return (thread.flags & side.sender) !== 0;
}

/** True for the entry numbers of this side's verbs. */
export function isVerbOf(side: Side, verb: number): boolean {
  return verb >= side.verbFirst && verb <= side.verbLast;
}
