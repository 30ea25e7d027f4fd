/**
 * `perdure kill`: a real SIGKILL for the process that runs an image, to see for oneself that nothing is lost.
 *
 * Kills only the process that holds the image's ownership lock now; never a process that merely has an old number.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ownerOf } from '../../persist/store/owner.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';

export function run(invocation: Invocation): Promise<number> {
  const name = invocation.operands[0] as string;
  const image = path.resolve(invocation.cwd, name);
  if (!fs.existsSync(image)) {
    throw new OperatorError(ExitCode.inputMissing, `${name}: there is no such image`, 'check the path');
  }
  const pid = ownerOf(image);
  if (pid === null) {
    throw new OperatorError(ExitCode.foundWrong, `${name}: no machine runs it`, `perdure run ${name}`);
  }
  process.kill(pid, 'SIGKILL');
  if (invocation.json) invocation.stdout.write(jsonLine({ image, pid, signal: 'SIGKILL' }));
  else if (!invocation.quiet) invocation.stdout.write(`killed ${pid}; perdure run ${name} goes on\n`);
  return Promise.resolve(ExitCode.done);
}
