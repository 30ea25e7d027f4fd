/**
 * The entry points of the type thread: rows of the one numbered table (`../entries.ts`), in the order of their numbers.
 * Holds no code that acts.
 */
import type { Entry } from '../entry.ts';

export const threadEntries = {
  thread_create: {
    number: 0x600,
    class: 'short',
    arguments: ['thread'],
    results: [],
    summary: 'Makes a thread at this address; its links are null and it is stopped.',
  },
  thread_create_hash: {
    number: 0x601,
    class: 'short',
    arguments: ['thread', 'hash'],
    results: [],
    summary: 'Like create, with the write-once hash given (0: the kernel chooses).',
  },
  thread_destroy: {
    number: 0x602,
    class: 'long',
    arguments: ['thread'],
    results: [],
    summary: 'Removes the thread; links to it become null and what waited on it is woken.',
  },
  thread_move: {
    number: 0x603,
    class: 'long',
    arguments: ['thread', 'destination'],
    results: [],
    summary:
      'Moves the living thread to another address, where no object may lie; what links to it follows. It must be stopped.',
  },
  thread_reference: {
    number: 0x604,
    class: 'short',
    arguments: ['thread', 'reference'],
    results: [],
    summary: 'Points an existing reference at this thread.',
  },
  thread_get_state: {
    number: 0x605,
    class: 'long',
    arguments: [
      'thread',
      'state',
      'spaceReference',
      'schedulerReference',
      'waitingForReference',
      'clientReference',
      'serverReference',
    ],
    results: [],
    summary: 'Copies out the simple state and the links (0: not wanted) and leaves the thread stopped.',
  },
  thread_set_state: {
    number: 0x606,
    class: 'long',
    arguments: [
      'thread',
      'state',
      'spaceReference',
      'schedulerReference',
      'waitingForReference',
      'clientReference',
      'serverReference',
    ],
    results: [],
    summary: 'Loads the simple state and the links (0: unchanged; a null reference: null).',
  },
  thread_peek_state: {
    number: 0x607,
    class: 'short',
    arguments: [
      'thread',
      'state',
      'spaceReference',
      'schedulerReference',
      'waitingForReference',
      'clientReference',
      'serverReference',
    ],
    results: [],
    summary: 'Like get_state, without stopping or disturbing anything.',
  },
  thread_self: {
    number: 0x610,
    class: 'trivial',
    arguments: [],
    results: ['address'],
    summary: 'The address at which the calling thread says it lies.',
  },
  thread_enable_exceptions: {
    number: 0x611,
    class: 'trivial',
    arguments: [],
    results: [],
    summary:
      'Exceptions, interrupts and alerts go to my handlers from now on; what is pending is taken at once.',
  },
  thread_disable_exceptions: {
    number: 0x612,
    class: 'trivial',
    arguments: [],
    results: [],
    summary:
      'My handlers are not entered until exceptions are enabled again; interrupts and alerts stay pending.',
  },
  thread_get_handlers: {
    number: 0x613,
    class: 'short',
    arguments: ['handlers'],
    results: [],
    summary: 'Copies out where my handlers begin (0: none).',
  },
  thread_set_handlers: {
    number: 0x614,
    class: 'short',
    arguments: ['handlers'],
    results: [],
    summary: 'Sets where my handlers begin (0: none).',
  },
  thread_get_saved_state: {
    number: 0x615,
    class: 'short',
    arguments: ['saved'],
    results: [],
    summary: 'Copies out what was saved when my handler was entered.',
  },
  thread_set_saved_state: {
    number: 0x616,
    class: 'short',
    arguments: ['saved'],
    results: [],
    summary: 'Loads what return_from_exception will restore.',
  },
  thread_return_from_exception: {
    number: 0x617,
    class: 'trivial',
    arguments: [],
    results: [],
    summary: 'Goes on where my handler was entered, by the saved state; exceptions are enabled as they were.',
  },
  thread_interrupt: {
    number: 0x618,
    class: 'short',
    arguments: ['thread'],
    results: [],
    summary:
      'Posts a software interrupt: taken at once, from a wait too, when the thread has exceptions enabled; else pending.',
  },
  thread_get_client: {
    number: 0x619,
    class: 'short',
    arguments: ['reference'],
    results: [],
    summary: 'Takes the link to my client out into a reference, so that I can serve another meanwhile.',
  },
  thread_set_client: {
    number: 0x61a,
    class: 'short',
    arguments: ['reference'],
    results: [],
    summary: 'Puts the link to my client back from a reference; null: I have none.',
  },
  thread_get_server: {
    number: 0x61b,
    class: 'short',
    arguments: ['reference'],
    results: [],
    summary: 'Takes the link to my server out into a reference, so that I can call another meanwhile.',
  },
  thread_set_server: {
    number: 0x61c,
    class: 'short',
    arguments: ['reference'],
    results: [],
    summary: 'Puts the link to my server back from a reference; null: I have none.',
  },
  thread_schedule: {
    number: 0x61d,
    class: 'multi-stage',
    arguments: ['thread', 'ticks', 'portset', 'sensitivity'],
    results: ['ticks'],
    summary:
      'Donates my processor to a thread, for as many ticks (0: no limit), until what the sensitivity names happens or a message waits at the port set.',
  },
} as const satisfies Record<string, Entry>;
