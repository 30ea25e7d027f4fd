/**
 * What situations are made of: an actor alone, or a client and a server, whose buffers are ordinary memory or lie in
 * windows that another program keeps and opens when it is told of the fault. Tests only.
 */
import { faults } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { Assembler, a0, a1, a2, s1, s2, t1, t2, zero } from './assembler.ts';
import type { Situation } from './atomicity.ts';
import { DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

export const GATE = PROGRAM + own.gate;
export const OWN_SPACE = PROGRAM + own.spaceReference;
export const DATA_OFFSET = DATA - PROGRAM;
/** Slabs of the actor (or client), the server, the keeper of windows. */
export const ACTOR = 1;
export const SERVER = 2;
export const KEEPER = 3;
export const ACTOR_BASE = ACTOR * SLAB_SIZE;
export const SERVER_BASE = SERVER * SLAB_SIZE;
const KEEPER_BASE = KEEPER * SLAB_SIZE;
/** A port set of a program, a port in it, a reference to the port. */
export const SET = PROGRAM + 0x100;
export const PORT = PROGRAM + 0x120;
export const PORT_REFERENCE = PROGRAM + 0x160;
const SET_REFERENCE = 0x140;

export const WINDOW = 0x3000_0000;
const WINDOW_STEP = 0x10_0000;
const WINDOW_SIZE = 0x4000;
const WINDOWS = 4;
/** Of the keeper's own memory behind each window. */
const BEHIND = DATA_OFFSET + 0x2_0000;

/** Where a program's buffers lie: buffer `i`, seen by the program; and in the segment. */
export interface Place {
  buffer(i: number): number;
  at(i: number): number;
}

/** Four buffers of 16 KiB in the program's own data. */
export function ownPlace(base: number): Place {
  return {
    buffer: (i) => DATA + i * WINDOW_SIZE,
    at: (i) => base + DATA_OFFSET + i * WINDOW_SIZE,
  };
}

/** Four buffers behind windows that are closed: the first touch of each is a fault that the keeper answers. */
export const keptPlace: Place = {
  buffer: (i) => WINDOW + i * WINDOW_STEP,
  at: (i) => KEEPER_BASE + BEHIND + i * WINDOW_SIZE,
};

/** A port set at 0x100, a port at 0x120 in it, a reference to the set at 0x140 and one to the port at 0x160. */
export function makePort(world: World, base: number, alias: number): void {
  world.make(base, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', base + 0x100, base + SET_REFERENCE);
  world.setState('port', base + 0x120, { alias }, [base + SET_REFERENCE]);
  world.must('port_reference', base + 0x120, base + 0x160);
}

/** The keeper of windows, and its windows in the space of the program at `base`. */
export function keepWindows(world: World, base: number): void {
  // The alias of each window's port is where the keeper's region object lies: it opens it and lets the thread go on.
  const code = new Assembler().call('ipc_wait_receive', SET, 0, 0, DATA, 40);
  code.label('got').mv(a0, a2).li(a1, 7).invoke('region_protect');
  code.call('ipc_reply_wait_receive', SET, DATA, 0, DATA, 40).j('got');
  world.addProgram(KEEPER, code, { priority: 20 });
  makePort(world, KEEPER_BASE, 0);
  for (let i = 0; i < WINDOWS; i += 1) {
    const [region, reference, port, portReference] = [0, 1, 2, 3].map((j) => 0x400 + 0x80 * i + 0x20 * j) as [
      number,
      number,
      number,
      number,
    ];
    world.make(KEEPER_BASE, {
      [region]: 'region',
      [reference]: 'reference',
      [port]: 'port',
      [portReference]: 'reference',
    });
    world.setState('port', KEEPER_BASE + port, { alias: PROGRAM + region }, [KEEPER_BASE + SET_REFERENCE]);
    world.must('port_reference', KEEPER_BASE + port, KEEPER_BASE + portReference);
    const behind = PROGRAM + BEHIND + i * WINDOW_SIZE;
    world.setState(
      'region',
      KEEPER_BASE + region,
      { startAddress: behind, size: WINDOW_SIZE, protection: 0 },
      [KEEPER_BASE + own.spaceReference, KEEPER_BASE + portReference],
    );
    world.must('region_reference', KEEPER_BASE + region, KEEPER_BASE + reference);
    const mapping = 0x800 + 0x20 * i;
    world.make(base, { [mapping]: 'mapping' });
    world.setState(
      'mapping',
      base + mapping,
      { startAddress: WINDOW + i * WINDOW_STEP, size: WINDOW_SIZE, protection: 3 },
      [KEEPER_BASE + reference, base + own.spaceReference],
    );
  }
}

export interface Alone {
  readonly name: string;
  readonly seesStops?: boolean;
  code(code: Assembler, place: Place): unknown;
  furnish?(world: World, place: Place, code: Assembler): void;
  check?(world: World): void;
}

/** An actor alone: with buffers of its own, and with kept ones. */
export function alone(what: Alone): Situation[] {
  return [ownPlace(ACTOR_BASE), keptPlace].map((place) => ({
    name: `${what.name}${place === keptPlace ? ', buffers kept by a program' : ''}`,
    build(world) {
      const code = new Assembler();
      what.code(code, place);
      world.addProgram(ACTOR, code.end(GATE));
      if (place === keptPlace) keepWindows(world, ACTOR_BASE);
      what.furnish?.(world, place, code);
    },
    seesStops: what.seesStops === true,
    ...(what.check === undefined ? {} : { check: what.check }),
  }));
}

export type Script = (code: Assembler, place: Place) => unknown;

export interface Talk {
  readonly name: string;
  readonly client: Script;
  readonly server: Script;
  furnish?(world: World, client: Place, server: Place): void;
}

/** A client and a server in two spaces: either of them first, and with the buffers of either kept by a program. */
export function talk(what: Talk): Situation[] {
  const ways = [
    { how: 'the server first', priority: 18, kept: 0 },
    { how: 'the client first', priority: 14, kept: 0 },
    { how: "the client's buffers kept by a program", priority: 18, kept: ACTOR },
    { how: "the server's buffers kept by a program", priority: 14, kept: SERVER },
  ] as const;
  return ways.map(({ how, priority, kept }) => ({
    name: `${what.name}: ${how}`,
    build(world) {
      const clientPlace = kept === ACTOR ? keptPlace : ownPlace(ACTOR_BASE);
      const serverPlace = kept === SERVER ? keptPlace : ownPlace(SERVER_BASE);
      const server = new Assembler();
      what.server(server, serverPlace);
      world.addProgram(SERVER, server.end(GATE), { priority });
      makePort(world, SERVER_BASE, 0x5555);
      const client = new Assembler();
      what.client(client, clientPlace);
      world.addProgram(ACTOR, client.end(GATE));
      world.make(ACTOR_BASE, { 352: 'reference' });
      world.must('reference_copy', SERVER_BASE + 0x160, ACTOR_BASE + 0x160);
      if (kept !== 0) keepWindows(world, kept * SLAB_SIZE);
      what.furnish?.(world, clientPlace, serverPlace);
    },
  }));
}

/** Calls the entry again as long as it says that there is more (receiveMoreData), with room for `room` bytes each time. */
export function drain(code: Assembler, name: EntryName, label: string, room: number): Assembler {
  code.label(label).addi(t2, a0, -3).bne(t2, zero, `${label} end`);
  return code.li(14, room).invoke(name).j(label).label(`${label} end`);
}

/** Stores what an entry left (a0 to a4) at this address, so that the end of the world shows it. */
export function keep(code: Assembler, address: number): Assembler {
  code.li(t1, address);
  for (let i = 0; i < 5; i += 1) code.sd(a0 + i, t1, 8 * i);
  return code;
}

/** Waits for `count` rounds of a loop: instants at which nothing but this happens. */
export function spin(code: Assembler, label: string, count: number): Assembler {
  return code.li(t2, count).label(label).addi(t2, t2, -1).bne(t2, zero, label);
}

/** Sleeps for so many nanoseconds. */
export function doze(code: Assembler, nanoseconds: number): Assembler {
  return code.call('clock_read').addi(a0, a1, nanoseconds).invoke('clock_sleep');
}

/** Entries that have a handler: asked of a task, which is told so at once. */
export const builtEntries: ReadonlySet<EntryName> = (() => {
  const built = new Set<EntryName>();
  for (const name of Object.keys(entries) as EntryName[]) {
    const world = new World();
    world.isChecked = false;
    if (world.call(name, 3, 3, 3, 3, 3, 3, 3) !== faults.invalidEntry) built.add(name);
  }
  return built;
})();

/** Emits the call if its entry is built. */
export function tryCall(code: Assembler, name: EntryName, ...args: readonly number[]): Assembler {
  return builtEntries.has(name) ? code.call(name, ...args) : code;
}

export { a0, a1, a2, s1, s2, t1, t2, zero };
