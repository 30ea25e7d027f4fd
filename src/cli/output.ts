/**
 * Where results and words go.
 *
 * Invariants: results on stdout, words on stderr; no colour unless it is a terminal and NO_COLOR is unset or empty.
 * Writers are made by main.ts for the process and by tests for a buffer; verbs never touch `process.stdout`.
 */

/** A place to write to. Writing is synchronous on files, pipes and terminals of Linux. */
export interface Writer {
  write(content: string | Uint8Array): void;
  readonly isTerminal: boolean;
  /** True when escape sequences for colour are welcome. */
  readonly hasColour: boolean;
}

interface Stream {
  write(content: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
}

/** A writer on a stream of the process. */
export function streamWriter(stream: Stream, env: Readonly<Record<string, string | undefined>>): Writer {
  const isTerminal = stream.isTTY === true;
  const refused = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  return {
    write(content) {
      stream.write(content);
    },
    isTerminal,
    hasColour: isTerminal && !refused,
  };
}

/** A writer that keeps what was written, for tests and for verbs that look at their own output. */
export function bufferWriter(): Writer & { text(): string } {
  const chunks: Uint8Array[] = [];
  return {
    write(content) {
      chunks.push(typeof content === 'string' ? new TextEncoder().encode(content) : content.slice());
    },
    isTerminal: false,
    hasColour: false,
    text() {
      const decoder = new TextDecoder();
      return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
    },
  };
}

/** One line of JSON. bigints below 2^53 become numbers, others decimal strings, bytes hexadecimal strings. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value, plain)}\n`;
}

function plain(this: Readonly<Record<string, unknown>>, key: string, item: unknown): unknown {
  // A Buffer has become something else by its own toJSON when it comes here.
  const own = this[key];
  if (own instanceof Uint8Array)
    return Buffer.from(own.buffer, own.byteOffset, own.byteLength).toString('hex');
  if (typeof item === 'bigint') return Number.isSafeInteger(Number(item)) ? Number(item) : String(item);
  return item;
}

/** `text` in bold where that is welcome. */
export function bold(writer: Writer, text: string): string {
  return writer.hasColour ? `\u001b[1m${text}\u001b[0m` : text;
}
