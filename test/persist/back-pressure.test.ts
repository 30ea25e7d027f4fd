/**
 * A slow disk stretches the interval: the real runner over the model store, whose commits happen when the test says so.
 */
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assemble, emptyBorder } from '../../src/cli/machine/assemble.ts';
import { loadProgram } from '../../src/cli/machine/program.ts';
import { initialRecord } from '../../src/cli/machine/record.ts';
import { Runner } from '../../src/cli/machine/runner.ts';
import type { Sink } from '../../src/cli/machine/sink.ts';
import { openSource } from '../../src/cli/machine/source.ts';
import { program } from '../system/perdure.ts';
import { tierOfTests } from '../tools/tier.ts';
import { MemoryStore } from './memory-store.ts';

const nowhere: Sink = {
  write: () => undefined,
  confirmed: () => 0,
  proof: () => null,
  origin: 0,
  flush: () => Promise.resolve(),
  wantsCheckpoint: false,
  checkpointCommitted: () => undefined,
  failure: null,
  close: () => undefined,
};

/** A machine with a program that computes for long; its clock shows 0.1 ms more each time it is looked at. */
function start(intervalMs: number) {
  const store = new MemoryStore();
  const loaded = loadProgram(program('fill'), ['1', '100000']);
  const parts = assemble(store, {
    ramBytes: 16 * 1024 * 1024,
    machine: tierOfTests().options,
    record: initialRecord(new Uint8Array(32), 0),
    hashWords: new Uint32Array([1, 2, 3, 4]),
    border: emptyBorder,
    program: { image: loaded.image, arguments: loaded.arguments },
    sink: () => undefined,
    phase: () => undefined,
  });
  let ms = 0;
  const source = openSource(new PassThrough() as unknown as NodeJS.ReadStream, () => undefined);
  const tierPlan = { name: 'auto', first: 'auto', at: null } as const;
  const options = {
    intervalMs,
    clock: 'instructions',
    stopAt: null,
    sliceTicksMax: 20_000,
    tierPlan,
  } as const;
  const life = { kind: 'created', id: new Uint8Array(16), seed: null } as const;
  const host = {
    nowMs: () => {
      ms += 0.1;
      return ms;
    },
    wallMs: () => 0,
    phase: () => undefined,
  };
  const runner = new Runner(parts, store, nowhere, source, { ...options, place: null, life }, host);
  return { store, parts, runner, source };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

for (const [intervalMs, inFlightMax] of [
  [1, 50],
  [10, 5],
  [1000, 2],
] as const) {
  test(`a disk that does not commit holds checkpoints up, not the machine, at ${intervalMs} ms`, async () => {
    const { store, parts, runner, source } = start(intervalMs);
    store.commitsAtOnce = false;
    const ran = runner.run();
    try {
      await turns(intervalMs < 1000 ? 100 : 2000);
      const [published, tick] = [parts.server.published, parts.kernel.tick()];
      assert.is(published - store.committed, inFlightMax, 'so many are on their way');
      await turns(50);
      assert.is(parts.server.published, published, 'and no more');
      assert.ok(parts.kernel.tick() > tick, 'the machine goes on');
      store.commitAll();
      await turns(intervalMs < 1000 ? 100 : 2000);
      assert.ok(parts.server.published > published, 'after commits there are checkpoints again');
    } finally {
      store.commitAll();
      store.commitsAtOnce = true;
      runner.requestStop();
      await ran;
      source.close();
    }
    assert.is(store.committed, parts.server.published, 'a clean stop leaves nothing uncommitted');
  });
}

test.run();
