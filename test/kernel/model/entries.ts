/**
 * Which entry points random programs call, and why the others are not among them. A test fails when an entry of the
 * table is neither, or both.
 */
import { type EntryName, entries } from '../../../src/kernel/abi/entries.ts';
import { typeNames } from '../../../src/kernel/abi/types.ts';
import { type Command, verbs } from './things.ts';
import { nameOf } from './world.ts';

const memoryServer =
  'for who serves memory from below: one task, whose pages are the subject (test/kernel/tasks, collectors)';
const savedWords = 'words of a handler, which the handlers of the model leave alone (test/kernel/interrupts)';

export const leftOut = {
  reference_locate: 'the harness sees links with it, after every command',
  cond_wait_again: 'what cond_wait becomes: made by the kernel, and by every rebuild',
  ipc_server_receive_first:
    'what wait_receive becomes in a server with entries of its own (test/kernel/ipc-ends)',
  ipc_setup_wait_receive:
    'entries of a server: where it goes on, not what comes of the call (test/kernel/ipc-ends)',
  thread_get_saved_state: savedWords,
  thread_set_saved_state: savedWords,
  thread_schedule: 'time that is given away has a model of its own (test/kernel/schedule, inherit)',
  region_search: 'a list of what lies where: every rebuild is made with it',
  region_supply: memoryServer,
  region_evict: memoryServer,
  region_discard: memoryServer,
  region_protect_page: memoryServer,
  region_collect: memoryServer,
  region_peek_changed: memoryServer,
  region_mark_changed: memoryServer,
  clock_read: 'time is not in the model',
  clock_sleep: 'where every thread of the model waits for its next command',
  kernel_record: 'every rebuild is made with it',
  kernel_entropy: 'random words (test/kernel/entries)',
} as const satisfies Readonly<Record<string, string>>;

/** Every entry point that some command is a call of, by itself or in a small program. */
export function modelledEntries(): Set<EntryName> {
  const found = new Set<EntryName>(['thread_get_state', 'thread_set_state', 'thread_return_from_exception']);
  for (const verb of verbs) {
    for (const type of typeNames) {
      for (const value of [0, 1]) {
        const command: Command = { thread: 0, verb, type, isFitting: false, a: 0, b: 0, c: 0, value };
        const name = nameOf(command, type);
        if (name !== null && name in entries) found.add(name);
      }
    }
  }
  return found;
}
