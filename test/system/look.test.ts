/**
 * The verbs that look at an image say what the machine was: threads and their functions, memory by symbol, what changed,
 * what is kept, what the file consists of (I.05).
 */
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { databasePageFile, makeDatabasePage } from '../../scripts/database-page.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { bufferWriter } from '../../src/cli/output.ts';
import { drawGraph } from '../../src/cli/verbs/log.ts';
import { pastTables, queryFunctions, queryTables } from '../../src/persist/query/documentation.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program } from './perdure.ts';

type Row = Readonly<Record<string, unknown>>;

const cwd = scratchFolder();

async function words(...line: string[]): Promise<string> {
  const [stdout, stderr] = [bufferWriter(), bufferWriter()];
  const code = await dispatch(line, { stdout, stderr, env: {}, cwd });
  assert.is(code, 0, `perdure ${line.join(' ')}: ${stderr.text()}`);
  return stdout.text();
}

async function rows(verb: string, ...line: string[]): Promise<readonly Row[]> {
  return JSON.parse(await words(verb, '--json', ...line)) as readonly Row[];
}

test.before(async () => {
  // Its variable `served` counts requests: another value at nearly every generation.
  const { status, stderr } = await perdure(
    [
      'run',
      '--clock',
      'instructions',
      '--seed',
      '1',
      '--stop-at',
      '60000000',
      'image.db',
      program('service'),
      '100000',
    ],
    { cwd },
  );
  assert.is(status, 0, stderr);
});

test('ps and backtrace show each thread in its function', async () => {
  const threads = await rows('ps', 'image.db');
  assert.is(threads.length, 2);
  assert.ok(
    threads.every((row) => typeof row.function === 'string'),
    JSON.stringify(threads),
  );
  const frames = await rows('backtrace', 'image.db', String(threads[0]?.thread));
  assert.is(frames[0]?.function, threads[0]?.function, 'the innermost frame is where ps says');
  const names = frames.map((frame) => String(frame.function).replace(/\+.*/, ''));
  assert.ok(names.includes('main'), `main is among ${names.join(' ')}`);
});

test('memory, symbol() and the file of the program say the same bytes', async () => {
  const [symbol] = await rows('sql', 'image.db', "SELECT address, size FROM symbol WHERE name = 'main'");
  const dump = (await rows('memory', 'image.db', '1', 'main', '32')) as unknown as Row;
  const [{ elf } = {}] = await rows('sql', 'image.db', 'SELECT elf FROM program');
  assert.is(dump.address, symbol?.address);
  assert.ok(String(elf).includes(String(dump.bytes)), 'the code in memory is the code in the file');
  const [read] = await rows('sql', 'image.db', "SELECT hex(memory(symbol_address('main'), 32)) AS bytes");
  assert.is(String(read?.bytes).toLowerCase(), dump.bytes);
});

test('what a counter was at each kept generation only ever grows, and diff names it', async () => {
  const log = await rows('log', '-n', '6', 'image.db');
  assert.is(log.length, 6);
  const served: number[] = [];
  for (const { generation } of log) {
    const [row] = await rows('sql', `image.db@${generation}`, "SELECT symbol('served') AS served");
    const [same] = await rows(
      'sql',
      'image.db',
      `SELECT symbol('served', NULL, NULL, ${generation}) AS served`,
    );
    assert.equal(row, same, 'AS OF and WHEN are the same');
    served.push(Number(row?.served));
  }
  assert.equal(
    served,
    served.toSorted((a, b) => b - a),
    'newest first',
  );
  assert.ok((served[0] as number) > (served.at(-1) as number));
  const oldest = String(log.at(-1)?.generation);
  const difference = JSON.parse(await words('diff', '--json', `image.db@${oldest}`, 'image.db')) as Record<
    string,
    Row[]
  >;
  assert.ok(
    difference.pages?.some((page) => page.symbol === 'served'),
    JSON.stringify(difference.pages),
  );
  assert.ok(difference.objects?.every((object) => object.change === 'changed' && object.type === 'thread'));
  const [thread] = difference.objects ?? [];
  const retired = (text: unknown): number => Number((JSON.parse(String(text)) as Row).retired);
  assert.ok(retired(thread?.after) > retired(thread?.before));
});

test('stat accounts for every byte of the file', async () => {
  const found = JSON.parse(await words('stat', '--json', 'image.db')) as { use: { bytes: number }[] };
  const total = found.use.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.is(total, fs.statSync(path.join(cwd, 'image.db')).size);
});

test('show tells what a generation changed and what came in with it', async () => {
  const found = JSON.parse(await words('show', '--json', 'image.db@1')) as { journal: Row[] };
  assert.ok(
    found.journal.some((row) => row.kind === 'life'),
    'the first generation begins the life',
  );
  assert.match(
    await words('show', 'image.db@HEAD~1'),
    /^generation \d+\n[\s\S]*pages that changed since generation/,
  );
});

test('every function and table of perdure sql is documented with an example that works', async () => {
  for (const { name, example } of [...queryFunctions, ...queryTables, pastTables]) {
    const found = await rows('sql', 'image.db', example);
    assert.ok(found.length > 0, `${name}: ${example}`);
  }
  const registered = await rows('sql', 'image.db', 'SELECT DISTINCT name FROM pragma_function_list');
  const names = new Set(registered.map((row) => row.name));
  for (const { name } of queryFunctions) assert.ok(names.has(name), name);
  const source = fs.readFileSync(new URL('../../src/persist/query/functions.ts', import.meta.url), 'utf8');
  const defined = [...source.matchAll(/define\('(\w+)'/g)].map(([, name]) => name);
  const documented = queryFunctions.map(({ name }) => name);
  assert.equal(
    defined.filter((name) => !documented.includes(name as string)),
    [],
  );
});

test('the page of the database is made from store/*.sql as they are now', () => {
  assert.is(fs.readFileSync(databasePageFile, 'utf8'), makeDatabasePage(), 'npm run docs makes it anew');
});

test('the graph shows where a restore began another line', () => {
  const entry = (generation: number, parent: number) => ({
    generation: BigInt(generation),
    parent: BigInt(parent),
  });
  assert.equal(drawGraph([entry(4, 3), entry(3, 2), entry(2, 1), entry(1, 0)]), ['* ', '* ', '* ', '* ']);
  // 5 was restored from 2; 3 and 4 are the old line.
  const drawn = drawGraph([entry(6, 5), entry(5, 2), entry(4, 3), entry(3, 2), entry(2, 1), entry(1, 0)]);
  assert.equal(drawn, ['* ', '* ', '| * ', '| * ', '* ', '* ']);
});

test.run();
