/**
 * Connections: the links between a client thread and a server thread, and how they end.
 *
 * A reliable connection exists when both sides say so: `client.server === server` and `server.client === client`. An
 * idempotent one when the server says so (`client` link and flag) and the client waits for this server: it is not in the
 * client's links, so a fault or a call in the middle of a conversation leaves the conversation alone. One side alone is
 * nothing: so the two threads of a saved connection may be set in any order, and setting one side of somebody else's
 * thread gives no power over it (law 11).
 * Called by the IPC entries, the fault path, and when threads end.
 */
import { outcomes } from '../abi/codes.ts';
import { threadFlags } from '../abi/types.ts';
import { touch } from '../memory/changed.ts';
import { finish, wake } from '../schedule.ts';
import { type KernelState, live, type Thread } from '../state.ts';
import { note, traceEvents } from '../trace.ts';

/** The server that this client has a conversation with, or null. */
export function serverOf(client: Thread): Thread | null {
  const server = live(client.server);
  if (server === null || server.client !== client || servesIdempotent(server)) return null;
  return server;
}

/** The client that this server serves, of either flavour, or null. */
export function clientOf(server: Thread): Thread | null {
  const client = live(server.client);
  if (client === null) return null;
  const isMutual = servesIdempotent(server) ? waitsFor(client, server) : client.server === server;
  return isMutual ? client : null;
}

/** True when the link to the server's client is an idempotent one. */
export function servesIdempotent(server: Thread): boolean {
  return (server.flags & threadFlags.clientIdempotent) !== 0;
}

/** True when `thread` is blocked in a call that needs `peer`. */
export function waitsFor(thread: Thread, peer: Thread): boolean {
  return thread.waitingFor === peer && thread.queue === peer.waiters;
}

/** Begins a conversation; the client sends first. Neither has a peer in this role. */
export function connect(k: KernelState, client: Thread, server: Thread): void {
  client.server = server;
  client.flags &= ~(threadFlags.serverEnded | threadFlags.serverBroken);
  client.flags |= threadFlags.clientSender;
  server.client = client;
  server.flags &= ~(threadFlags.serverSender | threadFlags.clientIdempotent);
  server.flags &= ~(threadFlags.clientEnded | threadFlags.clientBroken);
  touch(k, client);
  touch(k, server);
  note(k, traceEvents.connect.kind, client.serial, server.serial, 0);
}

/** The server has an idempotent client, which the caller of this makes wait for the server at once. */
export function connectIdempotent(k: KernelState, client: Thread, server: Thread): void {
  server.client = client;
  server.flags &= ~(threadFlags.serverSender | threadFlags.clientEnded | threadFlags.clientBroken);
  server.flags |= threadFlags.clientIdempotent;
  touch(k, server);
}

function clearServerSide(k: KernelState, server: Thread): void {
  server.client = null;
  server.flags &= ~(threadFlags.serverSender | threadFlags.clientIdempotent);
  touch(k, server);
}

function clearClientSide(k: KernelState, client: Thread): void {
  client.server = null;
  client.flags &= ~threadFlags.clientSender;
  touch(k, client);
}

/** Takes the server's link to this client away, and of a conversation the client's too, without telling anybody. */
export function unlink(k: KernelState, client: Thread, server: Thread): void {
  const isConversation = !servesIdempotent(server);
  clearServerSide(k, server);
  if (isConversation) clearClientSide(k, client);
}

/**
 * The server lets go of its client. An idempotent client asks again; a reliable one is told: complete when the server
 * was the sender, broken off otherwise (fluke.md B.3 disconnect). A client that is not waiting is told at its
 * next verb.
 */
export function dropClient(k: KernelState, server: Thread, isDestroyed: boolean): void {
  if (server.client === null) return;
  const client = clientOf(server);
  if (client === null) {
    clearServerSide(k, server);
    return;
  }
  const isRepeated = servesIdempotent(server);
  const isNormal = (server.flags & threadFlags.serverSender) !== 0 && !isDestroyed;
  const isWaiting = waitsFor(client, server) && (isRepeated || !isAtFault(client));
  unlink(k, client, server);
  note(k, traceEvents.disconnect.kind, server.serial, client.serial, 0);
  if (isRepeated) {
    if (isWaiting) wake(k, client);
  } else if (!isWaiting) client.flags |= isNormal ? threadFlags.serverEnded : threadFlags.serverBroken;
  else finish(k, client, isNormal ? outcomes.receiveDisconnected : outcomes.sendDisconnected);
}

/** The client lets go of its server: normal when the client was the sender. */
export function dropServer(k: KernelState, client: Thread, isDestroyed: boolean): void {
  if (client.server === null) return;
  const server = serverOf(client);
  if (server === null) {
    clearClientSide(k, client);
    return;
  }
  const isNormal = (client.flags & threadFlags.clientSender) !== 0 && !isDestroyed;
  const isWaiting = waitsFor(server, client) && !isAtFault(server);
  unlink(k, client, server);
  note(k, traceEvents.disconnect.kind, client.serial, server.serial, 0);
  if (!isWaiting) server.flags |= isNormal ? threadFlags.clientEnded : threadFlags.clientBroken;
  else finish(k, server, isNormal ? outcomes.receiveDisconnected : outcomes.sendDisconnected);
}

function isAtFault(thread: Thread): boolean {
  return (thread.flags & threadFlags.faulting) !== 0;
}

/** Why this client has no server: how the conversation ended that it was not told of, told once; or it had none. */
export function tellServerGone(k: KernelState, client: Thread): number {
  return tellGone(k, client, threadFlags.serverEnded, threadFlags.serverBroken);
}

/** Why this server has no client. */
export function tellClientGone(k: KernelState, server: Thread): number {
  return tellGone(k, server, threadFlags.clientEnded, threadFlags.clientBroken);
}

function tellGone(k: KernelState, thread: Thread, ended: number, broken: number): number {
  const { flags } = thread;
  thread.flags &= ~(ended | broken);
  touch(k, thread);
  if ((flags & broken) !== 0) return outcomes.sendDisconnected;
  return (flags & ended) !== 0 ? outcomes.receiveDisconnected : outcomes.notConnected;
}
