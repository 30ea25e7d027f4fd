/**
 * P.14: a checkpointer inside a checkpointed machine. The outer machine is killed again and again, the inner one destroys
 * and brings back its child all the time; the output of both lives is that of one that nobody disturbed.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { campaign } from '../../src/cli/crash/campaign.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { program } from './perdure.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

test('a nested checkpointer, its child and the machine around them end as undisturbed after 2 kills', async () => {
  const kills = 2;
  const result = await campaign({
    command: [process.execPath, main],
    program: program('checkpointer'),
    arguments: ['100', '2', '24', '16', '4', '300'],
    kills,
    seed: Number(process.env.PERDURE_SEED ?? 14),
    folder: scratchFolder(),
    progress: () => undefined,
  });
  assert.equal(result.failures, []);
  assert.is(result.identical, true);
  assert.is(result.kills, kills);
});

test.run();
