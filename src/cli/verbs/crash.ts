/**
 * `perdure crash`: the transcript test on any program, or on all that Perdure has for it. Kills with SIGKILL at random
 * moments and at labelled points, resumes each time, and compares what was written with an undisturbed run.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isGood } from '../crash/campaign.ts';
import { campaigns } from '../crash/campaigns.ts';
import { partOf, readParts, writeParts } from '../crash/report.ts';
import { type Subject, subjects } from '../crash/subjects.ts';
import { ExitCode, usageError } from '../errors.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';

/** The programs that are meant: the operand, those named, or the first. Throws OperatorError. */
function chosen({ operands, options, cwd }: Invocation): readonly Subject[] {
  const [program, ...args] = operands;
  const named = options.programs as string | undefined;
  if (program !== undefined && named !== undefined)
    throw usageError('--programs stands instead of PROGRAM.elf', 'give one of them');
  if (program !== undefined) {
    const file = path.resolve(cwd, program);
    return [{ name: path.basename(file), program: file, arguments: args, ram: '16M', inputLines: 0 }];
  }
  if (named === undefined) return subjects.slice(0, 1);
  if (named === 'all') return subjects;
  return named.split(',').map((name) => {
    const found = subjects.find((subject) => subject.name === name);
    if (found !== undefined) return found;
    const names = subjects.map((subject) => subject.name).join(', ');
    throw usageError(`--programs ${named}: there is no ${name}`, `choose from ${names}, or all`);
  });
}

export async function run(invocation: Invocation): Promise<number> {
  const { options } = invocation;
  const seed = options.seed as number;
  const kills = options.kills as number;
  const list = chosen(invocation);
  const report = options.report === undefined ? null : path.resolve(invocation.cwd, options.report as string);
  const before = report === null ? [] : readParts(report);
  if (before.some((part) => part.seed === seed))
    throw usageError(`${report} has the campaign of seed ${seed} already`, 'take another --seed');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-crash-'));
  const main = fileURLToPath(new URL(`../main${path.extname(import.meta.url)}`, import.meta.url));
  const results = await campaigns({
    command: [process.execPath, main],
    subjects: list,
    kills,
    seed,
    jobs: options.jobs as number,
    folder,
    progress: (line) => {
      if (!invocation.quiet) invocation.stderr.write(`perdure: ${line}\n`);
    },
    grown: (sofar) => {
      if (report !== null) writeParts(report, [...before, partOf(seed, kills, sofar)]);
    },
  });
  const part = partOf(seed, kills, results);
  const good = [...results.values()].every(isGood);
  if (good) fs.rmSync(folder, { recursive: true, force: true });
  if (invocation.json) invocation.stdout.write(jsonLine({ identical: good, ...part }));
  else {
    const { running = 0, demarcation = 0, commit = 0, recovery = 0 } = part.byPhase;
    invocation.stdout.write(
      `${part.kills} kills of ${results.size} programs (${running} running, ${demarcation} in demarcation, ${commit} in ` +
        `commit, ${recovery} in recovery), ${part.runs} runs compared: ${good ? 'nothing lost' : 'DIFFERENT'}\n`,
    );
    for (const failure of part.failures) invocation.stdout.write(`  ${failure}\n`);
  }
  if (!good) {
    invocation.stderr.write(
      `perdure: the files are kept in ${folder}; repeat with --kills ${kills} --seed ${seed}\n`,
    );
  }
  return good ? ExitCode.done : ExitCode.foundWrong;
}
