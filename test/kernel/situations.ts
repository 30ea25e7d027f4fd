/**
 * A situation for every entry point: small worlds in which it is made in each of its interesting ways. The table is typed by
 * the names of the entries, so a new entry point without one does not compile. Tests only; run by atomicity.test.ts.
 */
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import type { TypeName } from '../../src/kernel/abi/types.ts';
import type { Kind, Situation } from './atomicity.ts';
import { exceptions, interrupts } from './situations-handlers.ts';
import { conversations as talks } from './situations-ipc.ts';
import { common, conds, memory, mutexes, others, references, threads } from './situations-objects.ts';
import { donations } from './situations-schedule.ts';
import { groupOf, wrong, wrongly } from './situations-wrong.ts';

/** What an entry needs: worlds in which it is made, and in which ways it must have been stopped in them besides `before`. */
export interface Needs {
  readonly situations: readonly Situation[];
  readonly kinds: readonly Kind[];
}

type Situations = readonly Situation[];

const needs = (kinds: readonly Kind[], ...situations: readonly Situations[]): Needs => ({
  kinds,
  situations: situations.flat(),
});
/** Answers at once, and touches no memory. */
const plain = (...situations: readonly Situations[]): Needs => needs([], ...situations);
/** Has a buffer: it may be away, or its keeper may be a program. */
const buffer: readonly Kind[] = ['away', 'faulting'];
/** Waits for a partner or a time. */
const waiting: readonly Kind[] = ['blocked'];
/** All of it. */
const whole: readonly Kind[] = ['blocked', 'staged', 'away', 'faulting'];

type CommonName<T extends TypeName> = `${T}_${
  | 'create'
  | 'create_hash'
  | 'destroy'
  | 'move'
  | 'reference'
  | 'get_state'
  | 'set_state'
  | 'peek_state'}` &
  EntryName;

/** The entries that all types have. */
function life<T extends TypeName>(type: T): Readonly<Record<CommonName<T>, Needs>> {
  const names = ['create', 'create_hash', 'destroy', 'move', 'reference'].map((name) => `${type}_${name}`);
  const states = ['get_state', 'set_state', 'peek_state'].map((name) => `${type}_${name}`);
  return Object.fromEntries([
    ...names.filter((name) => name in entries).map((name) => [name, plain(common[type])]),
    ...states.map((name) => [name, needs(buffer, common[type])]),
  ]) as Readonly<Record<CommonName<T>, Needs>>;
}

const { multiplexed, alerts, setup, turns, pieces, apart, early, reliable, short } = talks;

export const situations: Readonly<Record<EntryName, Needs>> = {
  ...life('mutex'),
  ...life('cond'),
  ...life('mapping'),
  ...life('region'),
  ...life('port'),
  ...life('portset'),
  ...life('space'),
  ...life('thread'),
  ...life('reference'),
  thread_get_state: needs(buffer, threads.states),
  thread_set_state: needs(buffer, threads.states),
  thread_peek_state: needs(buffer, threads.states),
  mutex_lock: needs(waiting, mutexes),
  mutex_trylock: plain(mutexes),
  mutex_unlock: plain(mutexes),
  cond_wait: needs(['blocked', 'staged'], conds, interrupts),
  cond_signal: plain(conds),
  cond_broadcast: plain(conds),
  cond_wait_again: needs(waiting, conds),
  mapping_protect: plain(memory.mapping),
  region_protect: plain(memory.region),
  region_search: needs(['staged', ...buffer], memory.region, memory.many),
  // Only tasks have bottom regions: to a guest these are programming errors.
  region_supply: plain(),
  region_evict: plain(),
  region_protect_page: plain(),
  region_discard: plain(memory.region),
  region_collect: needs(['staged', ...buffer], memory.region, memory.many),
  region_peek_changed: needs(['staged', ...buffer], memory.region, memory.many),
  region_mark_changed: plain(memory.region),
  thread_self: plain(others),
  thread_enable_exceptions: plain(exceptions, interrupts),
  thread_disable_exceptions: plain(exceptions, interrupts),
  thread_get_handlers: needs(buffer, exceptions),
  thread_set_handlers: needs(buffer, exceptions),
  thread_get_saved_state: plain(exceptions),
  thread_set_saved_state: plain(exceptions),
  thread_return_from_exception: plain(exceptions, interrupts),
  thread_interrupt: plain(interrupts),
  thread_get_client: plain(multiplexed),
  thread_set_client: plain(multiplexed),
  thread_get_server: plain(multiplexed),
  thread_set_server: plain(multiplexed),
  thread_schedule: needs(waiting, donations),
  reference_check: plain(references),
  reference_compare: plain(references),
  reference_copy: plain(references),
  reference_hash: plain(references),
  reference_type: plain(references),
  reference_locate: plain(references),
  ipc_call: needs(['blocked', ...buffer], short),
  ipc_reply: needs(buffer, short),
  ipc_reply_wait_receive: needs(whole, short),
  ipc_send: needs(buffer, short),
  ipc_wait_receive: needs(['blocked', ...buffer], short),
  ipc_setup_wait_receive: needs(['blocked', 'staged'], setup),
  ipc_client_connect_send: needs(whole, pieces, turns, alerts, multiplexed),
  ipc_client_connect_send_over_receive: needs(whole, reliable, early, apart),
  ipc_client_ack_send: needs(['blocked', 'staged'], pieces),
  ipc_client_ack_send_over_receive: needs(['blocked', 'staged'], pieces),
  ipc_client_alert: plain(alerts),
  ipc_client_disconnect: plain(apart, turns),
  ipc_client_over_receive: needs(['blocked', 'staged'], apart, pieces, turns),
  ipc_client_receive: needs(['blocked', ...buffer], reliable, pieces),
  ipc_client_send: needs(['blocked', ...buffer], pieces),
  ipc_client_send_over_receive: needs(['blocked', 'staged'], reliable, apart, alerts),
  ipc_server_ack_send_wait_receive: needs(whole, reliable, early),
  ipc_server_send_wait_receive: needs(['blocked', 'staged'], reliable, apart),
  ipc_server_ack_send: needs(['blocked', 'staged'], pieces),
  ipc_server_ack_send_over_receive: needs(['blocked', 'staged'], pieces),
  ipc_server_alert: plain(alerts),
  ipc_server_disconnect: plain(apart, pieces),
  ipc_server_over_receive: needs(['blocked', 'staged'], turns),
  ipc_server_receive: needs(['blocked', ...buffer], reliable, pieces),
  ipc_server_receive_first: needs(['blocked'], setup),
  ipc_server_send: needs(['blocked', ...buffer], pieces),
  ipc_server_send_over_receive: needs(['blocked', 'staged'], pieces),
  clock_read: plain(others),
  clock_sleep: needs(waiting, others),
  kernel_record: needs(buffer, others),
  kernel_entropy: plain(others),
};

/** What the entry needs, with its programming errors. */
export function needsOf(name: EntryName): Needs {
  const { situations: own, kinds } = situations[name];
  const error = wrongly.includes(name) ? wrong[groupOf(name)] : undefined;
  return error === undefined
    ? { situations: own, kinds }
    : { situations: [...own, error], kinds: [...new Set<Kind>([...kinds, 'faulting'])] };
}

/** Every situation once. */
export const allSituations: readonly Situation[] = [
  ...new Set((Object.keys(situations) as EntryName[]).flatMap((name) => needsOf(name).situations)),
];
