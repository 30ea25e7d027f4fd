/**
 * Programs that live by what the kernel keeps for them, killed again and again: handlers in the middle of being entered
 * and left, and a pager in a space of its own with a child below it. The transcript test is beside this.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { campaign } from '../../src/cli/crash/campaign.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { buildProgram } from '../userland/build.ts';
import { program } from './perdure.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const compiled = testNeeding(test, 'riscv64-unknown-elf-gcc');

async function endsAsUndisturbed(elf: string, args: readonly string[], seed: number): Promise<void> {
  const kills = 2;
  const result = await campaign({
    command: [process.execPath, main],
    program: elf,
    arguments: args,
    kills,
    seed: Number(process.env.PERDURE_SEED ?? seed),
    folder: scratchFolder(),
    progress: () => undefined,
  });
  assert.equal(result.failures, []);
  assert.is(result.identical, true);
  assert.is(result.kills, kills);
}

test('a program that handles its own exceptions and interrupts ends as undisturbed after 2 kills', async () => {
  await endsAsUndisturbed(program('survivor'), ['300'], 7);
});

compiled('a demand pager and the child that it serves end as undisturbed after 2 kills', async () => {
  await endsAsUndisturbed(buildProgram('demand.c'), [], 8);
});

compiled('a stride scheduler in C and its children share alike over 2 kills', async () => {
  await endsAsUndisturbed(buildProgram('stride.c'), ['3000'], 9);
});

test.run();
