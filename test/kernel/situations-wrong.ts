/**
 * Situations of programming errors, made from the table of entry points: each entry that may deliver one is called with an
 * address that is none. The keeper of the space is a program: it puts an instruction that does nothing in the place of
 * the call and lets the thread go on. Tests only.
 */
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import { Assembler, s1, s2, s3, t1, t2, zero } from './assembler.ts';
import type { Situation } from './atomicity.ts';
import {
  ACTOR,
  ACTOR_BASE,
  builtEntries,
  DATA_OFFSET,
  GATE,
  KEEPER,
  makePort,
  SET,
} from './situations-kit.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE } from './world.ts';

const KEEPER_BASE = KEEPER * SLAB_SIZE;
/** Where the keeper sees the actor's code. */
const VIEW = 0x2000_0000;
const NOTHING = 0x13;

/** Entries that may be called wrongly: their first argument is a place. */
export const wrongly: readonly EntryName[] = (Object.keys(entries) as EntryName[]).filter(
  (name) =>
    // Without a client these two are over before they look at the set.
    name !== 'ipc_reply' &&
    name !== 'ipc_server_send_wait_receive' &&
    builtEntries.has(name) &&
    (entries[name].faults as readonly string[]).includes('notAligned'),
);

/** One world for the entries of a group. */
function wrongCalls(group: string, names: readonly EntryName[]): Situation {
  return {
    name: `programming errors of ${group} entries, told to a program`,
    build(world) {
      const keeper = new Assembler().li(s1, 0).li(s2, DATA).li(s3, VIEW);
      keeper.call('ipc_wait_receive', SET, 0, 0, DATA, 40);
      // The message: code, address, access, pc, thread.
      keeper.label('got').addi(s1, s1, 1).ld(t2, s2, 24).li(t1, CODE).xor(t2, t2, t1).add(t2, t2, s3);
      // Two instructions are stored at once: behind each call lies one that does nothing anyway.
      keeper.li(t1, NOTHING).slli(t1, t1, 16).slli(t1, t1, 16).addi(t1, t1, NOTHING).sd(t1, t2);
      keeper.sd(s1, s2, 64);
      keeper.call('ipc_reply_wait_receive', SET, DATA + 64, 8, DATA, 40).j('got');
      world.addProgram(KEEPER, keeper, { priority: 20 });
      makePort(world, KEEPER_BASE, 5);
      world.make(KEEPER_BASE, { 384: 'mapping' });
      world.setState(
        'mapping',
        KEEPER_BASE + 0x180,
        { startAddress: VIEW, size: 0x4000, protection: 3, regionOffset: ACTOR_BASE + 0x1000 },
        [world.reference('region'), KEEPER_BASE + own.spaceReference],
      );
      const code = new Assembler();
      for (const name of names) {
        for (let i = 1; i < 7; i += 1) code.li(10 + i, 0);
        code
          .li(10, PROGRAM + 5)
          .invoke(name)
          .addi(zero, zero, 0)
          .addi(zero, zero, 0);
      }
      world.addProgram(ACTOR, code.end(GATE));
      world.setState('space', ACTOR_BASE + own.space, {}, [KEEPER_BASE + 0x160]);
    },
    check(world) {
      const told = Number(world.word(KEEPER_BASE + DATA_OFFSET + 64));
      if (told !== names.length) throw new Error(`${told} errors told of ${names.length}`);
    },
  };
}

/** Situations by group: the first word of an entry's name. */
export const wrong: Readonly<Record<string, Situation>> = Object.fromEntries(
  [...new Set(wrongly.map(groupOf))].map((group) => [
    group,
    wrongCalls(
      group,
      wrongly.filter((name) => groupOf(name) === group),
    ),
  ]),
);

export function groupOf(name: EntryName): string {
  return name.slice(0, name.indexOf('_'));
}
