/**
 * The world of the kernel's benchmark: a client, servers in another space, a pager, spaces ten deep, and as many further
 * objects as asked for: a tenth of them threads, which wait for everything that can be waited for.
 *
 * Called by measure.ts; built on the world of the kernel's tests.
 */
import type { EntryName } from '../../../src/kernel/abi/entries.ts';
import { links, states, type TypeName, typeNames } from '../../../src/kernel/abi/types.ts';
import { Assembler, a0, s0, s5, zero } from '../../kernel/assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from '../../kernel/world.ts';
import { codeOf, type Kind, kinds, stateAddress } from './kinds.ts';
import {
  CLIENT_SLAB,
  clientBase,
  DEEP_SLAB,
  DEPTH,
  inSegment,
  LARGE_BYTES,
  LARGE_WINDOW,
  PAGED_WINDOW,
  PAGER_SLAB,
  POPULATION,
  place,
  populationOf,
  populationWindow,
  SERVER_SLAB,
  servers,
} from './places.ts';

const RAM_BYTES = 48 * 1024 * 1024;
const SERVER_PRIORITY = 20;
/** Nobody of the population ever runs once it waits; those that only could run never have their turn. */
const LOW_PRIORITY = 1;
const STEP = 0x20;

export interface BenchWorld {
  readonly world: World;
  /** Makes the threads of this kind, ready to run, and lets it come up to speed. */
  begin(kind: Kind): void;
  end(kind: Kind): void;
  /** Turns of the loop so far. */
  turns(): number;
}

function serverCode(): Assembler {
  const code = new Assembler();
  servers.forEach((name, i) => {
    const set = PROGRAM + 0x100 + STEP * i;
    const [buffer, size] = name === 'transfer' ? [LARGE_WINDOW, LARGE_BYTES] : [DATA + 0x100 * i, 8];
    code.label(name).call('ipc_wait_receive', set, 0, 0, buffer, size).label(`${name} next`);
    if (name === 'oneway') code.call('ipc_wait_receive', set, 0, 0, buffer, size);
    else if (name === 'idempotent') code.call('ipc_reply_wait_receive', set, buffer, 8, buffer, size);
    else code.call('ipc_server_ack_send_wait_receive', set, buffer, 8, buffer, size);
    code.j(`${name} next`);
  });
  return code;
}

/** A window of a program's space onto the segment. `at` is where the mapping lies in its slab. */
function addWindow(world: World, slab: number, at: number, words: Record<string, number>): void {
  const base = slab * SLAB_SIZE;
  world.must('mapping_create', base + at);
  world.setState('mapping', base + at, { protection: 7, ...words }, [
    world.reference('region'),
    base + own.spaceReference,
  ]);
}

function addServers(world: World): void {
  const code = serverCode();
  const base = world.addProgram(SERVER_SLAB, code, { flags: 1 });
  addWindow(world, SERVER_SLAB, 0x60 + 0x20, {
    startAddress: LARGE_WINDOW,
    size: LARGE_BYTES,
    regionOffset: 12 * SLAB_SIZE,
  });
  servers.forEach((name, i) => {
    const [set, port, toSet] = [0x100, 0x200, 0x300].map((first) => base + first + STEP * i);
    world.must('portset_create', set as number);
    world.must('port_create', port as number);
    world.must('reference_create', toSet as number);
    world.must('portset_reference', set as number, toSet as number);
    world.setState('port', port as number, { alias: i }, [toSet as number]);
    world.must('port_reference', port as number, clientBase + place.port(name));
    world.addThread(base, 0x400 + STEP * i, { pc: CODE + code.at(name), priority: SERVER_PRIORITY });
  });
}

/** Two regions of the pager's memory, one of them closed at any time: each load from the other is a fault. */
function addPager(world: World): void {
  const [first, second] = [PROGRAM + 0x200, PROGRAM + 0x220];
  const code = new Assembler().call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA, 40).label('next');
  for (const [open, closed] of [
    [first, second],
    [second, first],
  ] as const) {
    code.call('region_protect', open, 7).call('region_protect', closed, 0);
    code.call('ipc_reply_wait_receive', PROGRAM + 0x100, DATA, 0, DATA, 40);
  }
  const base = world.addProgram(PAGER_SLAB, code.j('next'), { priority: SERVER_PRIORITY });
  world.make(base, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', base + 0x100, base + 0x140);
  world.setState('port', base + 0x120, { alias: 9 }, [base + 0x140]);
  world.must('port_reference', base + 0x120, base + 0x160);
  for (const index of [0, 1]) {
    const [region, reference, mapping] = [0x200, 0x240, 0x280].map((at) => at + STEP * index) as [
      number,
      number,
      number,
    ];
    world.make(base, { [region]: 'region', [reference]: 'reference' });
    world.setState(
      'region',
      base + region,
      { startAddress: DATA + 0x2_0000 + 0x1_0000 * index, size: 0x1_0000, protection: 0 },
      [base + own.spaceReference, base + 0x160],
    );
    world.must('region_reference', base + region, base + reference);
    world.must('mapping_create', base + mapping);
    world.setState(
      'mapping',
      base + mapping,
      { startAddress: PAGED_WINDOW + 0x1_0000 * index, size: 0x1_0000, protection: 3 },
      [base + reference, clientBase + own.spaceReference],
    );
  }
}

/** The spaces between the client's and the deepest, each a window on the whole of the one below. */
function addDepth(world: World): void {
  const base = DEEP_SLAB * SLAB_SIZE;
  let below = clientBase + own.spaceReference;
  for (let level = 1; level < DEPTH; level += 1) {
    const [region, space, mapping, toRegion, toSpace] = Array.from(
      { length: 5 },
      (_, i) => base + STEP * (8 * level + i),
    ) as [number, number, number, number, number];
    world.must('region_create', region);
    world.must('space_create', space);
    world.must('mapping_create', mapping);
    world.must('reference_create', toRegion);
    world.must('reference_create', toSpace);
    world.setState('region', region, { startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 }, [below, 0]);
    world.must('region_reference', region, toRegion);
    world.must('space_reference', space, toSpace);
    world.setState('mapping', mapping, { startAddress: PROGRAM, size: SLAB_SIZE, protection: 7 }, [
      toRegion,
      toSpace,
    ]);
    below = toSpace;
  }
}

const deepSpace = DEEP_SLAB * SLAB_SIZE + STEP * (8 * (DEPTH - 1) + 4);

/** The objects that are exported and imported, linked as in life, and their states where the guest imports from. */
function addObjects(world: World): void {
  for (const type of typeNames) world.must(`${type}_create` as EntryName, clientBase + place.object(type));
  world.make(clientBase, { [place.mutex]: 'mutex', [place.cond]: 'cond', [place.cond2]: 'cond' });
  for (let i = 0; i < 5; i += 1) world.must('reference_create', clientBase + place.exportReference(i));
  const object = (type: TypeName): number => clientBase + place.object(type);
  const to = (type: TypeName, index: number): number => {
    const reference = world.scratch(index);
    world.must(`${type}_reference` as EntryName, object(type), reference);
    return reference;
  };
  world.setState('region', object('region'), { startAddress: DATA, size: 0x1000, protection: 7 }, [
    clientBase + own.spaceReference,
    world.reference('pager'),
  ]);
  world.setState('mapping', object('mapping'), { startAddress: DATA, size: 0x1000, protection: 7 }, [
    to('region', 0),
    to('space', 1),
  ]);
  world.setState('space', object('space'), {}, [to('port', 0)]);
  world.setState('port', object('port'), { alias: 3 }, [to('portset', 0)]);
  world.setState('thread', object('thread'), { flags: 1, priority: 3, x9: 77 }, [to('space', 0)]);
  world.setState('mutex', object('mutex'), { locked: 1 }, [to('thread', 0)]);
  world.must('port_reference', object('port'), object('reference'));
  for (const type of typeNames) {
    const references = links[type].map((_, i) => clientBase + place.importReference(type, i));
    for (const reference of references) world.must('reference_create', reference);
    world.must(`${type}_peek_state` as EntryName, object(type), world.buffer, ...references);
    const state = world.bytes.slice(0, states[type].size);
    world.write(clientBase + stateAddress(type, 'in') - PROGRAM, state);
  }
}

/** Further objects, and threads that wait at a mutex, a cond, a port, a set and for a time, or could run. */
function addPopulation(world: World, objects: number, code: Assembler): void {
  const parts = populationOf(objects);
  addWindow(world, CLIENT_SLAB, 0x80, { ...populationWindow, regionOffset: POPULATION });
  const each = (part: keyof typeof parts, visit: (address: number, index: number) => void): void => {
    const { offset, count } = parts[part];
    for (let i = 0; i < count; i += 1) visit(inSegment(offset) + STEP * i, i);
  };
  each('mutexes', (address) => world.must('mutex_create', address));
  each('conds', (address) => world.must('cond_create', address));
  each('references', (address) => {
    world.must('reference_create', address);
    world.must('port_reference', clientBase + place.object('port'), address);
  });
  world.must('portset_reference', clientBase + place.object('portset'), world.scratch(0));
  each('ports', (address, i) => {
    world.must('port_create', address);
    world.setState('port', address, { alias: i }, [world.scratch(0)]);
  });
  each('regions', (address) => {
    world.must('region_create', address);
    world.setState('region', address, { startAddress: DATA, size: 0x1000, protection: 7 }, [
      clientBase + own.spaceReference,
    ]);
  });
  each('mappings', (address, i) => {
    world.must('mapping_create', address);
    world.setState(
      'mapping',
      address,
      { startAddress: 0x8000_0000 + 0x1000 * i, size: 0x1000, protection: 3 },
      [world.reference('region'), clientBase + own.spaceReference],
    );
  });
  const waits = ['wait mutex', 'wait cond', 'wait port', 'wait time', 'never'];
  each('threads', (address, i) => {
    const wait = waits[i % waits.length] as string;
    world.must('thread_create', address);
    world.startThread(address, clientBase + own.spaceReference, {
      pc: CODE + code.at(wait),
      priority: wait === 'never' ? LOW_PRIORITY : SERVER_PRIORITY,
      x8: i,
    });
  });
}

/** The places where threads of the population wait for ever. */
function waitCode(code: Assembler): void {
  const [mutex, cond] = [PROGRAM + 0xe0, PROGRAM + 0x100];
  code.label('never').beq(zero, zero, 'never');
  code
    .label('wait mutex')
    .call('mutex_lock', mutex)
    .label('held')
    .call('clock_sleep', 2 ** 52)
    .j('held');
  code
    .label('wait cond')
    .call('mutex_lock', PROGRAM + 0x120)
    .call('cond_wait', cond, PROGRAM + 0x120);
  code.label('wait port').call('ipc_call', PROGRAM + place.object('port'), 0, 0, 0, 0);
  code
    .label('wait time')
    .li(a0, 2 ** 51)
    .add(a0, a0, s0)
    .invoke('clock_sleep')
    .j('wait time');
}

export function createBenchWorld(objects: number): BenchWorld {
  const world = new World({ ramBytes: RAM_BYTES });
  const code = new Assembler();
  waitCode(code);
  for (const kind of kinds) {
    codeOf(kind, code, objects);
    if (kind.second === undefined) continue;
    code.label(`${kind.name} second`);
    kind.second(code);
  }
  world.addProgram(CLIENT_SLAB, code, { flags: 1 });
  world.make(clientBase, { 224: 'mutex', 256: 'cond', 288: 'mutex' });
  addWindow(world, CLIENT_SLAB, 0x140, {
    startAddress: LARGE_WINDOW,
    size: LARGE_BYTES,
    regionOffset: 10 * SLAB_SIZE,
  });
  for (const name of servers) world.must('reference_create', clientBase + place.port(name));
  addServers(world);
  addPager(world);
  addDepth(world);
  addObjects(world);
  addPopulation(world, objects, code);
  // Everybody comes to where it waits; those that never wait have the lowest priority, and run till then.
  world.kernel.run(200_000 + 400 * objects);
  const start = (at: number, label: string, kind: Kind): void => {
    world.must('thread_create', clientBase + at);
    world.setState(
      'thread',
      clientBase + at,
      { priority: 16, pc: CODE + code.at(label), threadAddress: PROGRAM + at },
      [kind.space === 'deep' ? deepSpace : clientBase + own.spaceReference],
    );
  };
  return {
    world,
    begin(kind) {
      start(place.thread, kind.name, kind);
      if (kind.second !== undefined) start(place.second, `${kind.name} second`, kind);
    },
    end(kind) {
      world.must('thread_destroy', clientBase + place.thread);
      if (kind.second !== undefined) world.must('thread_destroy', clientBase + place.second);
      // It may have been stopped between making and destroying.
      for (const type of typeNames) world.call(`${type}_destroy` as EntryName, clientBase + place.fresh);
    },
    turns: () => Number(world.thread(clientBase + place.thread).x[s5]),
  };
}
