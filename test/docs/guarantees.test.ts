import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { verbTable } from '../../src/cli/verbs.ts';
import { project } from '../tools/arrows.ts';
import { readText } from '../tools/tidy.ts';
import { checkGuarantees, type Evidence, readRows } from './guarantees.ts';

/** How many demands each part of the project has: K is the keel, M the machine, N the kernel. Later ones are added with their rows. */
const demandCounts = { K: 19, M: 18, N: 23 } as const;
const demands = Object.entries(demandCounts).flatMap(([part, count]) =>
  Array.from({ length: count }, (_, i) => `${part}.${String(i + 1).padStart(2, '0')}`),
);
const text = readFileSync(join(project, 'docs/guarantees.md'), 'utf8');
const evidence: Evidence = {
  scripts: Object.keys(JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).scripts),
  verbs: verbTable.map((row) => row.name),
  exists: (path) => existsSync(join(project, path)),
  read: (path) => readText(project, path),
};

test('every demand has its row, and every row names evidence that exists', () => {
  assert.equal(checkGuarantees(text, demands, evidence), []);
  assert.ok(readRows(text).length >= demands.length);
  for (const id of ['K.01', 'K.19', 'M.01', 'M.18', 'N.23'])
    assert.ok(demands.includes(id), `${id} is demanded`);
});

/** A small world to plant mistakes in. */
const world: Evidence = {
  scripts: ['check'],
  verbs: ['run'],
  exists: (path) => path === '.ci/run',
  read: (path) => (path === 'test/a.test.ts' ? "test('a sum is right', () => {});" : null),
};
const row = (shownBy: string, figure = '3 of 3', when = '2026-01-02') =>
  `| K.01 | it holds | ${shownBy} | ${figure} | ${when} |`;

for (const shownBy of [
  '`test/a.test.ts`',
  '`test/a.test.ts: "a sum is right"`',
  '`npm run check`; `npm run -s check -- --json`; `test/a.test.ts`',
  '`perdure run x.db`; `.ci/run`',
]) {
  test(`a row shown by ${shownBy} is fine`, () =>
    assert.equal(checkGuarantees(row(shownBy), ['K.01'], world), []));
}

for (const [what, table] of [
  ['a missing row', row('`npm run check`').replace('K.01', 'K.02')],
  ['a row twice', `${row('`npm run check`')}\n${row('`npm run check`')}`],
  ['a test file that is not there', row('`test/b.test.ts`')],
  ['a test name that is not there', row('`test/a.test.ts: "a sum is wrong"`')],
  ['an npm script that is not there', row('`npm run nothing`')],
  ['a verb that is not there', row('`perdure fly`')],
  ['one wrong entry among right ones', row('`test/a.test.ts`; `npm run nothing`')],
  ['mere words as evidence', row('we looked at it')],
  ['no evidence at all', row('')],
  ['an open row with a figure', row('open')],
  ['a figure without a day', row('`npm run check`', '3 of 3', '')],
  ['evidence without a figure', row('`npm run check`', '', '')],
  ['a row that guarantees nothing', row('`npm run check`').replace('it holds', '')],
] as const) {
  test(`${what} is found`, () => assert.ok(checkGuarantees(table, ['K.01'], world).length > 0));
}

test('an open row, and evidence whose figure is still open, are fine', () => {
  assert.equal(checkGuarantees(row('open', '', ''), ['K.01'], world), []);
  assert.equal(checkGuarantees(row('`npm run check`', 'open', ''), ['K.01'], world), []);
});

test.run();
