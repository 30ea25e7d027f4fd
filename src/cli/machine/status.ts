/**
 * The status line: one line on a terminal, drawn again in place, that never disturbs what a program writes.
 *
 * ```
 *   hidden --draw, and the cursor stands at the start of a line--> shown
 *   shown  --clear, output, words, the machine has nothing to do--> hidden
 * ```
 * Invariants: what is shown is erased before anything else is written to the terminal; nothing is drawn behind an
 * unfinished line of output; the cursor is left at the start of the line, so that a killed machine leaves a line that the
 * next words cover. Made by `perdure run`; output and words go through it.
 */
import type { Writer } from '../output.ts';

const ERASE = '\r\x1b[K';
const DIM = '\x1b[2m';
const PLAIN = '\x1b[0m';
const NEWLINE = 0x0a;

export interface Status {
  /** Shows the text, cut to the terminal's width; null hides the line. */
  draw(text: string | null): void;
  /** Makes a write of these bytes of output, which go to the same terminal. */
  around(write: () => void, bytes: Uint8Array): void;
  /** Makes a write of whole lines of words. */
  words(write: () => void): void;
}

/** No status line: writes are made as they are. */
export const noStatus: Status = {
  draw: () => undefined,
  around: (write) => write(),
  words: (write) => write(),
};

/** `columns` asks for the terminal's width, 0 when it is not known. */
export function openStatus(terminal: Writer, columns: () => number): Status {
  let shown = '';
  // Output that has not finished its line stands there.
  let isLineBegun = false;
  const hide = (): void => {
    if (shown !== '') terminal.write(ERASE);
    shown = '';
  };
  return {
    draw(text) {
      // The last column stays free: a terminal may go to the next line behind it.
      const cut = (text ?? '').slice(0, Math.max(0, columns() - 1));
      if (cut === '' || isLineBegun) {
        hide();
        return;
      }
      if (cut === shown) return;
      shown = cut;
      terminal.write(`${ERASE}${terminal.hasColour ? `${DIM}${cut}${PLAIN}` : cut}\r`);
    },
    around(write, bytes) {
      hide();
      write();
      if (bytes.length > 0) isLineBegun = bytes[bytes.length - 1] !== NEWLINE;
    },
    words(write) {
      hide();
      write();
      isLineBegun = false;
    },
  };
}
