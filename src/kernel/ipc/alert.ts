/**
 * Alerts: telling a thread, through a connection, to look up from what it does (fluke.md B.3).
 *
 * The handler of the server side is entered for alerts from the thread's client, that of the client side for those from
 * its server; how, interrupts.ts knows. Called by the dispatcher. A reliable peer that is destroyed alerts too, which
 * connection.ts does.
 */
import { outcomes } from '../abi/codes.ts';
import { pendingBits } from '../abi/types.ts';
import { postFromCall } from '../interrupts.ts';
import { type KernelState, live, type Thread } from '../state.ts';
import { note, traceEvents } from '../trace.ts';
import { clientSide, isParked, linkOf, partnerOf, type Side, serverSide } from './side.ts';

/** Through a connection that my peer has parked nothing can be said, or a link of one side alone would be a power. */
function alert(k: KernelState, side: Side, caller: Thread): number {
  const partner = partnerOf(side, caller);
  if (partner === null) {
    const isAway = isParked(side, caller) && live(linkOf(side, caller)) !== null;
    return isAway ? outcomes.busy : outcomes.notConnected;
  }
  // Commit: nothing below can fail.
  note(k, traceEvents.alert.kind, caller.serial, partner.serial, 0);
  const bit = side === clientSide ? pendingBits.serverAlert : pendingBits.clientAlert;
  return postFromCall(k, caller, partner, bit);
}

/** ipc_client_alert */
export function clientAlert(k: KernelState, client: Thread): number {
  return alert(k, clientSide, client);
}

/** ipc_server_alert */
export function serverAlert(k: KernelState, server: Thread): number {
  return alert(k, serverSide, server);
}
