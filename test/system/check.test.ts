/**
 * P.11: the check runs before every commit, over what the commit saves and over a bounded part of everything else; when it
 * fails nothing is committed, a report lies beside the image, the exit code says so, and the checkpoint before is there.
 */
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport } from './perdure.ts';

const run = ['run', '--clock', 'instructions', '--interval', '1', '--report', 'report.json'];

for (const [kind, name] of [
  ['collected', 'wordsAreLegal'],
  ['quiet', 'mappingIsAligned'],
] as const) {
  test(`what is broken (${kind}) stops the machine before a commit; the checkpoint before goes on`, async () => {
    const cwd = scratchFolder();
    const outcome = await perdure([...run, 'image.db', program('counter'), '100000', '1'], {
      cwd,
      preload: './break-invariant.ts',
      env: { PERDURE_BREAK: kind },
    });
    assert.is(outcome.status, 70, outcome.stderr);
    const file = fs.readdirSync(cwd).find((found) => found.startsWith('image.db.crash-'));
    assert.ok(file !== undefined && outcome.stderr.includes(file), outcome.stderr);
    const report = JSON.parse(fs.readFileSync(path.join(cwd, file ?? ''), 'utf8')) as {
      what: string;
      generation: number;
      published: number;
    };
    assert.ok(report.what.includes(`(${name}`), report.what);
    assert.ok(report.published >= 3, 'some checkpoints came before');
    const again = await perdure([...run, '--stop-at', '1', 'image.db'], { cwd });
    assert.is(again.status, 0, again.stderr);
    const [, generation] = /goes on at generation (\d+)/.exec(again.stderr) ?? [];
    // What was published before the machine stopped may have been committed while it was going down; nothing after it.
    const [went, { generation: committed, published }] = [Number(generation), report];
    assert.ok(committed <= went && went <= published, `${went} of ${committed} to ${published}`);
  });
}

test('everything is looked at again and again, a part at each checkpoint', async () => {
  const cwd = scratchFolder();
  const outcome = await perdure([...run, 'image.db', program('counter'), '300', '1'], { cwd });
  assert.is(outcome.status, 0, outcome.stderr);
  const { checkpoints, checkPasses } = readReport(cwd);
  assert.ok(checkPasses >= 1 && checkPasses < checkpoints, `${checkPasses} of ${checkpoints}`);
});

test.run();
