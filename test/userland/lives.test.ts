/** Lives: each restart is told once, whenever the host dies, and only to a program that asks. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { life, lifeKinds } from '../../src/kernel/abi/memory.ts';
import { Lives, type LivesState } from '../../src/userland/border/lives.ts';
import type { Answer, Processor, Service } from '../../src/userland/task/task.ts';

const none: LivesState = { count: 0, told: 0, life: '' };
const beginning = (kind: keyof typeof lifeKinds, byte: number) => ({
  kind,
  id: new Uint8Array(16).fill(byte),
  monotonic: 7n,
  wall: 9n,
});

/** A task that only remembers whether it serves. */
function fakeTask(): Processor & { serving: Service | null } {
  const fake = {
    serving: null as Service | null,
    serve(_portset: number, service: Service) {
      fake.serving = service;
    },
    stopServing() {
      fake.serving = null;
    },
  };
  return fake as unknown as Processor & { serving: Service | null };
}

function read(answer: Answer) {
  assert.ok(typeof answer !== 'string');
  return life.read(new DataView(answer.bytes.buffer, answer.bytes.byteOffset, answer.bytes.length), 0);
}

test('a life is told with its kind, number, id and clocks; the first is no news', () => {
  const task = fakeTask();
  const lives = new Lives(task, 0, none);
  lives.openOrClose();
  const first = read({ bytes: lives.begin(beginning('created', 1)) });
  assert.is(first.kind, BigInt(lifeKinds.created));
  assert.is(task.serving, null, 'nobody needs to be told of the first');
  const again = new Lives(task, 0, lives.state());
  again.openOrClose();
  assert.is(task.serving, null, 'no life has begun yet');
  again.begin(beginning('forked', 2));
  assert.is(task.serving, again);
  const told = read(again.receive());
  assert.equal(
    [told.outcome, told.kind, told.count, told.monotonic, told.wall],
    [0n, BigInt(lifeKinds.forked), 2n, 7n, 9n],
  );
  assert.equal(told.id, new Array(16).fill(2));
  assert.is(task.serving, null, 'told once');
});

test('whatever dies and whoever asks when, a notice waits exactly while a life was not told of', () => {
  const step = fc.constantFrom('save', 'die', 'ask');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let saved = none;
      let lives = new Lives(fakeTask(), 0, saved);
      let count = 0;
      let told = 0;
      let savedModel = { count, told };
      const begin = (): void => {
        lives.begin(beginning(count === 0 ? 'created' : 'resumed', count));
        count += 1;
        if (count === 1) told = 1;
      };
      begin();
      for (const each of steps) {
        if (each === 'save') {
          saved = JSON.parse(JSON.stringify(lives.state()));
          savedModel = { count, told };
        } else if (each === 'die') {
          const task = fakeTask();
          lives = new Lives(task, 0, saved);
          ({ count, told } = savedModel);
          lives.openOrClose();
          assert.is(task.serving !== null, told < count, 'before the life begins the port is as it was');
          begin();
          assert.is(task.serving !== null, told < count);
        } else if (told < count) {
          assert.is(read(lives.receive()).count, BigInt(count));
          told = count;
        }
      }
    }),
  );
});

test.run();
