/**
 * A program that has ended: its words, its exit status, and the last checkpoint of an image that died before it.
 *
 * Called by `perdure run`, in the life in which the program ends and in every later one. Runs no guest instruction.
 */
import { assert } from '../../base/assert.ts';
import { causes, faults } from '../../kernel/abi/codes.ts';
import type { Ended } from '../../persist/server.ts';
import type { Head, ProgramRow, Store } from '../../persist/store/contract.ts';
import type { BorderState } from './assemble.ts';
import type { Sink } from './sink.ts';

/** Names of Linux's signals, signal(7). */
const signalNames: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  5: 'SIGTRAP',
  7: 'SIGBUS',
  8: 'SIGFPE',
  11: 'SIGSEGV',
  31: 'SIGSYS',
};

/** `0x1234 (main + 0x10)`: where an address lies in the program, if it lies in a function. */
export function placeOf(address: string, symbols: ProgramRow['symbols']): string {
  const at = Number(address);
  // Symbols come in order of address; one without a size reaches to the next.
  const next = symbols.findIndex((symbol) => symbol.address > at);
  const reached = next < 0 ? symbols : symbols.slice(0, next);
  const best = reached.findLast(
    ({ kind, address: start, size }) => kind !== 'object' && (size === 0 ? next >= 0 : at < start + size),
  );
  if (best === undefined) return address;
  const offset = at - best.address;
  return `${address} (${best.name}${offset === 0 ? '' : ` + 0x${offset.toString(16)}`})`;
}

/** What the program did: the kernel's word for a wrong call, the manual's for an exception. */
function faultName(code: number): string {
  const entries = code >= faults.processor ? Object.entries(causes) : Object.entries(faults);
  const value = code >= faults.processor ? code - faults.processor : code;
  const name = entries.find(([, number]) => number === value)?.[0];
  const hex = `fault 0x${code.toString(16)}`;
  return name === undefined
    ? hex
    : `${hex}, ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}

/** The guest's own status, or 128 + the signal that Linux would send; says what a trap was. */
export function finish(ended: Ended, symbols: ProgramRow['symbols'], say: (line: string) => void): number {
  if (ended.kind === 'exit') return ended.status;
  const name = signalNames[ended.signal] ?? `signal ${ended.signal}`;
  say(
    `the program died of ${name} at pc ${placeOf(ended.pc, symbols)}, address ${ended.address} ` +
      `(${faultName(ended.code)})`,
  );
  return 128 + ended.signal;
}

/**
 * Takes the last checkpoint of an image whose program has ended but whose machine died before the clean stop: output
 * that was owed has reached the sink, and the image says so.
 */
export async function settle(
  store: Store,
  head: Head,
  border: BorderState,
  sink: Sink,
  wallMs: number,
): Promise<void> {
  // A new output file is to be known to the image before the first byte goes there: see sink.ts.
  const rounds = sink.wantsCheckpoint ? 2 : 1;
  for (let round = 1; round <= rounds; round++) {
    await sink.flush();
    if (sink.failure !== null) throw sink.failure;
    const generation = head.generation + round;
    const batch = store.begin(0);
    assert(batch !== null, 'ended: an empty ring has room for an empty checkpoint');
    if (sink.confirmed() > 0) batch.confirmOutput('output', sink.confirmed());
    batch.publish({
      generation,
      parent: generation - 1,
      tick: head.tick,
      wallMs,
      kernelRecord: head.kernelRecord,
      border: JSON.stringify({ ...border, outputOrigin: sink.origin, outputProof: sink.proof() }),
      pauseUs: 0,
      clean: round === rounds,
    });
    store.waitForCommit(generation);
    sink.checkpointCommitted();
  }
}
