/**
 * Reliable conversations at random, against the model: exactly once, in order, with the right outcomes, whatever the
 * sizes, the turns, the alerts and the disconnects; also in slices and with pages evicted, and rebuilt after every entry.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import { assertSpoken, PLACES_MAX, STREAM_BYTES, worldOf } from './conversation.ts';
import { Conversation, type Op, type Party, type Verb } from './conversation-model.ts';
import { runInSlices, runRebuilding } from './rebuild.ts';

const SEED = Number(process.env.IPC_SEED ?? 20_261_123);
const RUNS = Number(process.env.IPC_RUNS ?? 250);
const OPS_MAX = 14;

const sizes = [0, 1, 7, 8, 60, 100, 4095, 4096, 5000, 9000] as const;
const sendVerbs = ['send', 'send', 'send_over_receive', 'send_over_receive', 'over_receive'] as const;
const receiveVerbs = ['receive', 'receive', 'receive', 'ack_send', 'ack_send_over_receive'] as const;
const clientVerbs = [...sendVerbs, ...receiveVerbs, 'connect_send', 'connect_send_over_receive'] as const;
const serverVerbs = [
  ...sendVerbs,
  ...receiveVerbs,
  'wait_receive',
  'send_wait_receive',
  'ack_send_wait_receive',
] as const;

/** Takes choices from a list of numbers; when it is used up, the script ends. */
function chooser(numbers: readonly number[]): (party: Party, conversation: Conversation) => Op | null {
  let used = 0;
  const totals = {
    client: { bytes: 0, room: 0, references: 0, places: 0 },
    server: { bytes: 0, room: 0, references: 0, places: 0 },
  };
  return (party, conversation) => {
    if (used >= numbers.length || party.ops.length >= OPS_MAX) return null;
    let state = numbers[used] as number;
    used += 1;
    const pick = (count: number): number => {
      const choice = state % count;
      state = (Math.imul(Math.floor(state / count) ^ state, 1664525) + 1013904223) >>> 0;
      return choice;
    };
    const from = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
    const verb = chooseVerb(party, conversation, pick, from);
    const total = totals[party.role];
    // Now and then more than a stage.
    const size = (): number => (pick(40) === 0 ? 70_000 : from(sizes));
    const op: Op = {
      verb,
      bytes: verb.includes('send') ? Math.min(size(), STREAM_BYTES - total.bytes) : 0,
      room: verb.includes('receive') ? Math.min(size(), STREAM_BYTES - total.room) : 0,
      references: verb.includes('send')
        ? Math.min(Math.max(0, pick(8) - 4), PLACES_MAX - total.references)
        : 0,
      places: verb.includes('receive') ? Math.min(Math.max(0, pick(7) - 2), PLACES_MAX - total.places) : 0,
    };
    for (const key of ['bytes', 'room', 'references', 'places'] as const) total[key] += op[key];
    return op;
  };
}

function chooseVerb(
  party: Party,
  conversation: Conversation,
  pick: (count: number) => number,
  from: <T>(list: readonly T[]) => T,
): Verb {
  const isClient = party.role === 'client';
  const odd = pick(24);
  if (odd === 0) return 'disconnect';
  if (odd <= 2) return 'alert';
  if (odd === 3) return from<Verb>(isClient ? clientVerbs : serverVerbs);
  if (conversation.line === null) {
    return isClient ? from<Verb>(['connect_send', 'connect_send_over_receive']) : 'wait_receive';
  }
  if (conversation.line !== party) return from<Verb>(receiveVerbs);
  if (isClient || pick(4) > 0) return from<Verb>(sendVerbs);
  return from<Verb>(['send_wait_receive', 'ack_send_wait_receive']);
}

const numbers = fc.array(fc.nat({ max: 0xffff_ffff }), { minLength: 2, maxLength: 2 * OPS_MAX });

function spoken(choices: readonly number[]): Conversation {
  const conversation = new Conversation(chooser(choices));
  conversation.run();
  return conversation;
}

function check(property: (choices: readonly number[]) => void, runs: number): void {
  const details = fc.check(fc.property(numbers, property), { numRuns: runs, seed: SEED });
  if (!details.failed) return;
  const choices = details.counterexample?.[0] ?? [];
  const { client, server } = spoken(choices);
  const scripts = [client, server].map((party) => `${party.role} ${JSON.stringify(party.ops)}`).join('\n');
  const { message } = details.errorInstance as Error;
  const repeat = `IPC_SEED=${SEED} IPC_RUNS=${RUNS} node test/kernel/ipc-model.test.ts`;
  throw new Error(`${message}\n${scripts}\nchoices ${JSON.stringify(choices)}; repeat with ${repeat}`);
}

test('random conversations are as the model says', () => {
  check((choices) => {
    const conversation = spoken(choices);
    const world = worldOf(conversation);
    world.finish();
    world.kernel.check();
    assertSpoken(world, conversation);
  }, RUNS);
});

test('random conversations in small slices, with pages evicted under them, are as the model says', () => {
  check(
    (choices) => {
      const conversation = spoken(choices);
      const world = worldOf(conversation);
      let state = choices[0] ?? 1;
      const next = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      runInSlices(world, () => {
        for (let i = 0; i < 2; i += 1)
          world.evict((256 * (1 + Math.floor(next() * 2)) + Math.floor(next() * 256)) * 4096);
        return 1 + Math.floor(next() ** 3 * 500);
      });
      world.kernel.check();
      assertSpoken(world, conversation);
    },
    Math.ceil(RUNS / 5),
  );
});

test('random conversations rebuilt in a fresh kernel after every entry are as the model says', () => {
  check(
    (choices) => {
      const conversation = spoken(choices.slice(0, 12));
      const world = worldOf(conversation);
      runRebuilding(world, true);
      assertSpoken(world, conversation);
    },
    Math.ceil(RUNS / 50),
  );
});

test.run();
