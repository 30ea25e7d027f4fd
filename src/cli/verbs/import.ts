/**
 * `perdure import FILE NEW`: an exported file becomes an image again, checked as a whole before its name appears.
 *
 * A file that is cut, flipped or not ours is refused with 65, and nothing is left behind.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { ExitCode, OperatorError } from '../errors.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { imageError, refuseExisting } from '../when.ts';
import { checkImage } from './check.ts';

export async function run(invocation: Invocation): Promise<number> {
  const [name, target] = invocation.operands as [string, string];
  const source = path.resolve(invocation.cwd, name);
  const file = path.resolve(invocation.cwd, target);
  refuseExisting(target, file);
  if (!fs.existsSync(source)) {
    throw new OperatorError(ExitCode.inputMissing, `${name}: there is no such file`, 'check the path');
  }
  const part = `${file}.import-${process.pid}`;
  try {
    await pipeline(
      fs.createReadStream(source),
      createZstdDecompress(),
      fs.createWriteStream(part, { flush: true }),
    ).catch((error: NodeJS.ErrnoException) => {
      if (error.code?.startsWith('ZSTD') !== true && error.code !== 'Z_BUF_ERROR') throw error;
      throw new OperatorError(
        ExitCode.damaged,
        `${name} is damaged, or no exported image: ${error.message}`,
        'export it again',
      );
    });
    const { lost, ...found } = checkImage(part, true);
    if (lost.length > 0) {
      throw new OperatorError(ExitCode.damaged, `${name} is damaged: ${lost.join('; ')}`, 'export it again');
    }
    fs.renameSync(part, file);
    if (invocation.json) invocation.stdout.write(jsonLine({ image: target, ...found }));
    else if (!invocation.quiet) {
      invocation.stdout.write(
        `${target} is generation ${found.generation}: ${found.pages} pages, ${found.objects} objects; perdure run ${target} goes on from there\n`,
      );
    }
    return ExitCode.done;
  } catch (error) {
    throw imageError({ name, file: part, when: null }, error);
  } finally {
    for (const suffix of ['', '-wal', '-shm']) fs.rmSync(part + suffix, { force: true });
  }
}
