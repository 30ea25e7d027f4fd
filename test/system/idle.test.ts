/** K.12: an idle machine uses no processor time worth speaking of and writes nothing. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchFolder } from '../tools/scratch.ts';
import { program } from './perdure.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Processor time of a process and its threads, milliseconds (proc(5): fields 14 and 15 of stat, 100 a second). */
function processorMs(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Bytes the process has caused to be written (proc(5): io). */
function writtenBytes(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

const isLinux = process.platform === 'linux';
const onLinux = isLinux ? test : test.skip;
if (!isLinux)
  console.log('SKIPPED (needs /proc): an idle machine uses under 2 % of a core and writes nothing');

onLinux('an idle machine uses under 2 % of a core and writes nothing', async () => {
  const cwd = scratchFolder();
  const child = spawn(process.execPath, [main, 'run', 'image.db', program('echo')], { cwd });
  try {
    const pid = child.pid as number;
    child.stdin.write('hello\n');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    // What is owed is written soon after: the last checkpoint, the fold, the log.
    await wait(8_000);
    const sizes = (): string =>
      fs
        .readdirSync(cwd)
        .sort()
        .map(
          (file) =>
            `${file} ${fs.statSync(path.join(cwd, file)).size} ${fs.statSync(path.join(cwd, file)).mtimeMs}`,
        )
        .join('\n');
    const before = { ms: processorMs(pid), bytes: writtenBytes(pid), files: sizes() };
    const measuredMs = 5_000;
    await wait(measuredMs);
    const used = (processorMs(pid) - before.ms) / measuredMs;
    console.log(
      `idle: ${(used * 100).toFixed(2)} % of a core, ${writtenBytes(pid) - before.bytes} bytes written`,
    );
    assert.ok(used < 0.02, `${(used * 100).toFixed(1)} % of a core`);
    assert.is(sizes(), before.files);
    assert.ok(writtenBytes(pid) - before.bytes < 4096, 'only wake-ups between threads, no file');
  } finally {
    child.kill('SIGKILL');
  }
});

test.run();
