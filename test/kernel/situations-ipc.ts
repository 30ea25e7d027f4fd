/**
 * Situations of the entries about messages: conversations between a client and a server, in which each verb is made with
 * its partner there and not there yet, with little room and much to send. Tests only.
 */
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { type Assembler, s1, t2 } from './assembler.ts';
import type { Situation } from './atomicity.ts';
import {
  builtEntries,
  drain,
  keep,
  type Place,
  PORT_REFERENCE,
  SERVER_BASE,
  SET,
  type Talk,
  talk,
} from './situations-kit.ts';
import { CODE, DATA, PROGRAM } from './world.ts';

const RESULTS = DATA + 0x2_0000;

/** What a test sends: bytes that differ. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + 1) & 0xff);
}

/** Waits for a first message of any flavour, with this much room. */
function receive(code: Assembler, place: Place, room: number): Assembler {
  return code.call('ipc_wait_receive', SET, 0, 0, place.buffer(0), room);
}

const talks: Readonly<Record<string, Talk>> = {
  short: {
    name: 'calls, answers and one-way messages',
    client(code, place) {
      code.call('ipc_call', PORT_REFERENCE, place.buffer(0), 24, place.buffer(1), 16);
      keep(code, RESULTS).call('ipc_send', PORT_REFERENCE, place.buffer(2), 8);
      keep(code, RESULTS + 0x40).call('ipc_call', PORT_REFERENCE, place.buffer(0), 8, place.buffer(1), 100);
      keep(code, RESULTS + 0x80);
    },
    server(code, place) {
      receive(code, place, 100);
      keep(code, RESULTS).call('ipc_reply', SET, place.buffer(0), 20);
      keep(code, RESULTS + 0x40);
      receive(code, place, 100);
      keep(code, RESULTS + 0x80);
      code.call('ipc_reply_wait_receive', SET, place.buffer(1), 20, place.buffer(2), 100);
      keep(code, RESULTS + 0xc0);
      code.call('ipc_reply_wait_receive', SET, place.buffer(1), 20, place.buffer(2), 100);
    },
  },
  reliable: {
    name: 'a reliable call with little room on both sides',
    client(code, place) {
      const args = [PORT_REFERENCE, place.buffer(0), 100, place.buffer(1), 20] as const;
      code.call('ipc_client_connect_send_over_receive', ...args);
      drain(keep(code, RESULTS), 'ipc_client_receive', 'more', 20);
      keep(code, RESULTS + 0x40);
    },
    server(code, place) {
      receive(code, place, 30);
      drain(keep(code, RESULTS), 'ipc_server_receive', 'more', 30);
      keep(code, RESULTS + 0x40);
      code.call('ipc_server_ack_send_wait_receive', SET, place.buffer(1), 50, place.buffer(2), 8);
    },
  },
  early: {
    name: 'a server that takes the line before all was sent',
    client(code, place) {
      const args = [PORT_REFERENCE, place.buffer(0), 100, place.buffer(1), 70] as const;
      keep(code.call('ipc_client_connect_send_over_receive', ...args), RESULTS);
    },
    server(code, place) {
      receive(code, place, 30);
      code.call('ipc_server_ack_send_wait_receive', SET, place.buffer(1), 50, place.buffer(2), 8);
    },
  },
  apart: {
    name: 'a client that ends, and one that sends the rest by itself',
    client(code, place) {
      const args = [PORT_REFERENCE, place.buffer(0), 60, place.buffer(1), 8] as const;
      code.call('ipc_client_connect_send_over_receive', ...args);
      keep(code, RESULTS).call('ipc_client_disconnect');
      code.call('ipc_client_connect_send_over_receive', ...args);
      keep(code, RESULTS + 0x40).call('ipc_client_over_receive', 0, 0, 0, place.buffer(1), 100);
      keep(code, RESULTS + 0x80).call(
        'ipc_client_send_over_receive',
        0,
        place.buffer(0),
        9,
        place.buffer(1),
        9,
      );
    },
    server(code, place) {
      for (let round = 0; round < 2; round += 1) {
        receive(code, place, 30);
        drain(keep(code, RESULTS + 0x40 * round), 'ipc_server_receive', `more ${round}`, 30);
        code.call('ipc_server_send_wait_receive', SET, place.buffer(1), 20, place.buffer(0), 30);
        drain(code, 'ipc_server_receive', `again ${round}`, 30);
        code.call('ipc_server_disconnect');
      }
    },
  },
  pieces: {
    name: 'a message in pieces, and an answer in pieces',
    client(code, place) {
      code.call('ipc_client_connect_send', PORT_REFERENCE, place.buffer(0), 40);
      keep(code, RESULTS).call('ipc_client_send', 0, place.buffer(2), 40);
      keep(code, RESULTS + 0x40).call('ipc_client_over_receive', 0, 0, 0, place.buffer(1), 16);
      drain(code, 'ipc_client_receive', 'more', 16);
      keep(code, RESULTS + 0x80).call('ipc_client_ack_send', 0, place.buffer(0), 33);
      keep(code, RESULTS + 0xc0).call(
        'ipc_client_ack_send_over_receive',
        0,
        place.buffer(0),
        33,
        place.buffer(1),
        10,
      );
      drain(keep(code, RESULTS + 0x100), 'ipc_client_receive', 'last', 10);
      keep(code, RESULTS + 0x140);
    },
    server(code, place) {
      receive(code, place, 30);
      drain(code, 'ipc_server_receive', 'more', 30);
      keep(code, RESULTS).call('ipc_server_ack_send', 0, place.buffer(1), 20);
      keep(code, RESULTS + 0x40).call('ipc_server_send', 0, place.buffer(1), 20);
      keep(code, RESULTS + 0x80).call(
        'ipc_server_send_over_receive',
        0,
        place.buffer(1),
        5,
        place.buffer(2),
        12,
      );
      drain(keep(code, RESULTS + 0xc0), 'ipc_server_receive', 'next', 12);
      keep(code, RESULTS + 0x100).call(
        'ipc_server_ack_send_over_receive',
        0,
        place.buffer(1),
        25,
        place.buffer(2),
        12,
      );
      drain(keep(code, RESULTS + 0x140), 'ipc_server_receive', 'last', 12);
      keep(code, RESULTS + 0x180).call('ipc_server_disconnect');
    },
  },
  turns: {
    name: 'a line that is turned with nothing to send',
    client(code, place) {
      code.call('ipc_client_connect_send', PORT_REFERENCE, place.buffer(0), 3);
      code.call('ipc_client_over_receive', 0, 0, 0, place.buffer(1), 100);
      keep(code, RESULTS).call('ipc_client_send_over_receive', 0, place.buffer(0), 50, place.buffer(1), 100);
      keep(code, RESULTS + 0x40).call('ipc_client_disconnect');
    },
    server(code, place) {
      receive(code, place, 30);
      drain(code, 'ipc_server_receive', 'more', 30);
      keep(code, RESULTS).call('ipc_server_over_receive', 0, 0, 0, place.buffer(2), 20);
      drain(keep(code, RESULTS + 0x40), 'ipc_server_receive', 'next', 20);
      keep(code, RESULTS + 0x80).call('ipc_server_over_receive', 0, 0, 0, place.buffer(2), 20);
      keep(code, RESULTS + 0xc0);
    },
  },
  setup: {
    name: 'a server that says where messages enter it',
    client(code, place) {
      code.call('ipc_call', PORT_REFERENCE, place.buffer(0), 24, place.buffer(1), 16);
      keep(code, RESULTS).call('ipc_send', PORT_REFERENCE, place.buffer(0), 8);
      const args = [PORT_REFERENCE, place.buffer(0), 100, place.buffer(1), 50] as const;
      keep(code, RESULTS + 0x40).call('ipc_client_connect_send_over_receive', ...args);
      // It says nothing yet: the server waits for its first words.
      keep(code, RESULTS + 0x80).call('ipc_client_connect_send', PORT_REFERENCE, place.buffer(0), 0);
      code.call('ipc_client_send_over_receive', 0, ...args.slice(1));
      keep(code, RESULTS + 0xc0);
    },
    server(code, place) {
      // Three places behind a jump, one for each flavour; all of them wait again.
      code.j('start').label('oneway').addi(s1, s1, 1).j('wait');
      code.label('idempotent').addi(s1, s1, 16).call('ipc_reply', SET, place.buffer(1), 20).j('wait');
      code.label('reliable').addi(s1, s1, 256);
      drain(code, 'ipc_server_receive', 'more', 30);
      code.call('ipc_server_ack_send_wait_receive', SET, place.buffer(1), 50, place.buffer(2), 8).j('wait');
      code
        .label('start')
        .li(2, DATA + 0x4_0000)
        .label('wait');
      const [oneway, idempotent, reliable] = ['oneway', 'idempotent', 'reliable'].map(
        (l) => CODE + code.at(l),
      );
      code.call(
        'ipc_setup_wait_receive',
        SET,
        oneway ?? 0,
        idempotent ?? 0,
        place.buffer(0),
        30,
        reliable ?? 0,
      );
      keep(code, RESULTS);
    },
  },
  alerts: {
    name: 'alerts in the middle of a conversation',
    client(code, place) {
      handlers(code, place);
      const args = [PORT_REFERENCE, place.buffer(0), 40, place.buffer(1), 8] as const;
      code.call('ipc_client_connect_send', PORT_REFERENCE, place.buffer(0), 40).call('ipc_client_alert');
      code.call('ipc_client_send_over_receive', 0, args[1], args[2], args[3], args[4]);
      drain(keep(code, RESULTS + 0x40), 'ipc_client_receive', 'more', 8);
    },
    server(code, place) {
      handlers(code, place);
      receive(code, place, 10);
      code.call('ipc_server_alert');
      drain(code, 'ipc_server_receive', 'more', 10);
      code.call('ipc_server_ack_send_wait_receive', SET, place.buffer(1), 50, place.buffer(2), 8);
    },
  },
  multiplexed: {
    name: 'links taken out and put back',
    client(code, place) {
      const args = [PORT_REFERENCE, place.buffer(0), 20, place.buffer(1), 30] as const;
      code.call('ipc_client_connect_send', ...args).call('thread_get_server', PARKED);
      keep(code, RESULTS)
        .call('ipc_client_connect_send', ...args)
        .call('ipc_client_disconnect');
      keep(code, RESULTS + 0x40).call('thread_set_server', PARKED);
      keep(code, RESULTS + 0x80).call('ipc_client_over_receive', 0, 0, 0, place.buffer(1), 30);
      keep(code, RESULTS + 0xc0);
    },
    server(code, place) {
      receive(code, place, 30);
      code.call('thread_get_client', PARKED);
      receive(keep(code, RESULTS), place, 30);
      keep(code, RESULTS + 0x40).call('thread_set_client', PARKED);
      drain(keep(code, RESULTS + 0x80), 'ipc_server_receive', 'more', 30);
      code.call('ipc_server_ack_send_wait_receive', SET, place.buffer(1), 50, place.buffer(2), 8);
    },
    furnish(world) {
      for (const base of [SERVER_BASE, SERVER_BASE / 2])
        world.make(base, { [PARKED - PROGRAM]: 'reference' });
    },
  },
};

/** A reference in which a link is parked. */
const PARKED = PROGRAM + 0x240;

/** Makes handlers of all kinds known, that count in s1 and go back. */
function handlers(code: Assembler, place: Place): Assembler {
  code.j('start').label('handler').addi(s1, s1, 1).call('thread_return_from_exception').label('start');
  // The address of the handler: two instructions behind the start of the code.
  const handler = 0x10_1000 + code.at('handler');
  code.li(t2, place.buffer(3)).li(6, handler);
  for (let i = 0; i < 4; i += 1) code.sd(6, t2, 8 * i);
  return code.call('thread_set_handlers', place.buffer(3)).call('thread_enable_exceptions');
}

/** Entries that a talk needs to be built. */
const needed: Readonly<Record<keyof typeof talks, readonly EntryName[]>> = {
  pieces: [
    'ipc_client_connect_send',
    'ipc_client_send',
    'ipc_server_send',
    'ipc_server_ack_send_over_receive',
  ],
  turns: ['ipc_client_connect_send', 'ipc_server_over_receive'],
  setup: ['ipc_setup_wait_receive'],
  alerts: ['ipc_client_alert', 'ipc_server_alert', 'thread_set_handlers', 'ipc_client_connect_send'],
  multiplexed: ['thread_get_server', 'thread_set_server', 'ipc_client_connect_send'],
};

function situationsOf(name: keyof typeof talks): readonly Situation[] {
  const what = talks[name];
  const isBuilt = (needed[name] ?? []).every((entry) => builtEntries.has(entry));
  if (what === undefined || !isBuilt) return [];
  return talk({
    ...what,
    furnish(world, client, server) {
      world.write(client.at(0), pattern(200));
      world.write(server.at(1), pattern(300).subarray(100));
      what.furnish?.(world, client, server);
    },
  });
}

export const conversations = {
  short: situationsOf('short'),
  reliable: situationsOf('reliable'),
  early: situationsOf('early'),
  apart: situationsOf('apart'),
  pieces: situationsOf('pieces'),
  turns: situationsOf('turns'),
  setup: situationsOf('setup'),
  alerts: situationsOf('alerts'),
  multiplexed: situationsOf('multiplexed'),
};
