/**
 * Forged images: what somebody who can compute hashes puts into a file, in front of a machine that has to start from it.
 *
 * A machine of real programs is stopped somewhere; its objects, kernel record or border are changed as if by hand; a new
 * machine starts from that. Either it refuses with a DamageError, or it goes on as a legal system: no invariant breaks and
 * nothing of the host's is thrown. Called by the test and by `npm run damage`.
 */

import { type Assembly, assemble, emptyBorder } from '../../src/cli/machine/assemble.ts';
import { readBorder } from '../../src/cli/machine/border-state.ts';
import { loadProgram } from '../../src/cli/machine/program.ts';
import { initialRecord } from '../../src/cli/machine/record.ts';
import { links, states, typeNames, typeNumbers } from '../../src/kernel/abi/types.ts';
import type { StoredLink, StoredObject } from '../../src/persist/store/contract.ts';
import { DamageError } from '../../src/persist/store/contract.ts';
import { program } from '../system/perdure.ts';
import { demarcate } from './demarcate.ts';
import { MemoryStore } from './memory-store.ts';
import { randomOf } from './store-model.ts';

type Random = (below: number) => number;
const RAM_BYTES = 16 * 1024 * 1024;
const TICKS_AFTER = 200_000;

/** Programs that between them have every type of object and every kind of wait. */
export const subjects: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'examples', args: ['8'] },
  { name: 'service', args: [] },
  { name: 'transcript', args: ['60'] },
  { name: 'checkpointer', args: [] },
  { name: 'tide', args: [] },
];

function start(store: MemoryStore, subject: (typeof subjects)[number]): Assembly {
  const loaded = loadProgram(program(subject.name), subject.args);
  const { head } = store;
  return assemble(store, {
    ramBytes: RAM_BYTES,
    record: head?.kernelRecord ?? initialRecord(new Uint8Array(32), 0),
    hashWords: new Uint32Array([1, 2, 3, 4]),
    border: head === null ? emptyBorder : readBorder(head.border),
    program: head === null ? { image: loaded.image, arguments: loaded.arguments } : null,
    sink: () => undefined,
    phase: () => undefined,
  });
}

/** Runs so many ticks, with a checkpoint now and then. */
function advance(parts: Assembly, ticks: number, slices: number): void {
  for (let slice = 0; slice < slices && parts.server.ended === null; slice++) {
    const end = parts.kernel.tick() + BigInt(Math.ceil(ticks / slices));
    for (let turn = 0; turn < 200 && parts.kernel.tick() < end && parts.server.ended === null; turn++) {
      const reason = parts.kernel.run(Number(end - parts.kernel.tick()));
      if (reason === 'service' && parts.server.needsRoom) demarcate(parts);
      if (reason !== 'idle') continue;
      const deadline = parts.kernel.nextDeadline();
      if (deadline === null) break;
      parts.kernel.stepClock(deadline < end ? deadline : end);
    }
    demarcate(parts);
    parts.kernel.check();
  }
}

/** An image of this subject after so many ticks. */
export function makeBase(subject: (typeof subjects)[number], ticks: number): MemoryStore {
  const store = new MemoryStore();
  const parts = start(store, subject);
  advance(parts, ticks, 1);
  return store;
}

const words = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 31n, 32n, 63n, 64n, 255n, 0x1000n, 0x1001n, 0x7fff_ffffn, 0x8000_0000n],
  ...[0xffff_ffffn, 1n << 32n, 1n << 38n, (1n << 47n) - 1n, 1n << 52n, (1n << 53n) - 1n, 1n << 53n],
  ...[1n << 62n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, (1n << 64n) - 0x1000n],
];

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

function anyWord(random: Random, near: bigint): bigint {
  const kind = random(4);
  if (kind === 0) return BigInt.asUintN(64, near + BigInt(random(33) - 16));
  if (kind === 1) return BigInt.asUintN(64, near ^ (1n << BigInt(random(64))));
  return pick(random, words);
}

function anyLink(random: Random, objects: readonly StoredObject[]): StoredLink {
  const kind = random(8);
  if (kind === 0) return null;
  if (kind === 1)
    return { name: pick(random, ['segment', 'server-space', 'fault', 'parent', 'output', 'input', 'lives']) };
  if (kind === 2) return { name: pick(random, ['nobody', '', '__proto__', 'constructor']) };
  const target = pick(random, objects);
  const serial = random(12) === 0 ? target.serial + 1n : target.serial;
  return { address: random(12) === 0 ? target.address + 8 : target.address, serial };
}

/** One thing changed in one object; what else it may touch is up to `objects`. */
function forgeObject(random: Random, objects: Map<number, StoredObject>): string {
  const all = [...objects.values()];
  const weighty = random(3) === 0 ? all.filter(({ type }) => type === typeNumbers.thread) : all;
  const victim = pick(random, weighty.length > 0 ? weighty : all);
  const name = typeNames.find((candidate) => typeNumbers[candidate] === victim.type);
  // Forged before into something that has no words of its own.
  if (
    name === undefined ||
    victim.state.length < states[name].size ||
    victim.links.length !== links[name].length
  ) {
    return 'forged before';
  }
  const where = `${name} at ${victim.address}`;
  const put = (changed: Partial<StoredObject>): void => {
    const object = { ...victim, ...changed };
    if (changed.address !== undefined) objects.delete(victim.address);
    objects.set(object.address, object);
  };
  const kind = random(20);
  if (kind < 8) {
    const state = victim.state.slice();
    const view = new DataView(state.buffer);
    const place = pick(random, states[name].places);
    const at = place.offset + 8 * random(Math.max(1, place.count));
    const before = view.getBigUint64(at, true);
    const after = anyWord(random, before);
    view.setBigUint64(at, after, true);
    put({ state });
    return `${where}: ${place.name} ${before} -> ${after}`;
  }
  if (kind < 13 && victim.links.length > 0) {
    const stored = victim.links.slice();
    const at = random(stored.length);
    stored[at] = anyLink(random, all);
    put({ links: stored });
    return `${where}: link ${links[name][at]} -> ${JSON.stringify(stored[at], (_, value) => (typeof value === 'bigint' ? String(value) : value))}`;
  }
  if (kind === 13) {
    const serial = random(2) === 0 ? pick(random, all).serial : anyWord(random, victim.serial);
    const state = victim.state.slice();
    new DataView(state.buffer).setBigUint64(states[name].offset.serial, serial, true);
    put({ serial, state });
    return `${where}: serial ${victim.serial} -> ${serial}`;
  }
  if (kind === 14) {
    const address = pick(random, [
      0,
      1,
      8,
      victim.address + 1,
      victim.address + 32,
      2 ** 40,
      2 ** 52,
      4096,
      12288,
    ]);
    put({ address });
    return `${where}: address -> ${address}`;
  }
  if (kind === 15) {
    const type = pick(random, [0, 10, 255, 65535, ...Object.values(typeNumbers)]);
    const other = typeNames.find((candidate) => typeNumbers[candidate] === type);
    const fits = random(2) === 0 && other !== undefined;
    put(
      fits
        ? { type, state: new Uint8Array(states[other].size), links: links[other].map(() => null) }
        : { type },
    );
    return `${where}: type -> ${type}${fits ? ' with a state that fits' : ''}`;
  }
  if (kind === 16) {
    const size = pick(random, [
      0,
      8,
      victim.state.length - 8,
      victim.state.length + 8,
      victim.state.length + 24,
      victim.state.length + 1,
    ]);
    const state = new Uint8Array(Math.max(0, size));
    state.set(victim.state.subarray(0, state.length));
    put({ state });
    return `${where}: ${victim.state.length} bytes of state -> ${state.length}`;
  }
  if (kind === 17) {
    put({ links: random(2) === 0 ? victim.links.slice(1) : [...victim.links, null] });
    return `${where}: another number of links`;
  }
  if (kind === 18) {
    objects.delete(victim.address);
    return `${where}: gone`;
  }
  const twin = { ...victim, address: victim.address + 32 * (1 + random(60)) };
  objects.set(twin.address, twin);
  return `${where}: a twin at ${twin.address}`;
}

function forgeRecord(random: Random, store: MemoryStore): string {
  const header = store.content.header;
  if (header === null) throw new Error('forged: the image has a checkpoint');
  if (random(3) === 0) {
    const border = pick(random, forgedBorders);
    store.content.header = { ...header, border };
    return `border ${border}`;
  }
  const size =
    random(6) === 0 ? pick(random, [0, 8, 64, header.kernelRecord.length + 8]) : header.kernelRecord.length;
  const kernelRecord = new Uint8Array(size);
  kernelRecord.set(header.kernelRecord.subarray(0, size));
  if (size >= 8 && size === header.kernelRecord.length) {
    const view = new DataView(kernelRecord.buffer);
    const at = 8 * random(size / 8);
    view.setBigUint64(at, anyWord(random, view.getBigUint64(at, true)), true);
  }
  store.content.header = { ...header, kernelRecord };
  return `kernel record of ${size} bytes`;
}

export const forgedBorders: readonly string[] = [
  ...['', '{', 'null', '[]', '{}', '"x"', '1e999', '{"output":null}'],
  '{"output":{"taken":-1},"input":{"taken":0,"unread":"","ended":false},"lives":{"count":0,"told":0,"life":""},"outputProof":null,"inputPlace":null,"outputOrigin":0,"ended":null}',
  '{"output":{"taken":1.5},"input":{"taken":0,"unread":"","ended":false},"lives":{"count":0,"told":0,"life":""},"outputProof":null,"inputPlace":null,"outputOrigin":0,"ended":null}',
  '{"output":{"taken":0},"input":{"taken":0,"unread":7,"ended":"no"},"lives":{"count":0,"told":0,"life":""},"outputProof":null,"inputPlace":null,"outputOrigin":0,"ended":null}',
  '{"output":{"taken":0},"input":{"taken":0,"unread":"","ended":false},"lives":{"count":"a","told":null,"life":"zz"},"outputProof":null,"inputPlace":null,"outputOrigin":0,"ended":null}',
  '{"output":{"taken":0},"input":{"taken":0,"unread":"","ended":false},"lives":{"count":0,"told":0,"life":""},"outputProof":null,"inputPlace":null,"outputOrigin":-5,"ended":{"kind":"exit"}}',
  '{"output":{"taken":0},"input":{"taken":0,"unread":"","ended":false},"lives":{"count":0,"told":0,"life":""},"outputProof":null,"inputPlace":null,"outputOrigin":0,"ended":{"kind":"fly"}}',
];

export type Verdict = 'refused' | 'ran';

/** Forges a copy of `base` as the seed says and starts from it. Throws what is neither a refusal nor a legal run. */
export function forgeAndRun(
  base: MemoryStore,
  subject: (typeof subjects)[number],
  seed: number,
): { verdict: Verdict; what: string } {
  const random = randomOf(seed);
  const store = base.reopen();
  const done: string[] = [];
  const count = 1 + (random(3) === 0 ? random(6) : 0);
  for (let i = 0; i < count; i++) {
    done.push(random(12) === 0 ? forgeRecord(random, store) : forgeObject(random, store.content.objects));
  }
  const what = done.join('; ');
  try {
    const parts = start(store.reopen(), subject);
    parts.kernel.check();
    advance(parts, TICKS_AFTER, 3);
    return { verdict: 'ran', what };
  } catch (error) {
    if (error instanceof DamageError) return { verdict: 'refused', what: `${what}: ${error.message}` };
    throw new Error(`${what}: ${(error as Error).stack}`);
  }
}

export interface ForgedBase {
  readonly subject: (typeof subjects)[number];
  readonly store: MemoryStore;
}

/** Each subject, early and late in its life. */
export function makeBases(): ForgedBase[] {
  return subjects.flatMap((subject) =>
    [60_000, 900_000].map((ticks) => ({ subject, store: makeBase(subject, ticks) })),
  );
}
