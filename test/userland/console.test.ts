/** The console's border tasks: nothing leaves before it is durable, nothing enters but at demarcations. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { flavours } from '../../src/kernel/abi/entry.ts';
import { ConsoleInput, ConsoleOutput } from '../../src/userland/border/console.ts';
import type { Processor, Service } from '../../src/userland/task/task.ts';

const request = (text: string, answerLength = 8) => ({
  flavour: flavours.idempotent,
  alias: 1,
  bytes: new TextEncoder().encode(text),
  answerLength,
});

test('output leaves after the commit that covers it, in order, once', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), text: fc.string({ minLength: 1, maxLength: 9 }) }),
    fc.record({ kind: fc.constant('demarcate' as const) }),
    fc.record({ kind: fc.constant('commit' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let released = '';
      const output = new ConsoleOutput({ taken: 0 }, (run) => {
        assert.is(run.offset, Buffer.byteLength(released));
        released += new TextDecoder().decode(run.bytes);
      });
      let written = '';
      let covered = '';
      const coveredBy = [''];
      let committed = 0;
      for (const each of steps) {
        if (each.kind === 'write') {
          written += each.text;
          output.receive(request(each.text));
        } else if (each.kind === 'demarcate') {
          output.demarcate(coveredBy.length);
          covered = written;
          coveredBy.push(covered);
          assert.is(output.state().taken, Buffer.byteLength(covered));
        } else if (committed < coveredBy.length - 1) {
          committed++;
          output.release(committed);
        }
        assert.is(released, coveredBy[committed]);
      }
    }),
  );
});

test('a writer is told to wait when too much output is held', () => {
  const output = new ConsoleOutput({ taken: 0 }, () => undefined);
  const chunk = 'x'.repeat(4096);
  let count = 0;
  while (output.receive(request(chunk)) !== 'retry') assert.ok(++count < 100_000);
  output.demarcate(1);
  assert.is(output.receive(request(chunk)), 'retry');
  output.release(1);
  assert.is.not(output.receive(request(chunk)), 'retry');
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

test('the input port is open exactly while there are bytes or the end to give', () => {
  const task = fakeTask();
  const input = new ConsoleInput(task, 0, { taken: 0, unread: '', ended: false });
  input.openOrClose();
  assert.is(task.serving, null);
  input.enter(new TextEncoder().encode('abcdef'));
  assert.is(task.serving, input);
  const taken = input.receive(request('', 4));
  assert.equal(taken, { bytes: new TextEncoder().encode('abcd') });
  assert.is(task.serving, input);
  input.receive(request('', 4));
  assert.is(task.serving, null);
  input.enterEnd();
  assert.is(task.serving, input);
  assert.equal(input.receive(request('', 4)), { bytes: new Uint8Array(0) });
});

test('input that was not read is the same after its state was saved and loaded', () => {
  const input = new ConsoleInput(fakeTask(), 0, { taken: 0, unread: '', ended: false });
  input.enter(new Uint8Array([0, 255, 10, 13]));
  input.enterEnd();
  const again = new ConsoleInput(fakeTask(), 0, JSON.parse(JSON.stringify(input.state())));
  assert.equal(again.receive(request('', 100)), { bytes: new Uint8Array([0, 255, 10, 13]) });
  assert.is(again.isEnded, true);
  assert.is(again.state().taken, 4, 'bytes that ever came in');
});

test.run();
