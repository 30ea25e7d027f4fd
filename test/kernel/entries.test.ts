/** N.02: the one table of entry points, against the reference's list and classes (fluke.md B.1, B.5) as data. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import type { Entry, EntryClass } from '../../src/kernel/abi/entry.ts';

const rows = Object.entries(entries) as readonly (readonly [EntryName, Entry])[];

const named = (group: string, operations: string): string[] =>
  operations.split(' ').map((operation) => `${group}_${operation}`);

/** fluke.md B.1: the 112 entry points of the reference, with this project's spelling (space for task, portset for pset). */
const common = 'create create_hash destroy get_state move reference set_state';
const sides = 'ack_send ack_send_over_receive alert disconnect over_receive receive send send_over_receive';
const reference: readonly string[] = [
  ...named(
    'thread',
    `${common} disable_exceptions enable_exceptions get_client get_handlers get_saved_state get_server interrupt ` +
      'return_from_exception self set_client set_handlers set_saved_state set_server schedule',
  ),
  ...named('space', common),
  ...named('region', `${common} protect search`),
  ...named('mapping', 'create create_hash destroy get_state move protect set_state'),
  ...named('port', common),
  ...named('portset', common),
  ...named(
    'ipc',
    'call reply reply_wait_receive send client_connect_send client_connect_send_over_receive ' +
      'server_ack_send_wait_receive server_send_wait_receive setup_wait_receive wait_receive',
  ),
  ...named('ipc_client', sides),
  ...named('ipc_server', sides),
  ...named('mutex', `${common} lock trylock unlock`),
  ...named('cond', `${common} broadcast signal wait`),
  ...named('reference', 'check compare copy create destroy hash move type'),
];

/** What is beyond the reference, because users need it (design.md section 4), and what rebuilding needs. */
const ours: readonly string[] = [
  ...'mutex cond mapping region port portset space thread reference'.split(' ').map((t) => `${t}_peek_state`),
  ...named('reference', 'get_state set_state locate'),
  ...named('region', 'supply evict discard protect_page collect peek_changed mark_changed'),
  ...named('clock', 'read sleep'),
  ...named('kernel', 'record entropy'),
  'cond_wait_again',
  'ipc_server_receive_first',
];

/** fluke.md B.5: the classes that are not short. */
const trivial = new Set([
  ...named('thread', 'self enable_exceptions disable_exceptions return_from_exception'),
  ...named('ipc', 'client_disconnect server_disconnect client_alert server_alert'),
]);
const multiStage = new Set([
  'cond_wait',
  'region_search',
  ...named('ipc', 'call reply reply_wait_receive send wait_receive'),
  ...named('ipc', 'client_connect_send client_connect_send_over_receive'),
  ...named('ipc', 'server_ack_send_wait_receive server_send_wait_receive'),
  ...['ipc_client', 'ipc_server'].flatMap((side) =>
    named(side, 'ack_send ack_send_over_receive over_receive receive send send_over_receive'),
  ),
]);
const long = new Set(['mutex_lock', ...named('thread', 'get_state destroy move set_state')]);

/** Where the table differs from B.5, and why. */
const differences: Readonly<Record<string, EntryClass>> = {
  // B.5 takes it for a C convenience; here it is an entry, whose rest is wait_receive.
  ipc_setup_wait_receive: 'multi-stage',
  // Unimplemented in the reference. What is left of the donation is in its registers.
  thread_schedule: 'multi-stage',
  // The work of one stage is bounded; here it grows with how many wait, or hang on the object.
  mutex_destroy: 'multi-stage',
  cond_destroy: 'multi-stage',
  cond_broadcast: 'multi-stage',
  port_destroy: 'multi-stage',
  portset_destroy: 'multi-stage',
  space_destroy: 'multi-stage',
};

function expectedClass(name: string): EntryClass {
  const other = differences[name];
  if (other !== undefined) return other;
  if (trivial.has(name)) return 'trivial';
  if (multiStage.has(name)) return 'multi-stage';
  return long.has(name) ? 'long' : 'short';
}

test('all 112 entry points of the reference are in the table, and what else is there is listed', () => {
  assert.is(reference.length, 112);
  assert.is(new Set(reference).size, 112);
  assert.equal(rows.map(([name]) => name as string).sort(), [...reference, ...ours].sort());
});

test('numbers are unique, in the range of their group, and ascend within it', () => {
  const numbers = rows.map(([, row]) => row.number);
  assert.is(new Set(numbers).size, numbers.length);
  for (const number of numbers) assert.ok(number >= 0x440 && number < 0x740, number.toString(16));
  const order = rows.map(([name]) => name.split('_')[0] ?? '');
  rows.forEach(([name, row], i) => {
    if (i === 0 || order[i] !== order[i - 1]) return;
    assert.ok(row.number > (rows[i - 1]?.[1].number ?? 0), `${name} comes after the one before it`);
  });
});

test('the classes are those of the reference', () => {
  assert.is(trivial.size, 8);
  assert.is(multiStage.size, 23);
  for (const name of reference) {
    assert.is(entries[name as EntryName].class, expectedClass(name), name);
  }
});

test('every row says what may come of it, in names that exist, each once', () => {
  for (const [name, row] of rows) {
    for (const outcome of row.outcomes) assert.ok(outcome in outcomes && outcome !== 'success', name);
    for (const fault of row.faults) assert.ok(fault in faults && fault !== 'processor', name);
    assert.is(new Set([...row.outcomes, ...row.faults]).size, row.outcomes.length + row.faults.length, name);
    assert.is(row.becomes !== undefined, row.class === 'multi-stage', `${name} says what it becomes`);
    for (const rest of row.becomes ?? []) assert.ok(rest in entries, `${name} becomes ${rest}`);
    // a0 holds the outcome, so at most six results follow; a7 is the number.
    assert.ok(row.arguments.length <= 7 && row.results.length <= 6, name);
  }
});

test('what a call becomes can end as the call says', () => {
  for (const [name, row] of rows) {
    for (const rest of row.becomes ?? []) {
      // mutex_lock of a mutex that is gone is the sleeper's own fault; what it waits for is not the cond any more.
      for (const outcome of entries[rest as EntryName].outcomes as readonly string[]) {
        // The rest is entered with a peer: that there is none is told before.
        if (outcome === 'notConnected') continue;
        assert.ok(
          (row.outcomes as readonly string[]).includes(outcome),
          `${name} ends like ${rest}: ${outcome}`,
        );
      }
    }
  }
});

test.run();
