/**
 * What `npm run bench:kernel` times: each kind is a loop of a guest program around one thing that the kernel does.
 *
 * The loop counts its turns in s5. Contents vary: messages and states carry the count. Each kind runs alone in the
 * world of world.ts, whose servers (prio 20) wait for it. Read by measure.ts and the report.
 */
import type { EntryName } from '../../../src/kernel/abi/entries.ts';
import { links, states, type TypeName, typeNames } from '../../../src/kernel/abi/types.ts';
import { type Assembler, a0, s0, s1, s2, s5, t2, zero } from '../../kernel/assembler.ts';
import { DATA, PROGRAM } from '../../kernel/world.ts';
import { LARGE_BYTES, LARGE_WINDOW, PAGED_WINDOW, place, populationOf } from './places.ts';

export interface Kind {
  readonly name: string;
  /** Times that the thing happens in one turn of the loop. */
  readonly times: number;
  /** The loop's body; `objects` is how many the world has. */
  body(code: Assembler, objects: number): void;
  /** Before the loop. */
  start?(code: Assembler): void;
  /** The space in which it runs; the client's when not given. */
  readonly space?: 'deep';
  /** A second thread that runs with it: its loop. */
  second?(code: Assembler): void;
  /** Only in the table of scale. */
  readonly scaleOnly?: true;
  /** Nothing of it depends on how much else there is, or it is measured at one size for its time. */
  readonly onlyAlone?: true;
}

const at = (offset: number): number => PROGRAM + offset;
const SIZE = 8;

/** Where the state of a type is exported to, and imported from. */
export function stateAddress(type: TypeName, way: 'out' | 'in'): number {
  return DATA + 0x1000 * (1 + typeNames.indexOf(type)) + (way === 'out' ? 0 : 0x800);
}

function exportKind(type: TypeName): Kind {
  const references = links[type].map((_, i) => at(place.exportReference(i)));
  return {
    name: `export ${type}`,
    times: 1,
    body: (code) =>
      code.call(
        `${type}_peek_state` as EntryName,
        at(place.object(type)),
        stateAddress(type, 'out'),
        ...references,
      ),
  };
}

/** The word of a state that may be anything, so that each import differs from the last. */
const freeWord: Partial<Record<TypeName, number>> = {
  port: states.port.offset.alias,
  thread: states.thread.offset.x + 8 * 20,
};

function importKind(type: TypeName): Kind {
  const references = links[type].map((_, i) => at(place.importReference(type, i)));
  const word = freeWord[type];
  return {
    name: `import ${type}`,
    times: 1,
    body(code) {
      if (word !== undefined) code.li(t2, stateAddress(type, 'in')).sd(s5, t2, word);
      code.call(
        `${type}_set_state` as EntryName,
        at(place.object(type)),
        stateAddress(type, 'in'),
        ...references,
      );
    },
  };
}

function lifeKind(type: TypeName): Kind {
  return {
    name: `create and destroy ${type}`,
    times: 1,
    scaleOnly: true,
    body(code) {
      code.call(`${type}_create` as EntryName, at(place.fresh));
      code.call(`${type}_destroy` as EntryName, at(place.fresh));
    },
  };
}

function pairOfLocks(code: Assembler): void {
  code.call('mutex_lock', at(place.mutex)).call('mutex_unlock', at(place.mutex));
}

/** s2: an address of the population that the next step of a generator names, among those of a kind. */
function pick(code: Assembler, objects: number, kind: 'mutexes' | 'references'): void {
  const { offset, count } = populationOf(objects)[kind];
  code.li(t2, 1_103_515_245).mul(s0, s0, t2).li(t2, 12_345).add(s0, s0, t2);
  code.slli(t2, s0, 33).srli(t2, t2, 33).srli(t2, t2, 8);
  // The upper part of (23 bits x count).
  code.li(s2, count).mul(t2, t2, s2).srli(t2, t2, 23).slli(t2, t2, 5);
  code.li(s2, offset).add(s2, s2, t2);
}

const single: readonly Kind[] = [
  { name: 'null call', times: 1, body: (code) => code.call('thread_self') },
  { name: 'mutex pair', times: 1, body: pairOfLocks },
  {
    name: 'thread create and destroy',
    times: 1,
    body: (code) => code.call('thread_create', at(place.fresh)).call('thread_destroy', at(place.fresh)),
  },
  {
    name: 'reference check',
    times: 1,
    scaleOnly: true,
    body: (code) => code.call('reference_check', at(place.object('reference'))),
  },
  {
    name: 'reference to a port',
    times: 1,
    scaleOnly: true,
    body: (code) => code.call('port_reference', at(place.object('port')), at(place.exportReference(0))),
  },
  { name: 'clock read', times: 1, scaleOnly: true, body: (code) => code.call('clock_read') },
  {
    name: 'sleep',
    times: 1,
    scaleOnly: true,
    body: (code) => code.call('clock_read').addi(a0, 11, 100).invoke('clock_sleep'),
  },
  {
    name: 'mutex pair ten deep',
    times: 1,
    space: 'deep',
    body: pairOfLocks,
  },
  {
    name: 'random mutex',
    times: 2,
    scaleOnly: true,
    body(code, objects) {
      pick(code, objects, 'mutexes');
      code.mv(a0, s2).invoke('mutex_lock').mv(a0, s2).invoke('mutex_unlock');
    },
  },
  {
    name: 'random reference check',
    times: 1,
    scaleOnly: true,
    body(code, objects) {
      pick(code, objects, 'references');
      code.mv(a0, s2).invoke('reference_check');
    },
  },
];

const together: readonly Kind[] = [
  {
    name: 'context switch',
    times: 2,
    start: (code) => code.call('mutex_lock', at(place.mutex)),
    body: (code) =>
      code.call('cond_signal', at(place.cond2)).call('cond_wait', at(place.cond), at(place.mutex)),
    second(code) {
      code.call('mutex_lock', at(place.mutex)).label('other');
      code.call('cond_signal', at(place.cond)).call('cond_wait', at(place.cond2), at(place.mutex)).j('other');
    },
  },
  {
    name: 'one-way',
    times: 1,
    body: (code) =>
      code
        .li(t2, DATA)
        .sd(s5, t2)
        .call('ipc_send', at(place.port('oneway')), DATA, SIZE),
  },
  {
    name: 'idempotent',
    times: 1,
    body: (code) =>
      code
        .li(t2, DATA)
        .sd(s5, t2)
        .call('ipc_call', at(place.port('idempotent')), DATA, SIZE, DATA + 64, SIZE),
  },
  {
    name: 'reliable',
    times: 1,
    body: (code) =>
      code
        .li(t2, DATA)
        .sd(s5, t2)
        .call(
          'ipc_client_connect_send_over_receive',
          at(place.port('reliable')),
          DATA,
          SIZE,
          DATA + 64,
          SIZE,
        ),
  },
  {
    name: 'transfer',
    times: 1,
    onlyAlone: true,
    body: (code) =>
      code
        .li(t2, LARGE_WINDOW)
        .sd(s5, t2)
        .call(
          'ipc_client_connect_send_over_receive',
          at(place.port('transfer')),
          LARGE_WINDOW,
          LARGE_BYTES,
          DATA + 64,
          SIZE,
        ),
  },
  {
    name: 'pager fault',
    times: 2,
    body: (code) =>
      code
        .li(t2, PAGED_WINDOW)
        .ld(s1, t2)
        .li(t2, PAGED_WINDOW + 0x1_0000)
        .ld(s1, t2),
  },
];

export const kinds: readonly Kind[] = [
  ...single,
  ...together,
  ...typeNames.map(exportKind),
  ...typeNames.map(importKind),
  ...typeNames.map(lifeKind),
];

/** Code of a kind: label `NAME` begins, `NAME second` is the other thread's. */
export function codeOf(kind: Kind, code: Assembler, objects: number): void {
  code.label(kind.name);
  kind.start?.(code);
  code.label(`${kind.name} loop`);
  kind.body(code, objects);
  code.addi(s5, s5, 1).beq(zero, zero, `${kind.name} loop`);
}
