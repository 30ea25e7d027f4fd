/**
 * The state of the hart as plain versioned data, out of the linear memory and back.
 *
 * Invariants: what goes out is all that a program's future depends on besides RAM and the address space that whoever
 * runs the hart chose; what comes in is checked whole before anything is changed. Called by `Machine.exportState` and
 * `Machine.importState`; knows no tier: none of them has a state of its own.
 */
import { at, HART, hartRecord } from './layout.ts';
import type { HartState } from './machine.ts';

const VERSION = 1;
const REGISTERS = 32;
/** fcsr: five flags and three bits of rounding mode; the rest is reserved and reads as zero. */
const FCSR_MAX = 255;

/** The data is no state that this machine can take. The message reads `hart state: FAULT`. */
export class HartStateError extends Error {
  override readonly name = 'HartStateError';
  constructor(fault: string) {
    super(`hart state: ${fault}`);
  }
}

export function exportHartState(view: DataView): HartState {
  const { x, f, pc, fcsr, reservation, tick, retired } = hartRecord.read(view, HART);
  return { version: VERSION, x, f, pc, fcsr, reservation, tick, retired };
}

function isWord(value: unknown): value is bigint {
  return typeof value === 'bigint' && BigInt.asUintN(64, value) === value;
}

/** Requires data of unknown origin to be a state; throws HartStateError. */
function checkState(data: unknown): asserts data is HartState {
  const require = (fact: boolean, fault: string): void => {
    if (!fact) throw new HartStateError(fault);
  };
  require(typeof data === 'object' && data !== null, 'it is no object');
  const state = data as Partial<Record<keyof HartState, unknown>>;
  require(state.version ===
    VERSION, `its version is ${String(state.version)}, this machine reads ${VERSION}`);
  for (const file of ['x', 'f'] as const) {
    const registers = state[file];
    require(Array.isArray(registers) &&
      registers.length === REGISTERS, `${file} is not ${REGISTERS} registers`);
    // Not every(), which passes over holes.
    for (let index = 0; index < REGISTERS; index++) {
      require(isWord(
        (registers as unknown[])[index],
      ), `${file}[${index}] is no unsigned 64-bit integer (bigint)`);
    }
  }
  require((state.x as bigint[])[0] === 0n, 'x[0] is not zero');
  for (const word of ['pc', 'reservation', 'tick', 'retired'] as const) {
    require(isWord(state[word]), `${word} is no unsigned 64-bit integer (bigint)`);
  }
  const { fcsr } = state;
  require(typeof fcsr === 'number' &&
    Number.isInteger(fcsr) &&
    fcsr >= 0 &&
    fcsr <= FCSR_MAX, `fcsr is not 0 to ${FCSR_MAX}`);
}

/** Takes a state in, or throws HartStateError and changes nothing. */
export function importHartState(view: DataView, state: HartState): void {
  checkState(state);
  for (let index = 0; index < REGISTERS; index++) {
    view.setBigUint64(at.x + 8 * index, state.x[index] ?? 0n, true);
    view.setBigUint64(at.f + 8 * index, state.f[index] ?? 0n, true);
  }
  view.setBigUint64(at.pc, state.pc, true);
  view.setUint32(at.fcsr, state.fcsr, true);
  view.setUint32(at.floatsChanged, 1, true);
  view.setBigUint64(at.reservation, state.reservation, true);
  view.setBigUint64(at.tick, state.tick, true);
  view.setBigUint64(at.retired, state.retired, true);
}
