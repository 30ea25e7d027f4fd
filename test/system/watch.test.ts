/**
 * I.05, I.07: `perdure sql` from standard input, as CSV, at a prompt, and again after every commit of a running machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { toCsv } from '../../src/cli/sql/csv.ts';
import { complete } from '../../src/cli/sql/prompt.ts';
import { splitStatements } from '../../src/cli/sql/statements.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program } from './perdure.ts';

test('statements end at semicolons that are not quoted or commented, and the last may lack its own', () => {
  const text = `SELECT ';' AS "a;b"; -- one; two\n/* three; */ SELECT [x;y] FROM t;\nSELECT 'it''s; so'`;
  const { statements, rest } = splitStatements(text);
  assert.equal(statements, [`SELECT ';' AS "a;b"`, '-- one; two\n/* three; */ SELECT [x;y] FROM t']);
  assert.is(rest.trim(), "SELECT 'it''s; so'");
  assert.equal(splitStatements(' ;; -- nothing\n'), { statements: [], rest: '' });
});

test('CSV quotes what must be quoted', () => {
  const answer = {
    columns: ['a', 'b'],
    rows: [
      [1n, 'x,"y"\n'],
      [null, Buffer.from([1, 255])],
    ],
  };
  assert.is(toCsv(answer), 'a,b\r\n1,"x,""y""\n"\r\n,01ff\r\n');
});

test('the prompt completes the word before the cursor', () => {
  assert.equal(complete('SELECT * FROM thr', ['thread', 'three', 'page']), [['thread', 'three'], 'thr']);
  assert.equal(complete('SELECT ', ['thread']), [[], '']);
});

test('sql answers what stands on standard input, and a watch shows the last commit of a machine', async () => {
  const cwd = scratchFolder();
  const words = ['run', '--clock', 'instructions', '--seed', '1', '--out', 'o', '--stop-at'];
  const first = await perdure([...words, '30000000', 'image.db', program('service'), '100000'], { cwd });
  assert.is(first.status, 0, first.stderr);
  const asked = await perdure(['sql', '--csv', 'image.db'], {
    cwd,
    input: 'SELECT 1 AS a; SELECT count(*) AS b FROM thread',
  });
  assert.is(asked.stdout, 'a\r\n1\r\nb\r\n2\r\n', asked.stderr);

  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const watch = spawn(
    process.execPath,
    [main, 'sql', '--watch', '--json', 'image.db', 'SELECT generation FROM head'],
    { cwd },
  );
  let seen = '';
  watch.stdout.on('data', (chunk) => {
    seen += String(chunk);
  });
  const generations = (): number[] =>
    seen
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { generation: number }[])[0]?.generation ?? 0);
  const until = async (done: () => boolean, what: string): Promise<void> => {
    for (const end = Date.now() + 20_000; !done(); ) {
      assert.ok(Date.now() < end, `${what}: ${seen}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await until(() => generations().length > 0, 'the first answer');
  const second = await perdure([...words, '90000000', 'image.db'], { cwd });
  assert.is(second.status, 0, second.stderr);
  const last = await perdure(['sql', '--csv', 'image.db', 'SELECT generation FROM head'], { cwd });
  const newest = Number(last.stdout.split('\r\n')[1]);
  await until(() => generations().at(-1) === newest, `the last commit is ${newest}`);
  assert.ok(generations().length > 1, 'it was asked again');
  const exit = once(watch, 'exit');
  watch.kill('SIGINT');
  const [status] = await exit;
  assert.is(status, 0, 'Ctrl-C leaves');
});

test.run();
