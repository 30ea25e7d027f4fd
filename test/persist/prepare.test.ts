/**
 * Preparing a demarcation changes nothing that it saves: a machine that is prepared again and again, at random moments, has
 * the same checkpoints as one that never was; and what was copied ahead are the pages that will be saved.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE_SIZE } from '../../src/base/limits.ts';
import { generator } from '../../src/cli/crash/plan.ts';
import { type Assembly, assemble, emptyBorder } from '../../src/cli/machine/assemble.ts';
import { loadProgram } from '../../src/cli/machine/program.ts';
import { initialRecord } from '../../src/cli/machine/record.ts';
import { makeRing } from '../../src/persist/store/channel.ts';
import type { StoredObject } from '../../src/persist/store/contract.ts';
import { program } from '../system/perdure.ts';
import { tierOfTests } from '../tools/tier.ts';
import { demarcate } from './demarcate.ts';
import { MemoryStore } from './memory-store.ts';

const tier = tierOfTests();
const seed = Number(process.env.PERDURE_SEED ?? 3);
const repeat = `PERDURE_SEED=${seed} node test/run.ts persist/prepare`;
const PAGES_AHEAD = 64;

/** A store into which pages can be copied ahead of a batch. */
class AheadStore extends MemoryStore {
  readonly pageMemory = makeRing(PAGES_AHEAD * PAGE_SIZE);
  placeAhead(index: number): number {
    return index < PAGES_AHEAD ? index * PAGE_SIZE : -1;
  }
  /** The pages that lie there, by their bytes. */
  ahead(): Set<string> {
    const bytes = Buffer.from(this.pageMemory.buffer as unknown as ArrayBuffer);
    const places = Array.from({ length: PAGES_AHEAD }, (_, i) => i * PAGE_SIZE);
    return new Set(places.map((at) => bytes.toString('base64', at, at + PAGE_SIZE)));
  }
}

/** Programs and their arguments; the checkpointer's own regions collect, and objects come and go in them. */
const subjects: Readonly<Record<string, readonly string[]>> = {
  transcript: ['400', '2'],
  fill: ['400', '2'],
  checkpointer: ['30', '2', '200', '64', '4', '300'],
};

function start(store: MemoryStore, name: string): Assembly {
  const loaded = loadProgram(program(name), subjects[name] ?? []);
  return assemble(store, {
    ramBytes: 16 * 1024 * 1024,
    machine: tier.options,
    record: initialRecord(new Uint8Array(32), 0),
    hashWords: new Uint32Array([1, 2, 3, 4]),
    border: emptyBorder,
    program: { image: loaded.image, arguments: loaded.arguments },
    sink: () => undefined,
    phase: () => undefined,
  });
}

/** So many ticks, however the machine is interrupted; false when it has ended. */
function advance(parts: Assembly, ticks: number): boolean {
  const end = parts.kernel.tick() + BigInt(ticks);
  while (parts.kernel.tick() < end) {
    if (parts.server.ended !== null) return false;
    tier.turn(parts.machine);
    const reason = parts.kernel.run(Number(end - parts.kernel.tick()));
    if (reason === 'service' && parts.server.needsRoom) demarcate(parts);
    if (reason !== 'idle') continue;
    const deadline = parts.kernel.nextDeadline();
    if (deadline === null) return false;
    parts.kernel.stepClock(deadline < end ? deadline : end);
  }
  return true;
}

const text = (object: StoredObject): unknown => ({
  ...object,
  state: Buffer.from(object.state).toString('hex'),
});

function saved({ content }: MemoryStore): unknown {
  return {
    pages: [...content.pages].map(([number, bytes]) => [number, Buffer.from(bytes).toString('base64')]),
    objects: [...content.objects.values()].map(text),
    record: Buffer.from(content.header?.kernelRecord ?? []).toString('hex'),
    border: content.header?.border,
  };
}

for (const name of Object.keys(subjects))
  test(`a machine that is prepared at random moments saves what one saves that never is: ${name}`, () => {
    const random = generator(seed);
    const preparedStore = new AheadStore();
    const plainStore = new MemoryStore();
    const prepared = start(preparedStore, name);
    const plain = start(plainStore, name);
    let checked = 0;
    const check = (objects: readonly StoredObject[]): void => {
      checked += objects.length;
      prepared.kernel.checkChanged(objects.map(({ serial }) => Number(serial)));
    };
    const rounds = name === 'checkpointer' ? 40 : 8;
    for (let i = 0; i < rounds; i++) {
      const pieces = 1 + Math.floor(random() * 6);
      let goesOn = true;
      for (let piece = 0; piece < pieces && goesOn; piece++) {
        const ticks = 1 + Math.floor(random() * 60_000);
        goesOn = advance(prepared, ticks);
        assert.is(advance(plain, ticks), goesOn);
        prepared.server.prepare(check);
      }
      for (let part = 0; !prepared.server.prepare(check); part++)
        assert.ok(part < 1000, 'it comes to an end');
      demarcate(prepared);
      demarcate(plain);
      assert.equal(saved(preparedStore), saved(plainStore), repeat);
      if (i === 0) {
        // Nothing was written since all was brought.
        const ahead = preparedStore.ahead();
        const pages = [...preparedStore.content.pages.values()].slice(0, PAGES_AHEAD / 2);
        const found = pages.filter((bytes) => ahead.has(Buffer.from(bytes).toString('base64')));
        assert.ok(found.length > 0, `pages were brought: ${found.length} of ${pages.length}; ${repeat}`);
      }
      if (!goesOn) break;
    }
    assert.ok(checked > 0, 'objects were looked at');
  });

test.run();
