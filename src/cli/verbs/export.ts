/**
 * `perdure export IMAGE[@WHEN] FILE`: one generation as one compressed file with a checksum, to keep or to send.
 *
 * The file is a Zstandard frame with its content's checksum (RFC 8878) around an SQLite file, so `zstd -d` opens it too. Beside a
 * running machine the snapshot is held no longer than a fork holds it. The file is whole when its name appears.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { ExitCode } from '../errors.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { imageError, parseImageAt, refuseExisting } from '../when.ts';
import { forkAt } from './fork.ts';

export async function run(invocation: Invocation): Promise<number> {
  const [operand, target] = invocation.operands as [string, string];
  const image = parseImageAt(operand, invocation.cwd);
  const file = path.resolve(invocation.cwd, target);
  refuseExisting(target, file);
  const bare = `${file}.export-${process.pid}`;
  const packed = `${bare}.part`;
  try {
    const made = forkAt(image, bare);
    const { ZSTD_c_checksumFlag: checksum } = constants;
    await pipeline(
      fs.createReadStream(bare),
      createZstdCompress({ params: { [checksum]: 1 } }),
      fs.createWriteStream(packed, { flush: true }),
    );
    const { size } = fs.statSync(packed);
    fs.renameSync(packed, file);
    if (invocation.json) invocation.stdout.write(jsonLine({ file: target, bytes: size, ...made }));
    else if (!invocation.quiet) {
      invocation.stdout.write(
        `${target} has generation ${made.generation} of ${image.name} in ${size} bytes; perdure import ${target} NEW\n`,
      );
    }
    return ExitCode.done;
  } catch (error) {
    throw imageError(image, error);
  } finally {
    fs.rmSync(bare, { force: true });
    fs.rmSync(packed, { force: true });
  }
}
