/**
 * `perdure memory`: bytes of an address space, sixteen a line, in hexadecimal and as text.
 *
 * SPACE is the number of a program or the address of a space object; ADDRESS a number, a symbol, or symbol+offset.
 */

import type { Moment } from '../../persist/query/moment.ts';
import { spaceOfProgram } from '../../persist/query/symbols.ts';
import { ExitCode, OperatorError, usageError } from '../errors.ts';
import { hex, look, parseNumber } from '../look.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';

const LENGTH_MAX = 1 << 24;
const LINE_BYTES = 16;
/** Programs are numbered from 1 on; the address of a space is far above. */
const PROGRAMS_MAX = 4096;

export function run(invocation: Invocation): Promise<number> {
  const [image, spaceText, addressText, lengthText] = invocation.operands as [string, string, string, string];
  const length = parseNumber('LENGTH', lengthText);
  if (length < 1 || length > LENGTH_MAX) {
    throw usageError(`LENGTH ${lengthText} is out of range, 1 to ${LENGTH_MAX} is possible`, 'ask in parts');
  }
  const { space, address, bytes } = look(invocation, image, (moment, name) => {
    const number = parseNumber('SPACE', spaceText);
    const where = number < PROGRAMS_MAX ? spaceOfProgram(number) : number;
    if (
      moment.rows.prepare("SELECT 1 FROM object WHERE address = ? AND type = 'space'").get(where) ===
      undefined
    ) {
      throw new OperatorError(
        ExitCode.foundWrong,
        `${name}: there is no space ${spaceText} in generation ${moment.generation}`,
        `perdure sql ${image} "SELECT printf('0x%x', address) AS space, program FROM space"`,
      );
    }
    const start = addressOf(moment, addressText);
    const found = moment.memory(where, start, length);
    if (found !== null) return { space: where, address: start, bytes: found };
    throw new OperatorError(
      ExitCode.foundWrong,
      `${name}: not all of ${hex(start)} to ${hex(start + length - 1)} is mapped in that space`,
      `perdure sql ${image} "SELECT * FROM memory_map"`,
    );
  });
  if (invocation.json) invocation.stdout.write(jsonLine({ space, address, bytes }));
  else
    for (let at = 0; at < length; at += LINE_BYTES)
      invocation.stdout.write(line(address + at, bytes.subarray(at, at + LINE_BYTES)));
  return Promise.resolve(ExitCode.done);
}

function addressOf(moment: Moment, text: string): number {
  const [, name, offset] = /^([A-Za-z_][\w.$]*)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(text) ?? [];
  if (name === undefined) return parseNumber('ADDRESS', text);
  const symbol = moment.symbols.named(name);
  if (symbol !== null) return symbol.address + Number(offset ?? 0);
  throw new OperatorError(
    ExitCode.foundWrong,
    `there is no symbol '${name}'`,
    'the table `symbol` has all of them',
  );
}

function line(address: number, bytes: Buffer): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  const shown = [...bytes]
    .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
    .join('');
  return `${address.toString(16).padStart(10, '0')}  ${digits.join(' ').padEnd(3 * LINE_BYTES)} ${shown}\n`;
}
