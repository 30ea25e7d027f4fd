/**
 * `perdure crash`: the transcript test on any program. Kills it with SIGKILL at random moments and at labelled points,
 * resumes it each time, and compares what it wrote with an undisturbed run.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { campaign } from '../crash/campaign.ts';
import { ExitCode } from '../errors.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verbs.ts';

/** The program that exercises threads, IPC and sleeps, and its length in lines. */
const defaultProgram = fileURLToPath(new URL('../../userland/programs/transcript.elf', import.meta.url));
const defaultArguments = ['2000'];

export async function run(invocation: Invocation): Promise<number> {
  const [program, ...args] = invocation.operands;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-crash-'));
  const main = fileURLToPath(new URL(`../main${path.extname(import.meta.url)}`, import.meta.url));
  const seed = invocation.options.seed as number;
  const kills = invocation.options.kills as number;
  const result = await campaign({
    command: [process.execPath, main],
    program: program === undefined ? defaultProgram : path.resolve(invocation.cwd, program),
    arguments: program === undefined ? defaultArguments : args,
    kills,
    seed,
    folder,
    progress: (line) => {
      if (!invocation.quiet) invocation.stderr.write(`perdure: ${line}\n`);
    },
  });
  const good = result.identical && result.damagedImages === 0;
  if (good) fs.rmSync(folder, { recursive: true, force: true });
  if (invocation.json) invocation.stdout.write(jsonLine({ ...result, seed }));
  else {
    const { running, demarcation, commit, recovery } = result.byPhase;
    invocation.stdout.write(
      `${result.kills} kills (${running} running, ${demarcation} in demarcation, ${commit} in commit, ` +
        `${recovery} in recovery), ${result.rounds} runs compared: ${good ? 'nothing lost' : 'DIFFERENT'}\n`,
    );
    for (const failure of result.failures) invocation.stdout.write(`  ${failure}\n`);
  }
  if (!good) {
    invocation.stderr.write(
      `perdure: the files are kept in ${folder}; repeat with --kills ${kills} --seed ${seed}\n`,
    );
  }
  return good ? ExitCode.done : ExitCode.foundWrong;
}
