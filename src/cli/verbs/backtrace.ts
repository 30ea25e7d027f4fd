/**
 * `perdure backtrace`: the functions a thread is in. The first is certain (pc); ra may be of a call that returned; what follows is read off its stack:
 * every word that is the address behind a call in the program's code, so functions that have returned may be among them. They are marked.
 *
 * A guest program keeps no frame pointers unless it was compiled with them; -fno-omit-frame-pointer is not required.
 */
import type { Moment } from '../../persist/query/moment.ts';
import { programAt } from '../../persist/query/symbols.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import { hex, look, parseNumber } from '../look.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';

/** Bytes of stack that are looked at, and frames that are shown. */
const STACK_BYTES_MAX = 64 * 1024;
const FRAMES_MAX = 64;

interface Frame {
  readonly address: number;
  readonly function: string | null;
  /** Where it was found. `stack`: perhaps a call that has returned. */
  readonly from: 'pc' | 'ra' | 'stack';
}

export function run(invocation: Invocation): Promise<number> {
  const [image, threadText] = invocation.operands as [string, string];
  const thread = parseNumber('THREAD', threadText);
  const frames = look(invocation, image, (moment, name) => {
    const row = moment.rows.prepare('SELECT pc, ra, sp, space FROM thread WHERE address = ?').get(thread) as
      | { pc: number; ra: number; sp: number; space: number | null }
      | undefined;
    if (row === undefined) {
      throw new OperatorError(
        ExitCode.foundWrong,
        `${name}: there is no thread ${threadText} in generation ${moment.generation}`,
        `perdure ps ${image}`,
      );
    }
    return framesOf(moment, programAt(thread), row);
  });
  if (invocation.json) invocation.stdout.write(jsonLine(frames));
  else {
    for (const { address, function: name, from } of frames) {
      const mark = from === 'stack' ? '?' : ' ';
      invocation.stdout.write(`${mark} ${hex(address)} ${name ?? ''}`.trimEnd().concat('\n'));
    }
  }
  return Promise.resolve(ExitCode.done);
}

function framesOf(
  moment: Moment,
  program: number,
  { pc, ra, sp, space }: { pc: number; ra: number; sp: number; space: number | null },
): Frame[] {
  const describe = (address: number): string | null => moment.symbols.describe(program, address);
  const frames: Frame[] = [{ address: pc, function: describe(pc), from: 'pc' }];
  const isReturn = (address: number): boolean =>
    space !== null &&
    moment.symbols.at(program, address - 1)?.kind === 'function' &&
    isBehindCall(moment, space, address);
  if (isReturn(ra)) frames.push({ address: ra, function: describe(ra), from: 'ra' });
  if (space === null) return frames;
  for (let at = sp; at < sp + STACK_BYTES_MAX && frames.length < FRAMES_MAX; at += 8) {
    const word = moment.memory(space, at, 8);
    if (word === null) break;
    const address = Number(word.readBigUInt64LE());
    if (address !== frames.at(-1)?.address && Number.isSafeInteger(address) && isReturn(address))
      frames.push({ address, function: describe(address), from: 'stack' });
  }
  return frames;
}

/** True when the instruction before the address calls: jal or jalr with ra, in 4 or 2 bytes (RISC-V unprivileged manual, 2.5 and C). */
function isBehindCall(moment: Moment, space: number, address: number): boolean {
  const bytes = moment.memory(space, address - 4, 4);
  if (bytes === null || address % 2 !== 0) return false;
  const word = bytes.readUInt32LE();
  const opcode = word & 0x7f;
  const rd = (word >>> 7) & 31;
  if ((opcode === 0x6f || opcode === 0x67) && rd === 1) return true;
  const half = bytes.readUInt16LE(2);
  return (half & 0xf07f) === 0x9002 && (half & 0xf80) !== 0;
}
