/** `run --trace`: a trace that Chrome reads, which changes nothing; and the crash report of a machine that stopped itself. */
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entries } from '../../src/kernel/abi/entries.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

interface ChromeEvent {
  readonly ph: string;
  readonly name?: string;
  readonly cat?: string;
  readonly ts?: number;
  readonly pid: number;
  readonly tid: number;
  readonly id?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const args = ['run', '--clock', 'instructions', '--seed', '5', '--report', 'report.json'];

async function traced(name: string, cwd = scratchFolder()): Promise<ChromeEvent[]> {
  const outcome = await perdure([...args, '--trace', 'trace.json', 'image.db', program(name)], { cwd });
  assert.is(outcome.status, 0, outcome.stderr);
  return JSON.parse(fs.readFileSync(path.join(cwd, 'trace.json'), 'utf8')) as ChromeEvent[];
}

test('slices begin and end, arrows have both ends, times never go back on a track', async () => {
  const events = await traced('service');
  const depth = new Map<string, number>();
  const last = new Map<string, number>();
  const arrows = new Map<number, string>();
  let entered = 0;
  for (const event of events) {
    if (event.ph === 'M') continue;
    const track = `${event.pid}/${event.tid}`;
    assert.ok((event.ts ?? -1) >= (last.get(track) ?? 0), `time goes on at ${JSON.stringify(event)}`);
    last.set(track, event.ts ?? 0);
    if (event.ph === 'B') depth.set(track, (depth.get(track) ?? 0) + 1);
    if (event.ph === 'E') depth.set(track, (depth.get(track) ?? 0) - 1);
    assert.ok((depth.get(track) ?? 0) >= 0 && (depth.get(track) ?? 0) <= 1, `slices of ${track} nest`);
    if (event.ph === 's') arrows.set(event.id ?? -1, track);
    if (event.ph === 'f') {
      assert.ok(arrows.has(event.id ?? -1), 'an arrow begins before it ends');
      arrows.delete(event.id ?? -1);
    }
    if (event.cat === 'entry' && event.ph !== 'E') {
      assert.ok(event.name !== undefined && event.name in entries, `${event.name} is an entry`);
      entered += 1;
    }
  }
  assert.equal(
    [...depth.values()].filter((open) => open !== 0),
    [],
  );
  assert.is(arrows.size, 0);
  assert.ok(entered > 50, `${entered} entries`);
});

test('threads have names, and an arrow leads from the client of a reliable call to its server', async () => {
  const events = await traced('service');
  const names = events.filter((event) => event.ph === 'M' && event.name === 'thread_name');
  assert.ok(names.some((event) => String(event.args?.name).startsWith('service.elf, thread')));
  const connects = events.filter((event) => event.name === 'connect');
  const from = new Set(connects.filter((event) => event.ph === 's').map((event) => event.tid));
  const to = new Set(connects.filter((event) => event.ph === 'f').map((event) => event.tid));
  assert.is(from.size, 1);
  assert.is(to.size, 1);
  assert.not.equal([...from], [...to]);
});

test('who looks changes nothing: the same tick and image hash with and without a trace', async () => {
  const cwd = scratchFolder();
  await traced('pair', cwd);
  const withTrace = readReport(cwd);
  const other = scratchFolder();
  const outcome = await perdure([...args, 'image.db', program('pair')], { cwd: other });
  assert.is(outcome.status, 0, outcome.stderr);
  assert.is(readReport(other).tick, withTrace.tick);
  assert.is(readReport(other).imageHash, withTrace.imageHash);
});

test('a broken invariant stops the machine before the commit, and a report beside the image says what it was doing', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure([...args, 'image.db', program('counter'), '1000', '1'], {
    cwd,
    preload: './break-invariant.ts',
  });
  assert.is(outcome.status, 70, outcome.stderr);
  const file = fs.readdirSync(cwd).find((name) => name.startsWith('image.db.crash-'));
  assert.ok(file !== undefined, outcome.stderr);
  assert.ok(outcome.stderr.includes(file), 'the file is named');
  const report = JSON.parse(fs.readFileSync(path.join(cwd, file), 'utf8')) as {
    what: string;
    running: { call: string | null } | null;
    trace: Record<string, { event: string }[]>;
  };
  assert.match(report.what, /turn/);
  assert.ok((report.trace.entry?.length ?? 0) > 0 && (report.trace.schedule?.length ?? 0) > 0);
  // The last good checkpoint is what goes on.
  const again = await perdure(['run', '--clock', 'instructions', '--stop-at', '1', 'image.db'], { cwd });
  assert.is(again.status, 0, again.stderr);
});

test.run();
