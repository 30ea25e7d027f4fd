/**
 * What a client and a server say to each other in reliable IPC, as a small reference model: no registers, no pages, no
 * queues, only who has the line and what is left of each verb. The server runs whenever it can, as it has the higher
 * priority in the machine. What is left of a verb is begun at once, so that nobody comes between; after a message that
 * left whole it is only waited for.
 *
 * The model also makes the scripts: whenever somebody needs its next verb, `choose` names one, so that most
 * conversations go on for long. Tests only.
 */
import { outcomes } from '../../src/kernel/abi/codes.ts';

export type Role = 'client' | 'server';
export type Verb =
  | 'connect_send'
  | 'connect_send_over_receive'
  | 'send'
  | 'send_over_receive'
  | 'over_receive'
  | 'receive'
  | 'ack_send'
  | 'ack_send_over_receive'
  | 'disconnect'
  | 'alert'
  | 'wait_receive'
  | 'send_wait_receive'
  | 'ack_send_wait_receive';

/** A verb with what it offers to send and has room for: bytes and references. */
export interface Op {
  readonly verb: Verb;
  readonly bytes: number;
  readonly references: number;
  readonly room: number;
  readonly places: number;
}

/** What a verb left behind. */
export interface Done {
  readonly outcome: number;
  readonly bytes: number;
  readonly references: number;
  readonly room: number;
  readonly places: number;
}

type Phase = 'connect' | 'wait' | 'ack' | 'send' | 'over' | 'receive' | 'disconnect' | 'alert';

export class Party {
  readonly role: Role;
  readonly ops: Op[] = [];
  readonly done: Done[] = [];
  /** Everything received, as places in the peer's stream of bytes, and of references. */
  readonly received: number[] = [];
  readonly receivedReferences: number[] = [];
  /** Where in my stream of bytes, and of references, the verb under way is. */
  position = 0;
  referencePosition = 0;
  /** What is left of the verb under way. */
  bytes = 0;
  references = 0;
  room = 0;
  places = 0;
  phase: Phase | 'ended' = 'ended';
  /** It waits in its phase; a party in its handler does not. */
  isWaiting = false;
  isInHandler = false;
  isPending = false;
  alerts = 0;
  /** How a conversation ended that it was not told of. */
  gone: number = outcomes.notConnected;

  constructor(role: Role) {
    this.role = role;
  }

  get op(): Op {
    return this.ops[this.ops.length - 1] as Op;
  }
}

/** The phases of each verb begin with the one it is named after. */
const firstPhase: Readonly<Record<Verb, Phase>> = {
  connect_send: 'connect',
  connect_send_over_receive: 'connect',
  send: 'send',
  send_over_receive: 'send',
  over_receive: 'over',
  receive: 'receive',
  ack_send: 'ack',
  ack_send_over_receive: 'ack',
  disconnect: 'disconnect',
  alert: 'alert',
  wait_receive: 'wait',
  send_wait_receive: 'send',
  ack_send_wait_receive: 'ack',
};

export class Conversation {
  readonly client = new Party('client');
  readonly server = new Party('server');
  /** Who has the line, null when there is no connection. */
  line: Party | null = null;
  readonly #choose: (party: Party, conversation: Conversation) => Op | null;

  constructor(choose: (party: Party, conversation: Conversation) => Op | null) {
    this.#choose = choose;
    this.#next(this.server);
    this.#next(this.client);
  }

  other(party: Party): Party {
    return party === this.client ? this.server : this.client;
  }

  /** Lets them talk until nobody can go on. */
  run(): void {
    for (let steps = 0; steps < 10_000; steps += 1) {
      if (!this.#step(this.server) && !this.#step(this.client)) return;
    }
    throw new Error('model: it does not come to an end');
  }

  #next(party: Party): void {
    const op = this.#choose(party, this);
    party.isWaiting = false;
    if (op === null) {
      party.phase = 'ended';
      return;
    }
    party.ops.push(op);
    party.bytes = op.bytes;
    party.references = op.references;
    party.room = op.room;
    party.places = op.places;
    party.phase = firstPhase[op.verb];
  }

  #finish(party: Party, outcome: number): void {
    const { bytes, references, room, places } = party;
    party.done.push({ outcome, bytes, references, room, places });
    party.position += bytes;
    party.referencePosition += references;
    this.#next(party);
  }

  #gone(party: Party): void {
    const { gone } = party;
    party.gone = outcomes.notConnected;
    this.#finish(party, gone);
  }

  #block(party: Party): boolean {
    party.isWaiting = true;
    return false;
  }

  /** One step of a party. False: it cannot go on. */
  #step(party: Party): boolean {
    if (party.isInHandler) {
      party.isInHandler = false;
      if (party.isPending) {
        party.isPending = false;
        party.alerts += 1;
      }
      return true;
    }
    if (party.isWaiting || party.phase === 'ended') return false;
    const peer = this.other(party);
    const isMine = this.line === party;
    switch (party.phase) {
      case 'connect':
      case 'wait': {
        const hasChanged = this.#meet(party, peer, party.phase === 'wait' ? 'connect' : 'wait');
        if (this.line !== null) this.#step(party);
        return hasChanged;
      }
      case 'disconnect':
        this.#drop(party);
        this.#finish(party, outcomes.success);
        return true;
      case 'alert':
        if (this.line !== null) this.#alert(peer);
        this.#finish(party, this.line === null ? outcomes.notConnected : outcomes.success);
        return true;
      case 'ack':
        if (this.line === null) {
          if (party.op.verb !== 'ack_send_wait_receive') this.#gone(party);
          else {
            party.gone = outcomes.notConnected;
            party.phase = 'wait';
          }
          return true;
        }
        if (!isMine) {
          this.line = party;
          if (peer.isWaiting && peer.phase === 'send') this.#discard(peer);
        }
        party.phase = 'send';
        this.#step(party);
        return true;
      case 'over':
        if (this.line === null) this.#gone(party);
        else {
          if (isMine) {
            this.line = peer;
            if (peer.isWaiting && peer.phase === 'receive') this.#finish(peer, outcomes.success);
          }
          party.phase = 'receive';
          this.#step(party);
        }
        return true;
      case 'send':
        return this.#send(party, peer, isMine);
      case 'receive':
        if (this.line === null) this.#gone(party);
        else if (isMine) this.#finish(party, outcomes.success);
        else if (peer.isWaiting && peer.phase === 'send') this.#exchange(peer, party);
        else return this.#block(party);
        return true;
    }
  }

  #send(party: Party, peer: Party, isMine: boolean): boolean {
    if (this.line === null) this.#gone(party);
    else if (!isMine) this.#discard(party);
    else if (peer.isWaiting && peer.phase === 'receive') this.#exchange(party, peer);
    else if (party.bytes > 0 || party.references > 0) return this.#block(party);
    else if (party.op.verb.endsWith('wait_receive')) return this.#block(party);
    else {
      if (party.op.verb.endsWith('over_receive')) this.line = peer;
      this.#afterSend(party);
    }
    return true;
  }

  #afterSend(party: Party): void {
    party.isWaiting = false;
    if (party.op.verb.endsWith('wait_receive')) party.phase = 'wait';
    else if (party.op.verb.endsWith('over_receive')) party.phase = 'receive';
    else this.#finish(party, outcomes.success);
  }

  #discard(party: Party): void {
    const wasWaiting = party.isWaiting;
    party.position += party.bytes;
    party.referencePosition += party.references;
    party.bytes = 0;
    party.references = 0;
    this.#afterSend(party);
    // Whoever waited in send_over_receive waits on, in receive.
    if (wasWaiting && party.phase === 'receive') party.isWaiting = true;
  }

  #exchange(sender: Party, receiver: Party): void {
    const hadSome = sender.bytes > 0 || sender.references > 0;
    const count = Math.min(sender.bytes, receiver.room);
    const references = Math.min(sender.references, receiver.places);
    for (let i = 0; i < count; i += 1) receiver.received.push(sender.position + i);
    for (let i = 0; i < references; i += 1) receiver.receivedReferences.push(sender.referencePosition + i);
    sender.position += count;
    sender.bytes -= count;
    receiver.room -= count;
    sender.referencePosition += references;
    sender.references -= references;
    receiver.places -= references;
    const { verb } = sender.op;
    let told = -1;
    if (sender.bytes > 0) {
      if (receiver.room === 0) told = outcomes.receiveMoreData;
    } else if (sender.references > 0) {
      if (receiver.places === 0) told = outcomes.receiveMoreReferences;
    } else {
      if (verb.endsWith('wait_receive')) {
        this.line = null;
        told = outcomes.receiveDisconnected;
      } else if (verb.endsWith('over_receive')) {
        this.line = receiver;
        told = outcomes.success;
      } else if (hadSome && receiver.room === 0) told = outcomes.receiveMoreData;
      const wasWaiting = sender.isWaiting;
      this.#afterSend(sender);
      if (verb.endsWith('over_receive') || (verb.endsWith('wait_receive') && !wasWaiting))
        sender.isWaiting = true;
    }
    if (told >= 0) this.#finish(receiver, told);
  }

  /** A client comes to a port, or a server to its set: the conversation begins when the other is there. */
  #meet(party: Party, peer: Party, phase: Phase): boolean {
    const hadPeer = this.#drop(party);
    if (peer.phase !== phase || !peer.isWaiting) {
      party.isWaiting = true;
      return hadPeer;
    }
    this.line = this.client;
    this.client.gone = outcomes.notConnected;
    this.server.gone = outcomes.notConnected;
    this.client.phase = 'send';
    this.server.phase = 'receive';
    return true;
  }

  /** True when there was a connection. */
  #drop(party: Party): boolean {
    if (this.line === null) return false;
    const told = this.line === party ? outcomes.receiveDisconnected : outcomes.sendDisconnected;
    this.line = null;
    const peer = this.other(party);
    if (peer.isWaiting && (peer.phase === 'send' || peer.phase === 'receive')) this.#finish(peer, told);
    else peer.gone = told;
    return true;
  }

  #alert(party: Party): void {
    if (party.isInHandler) party.isPending = true;
    else {
      party.isInHandler = true;
      party.isWaiting = false;
      party.alerts += 1;
    }
  }
}
