/**
 * Which registers an instruction reads and writes, found by asking its meaning.
 *
 * Invariant: every register field that the meaning can name is reported, for both register files; so the translator can
 * know before it emits a block what the block needs. The code a probe makes is thrown away. Knows no encodings.
 */
import type { Variant } from '../decoder.ts';
import type { Effects, Width } from '../instructions/effects.ts';
import { type LibraryName, libraryTypes } from '../instructions/library.ts';
import { FunctionBuilder } from '../wasm/builder.ts';
import { types } from '../wasm/opcodes.ts';

export interface Footprint {
  /** Which operand fields name an integer register that is read. */
  readonly rs1: boolean;
  readonly rs2: boolean;
  /** Which name a floating point register that is read. */
  readonly fs1: boolean;
  readonly fs2: boolean;
  readonly fs3: boolean;
  /** What rd is. */
  readonly rd: boolean;
  readonly fd: boolean;
  /** Bytes that are loaded from or stored to rs1 + immediate; 0 for none. */
  readonly loads: number;
  readonly stores: number;
}

/** An `Effects` that emits nothing of use and notes what it is asked for. */
function createProbe(seen: { -readonly [K in keyof Footprint]: Footprint[K] }): Effects {
  const { i32, i64, f32, f64 } = types;
  const code = new FunctionBuilder([], []);
  const label = code.block();
  const note =
    (...names: ('rs1' | 'rs2' | 'fs1' | 'fs2' | 'fs3')[]) =>
    (): void => {
      for (const name of names) seen[name] = true;
    };
  const result = (name: 'rd' | 'fd') => (value: () => void) => {
    seen[name] = true;
    value();
  };
  const load = (width: Width) => {
    seen.rs1 = true;
    seen.loads = width / 8;
  };
  const store = (width: Width, source: 'rs2' | 'fs2') => {
    seen.rs1 = true;
    seen[source] = true;
    seen.stores = width / 8;
  };
  const nothing = (): void => {};
  const ask = (value: () => void): void => value();
  code.br(label);
  return {
    code,
    library: Object.fromEntries(Object.keys(libraryTypes).map((name) => [name, 0])) as Record<
      LibraryName,
      number
    >,
    isFused: false,
    scratch: {
      i32: code.local(i32),
      i64: code.local(i64),
      i64b: code.local(i64),
      f32: code.local(f32),
      f64: code.local(f64),
    },
    rs1: note('rs1'),
    rs2: note('rs2'),
    rs1Word: note('rs1'),
    rs2Word: note('rs2'),
    immediate: nothing,
    immediateWord: nothing,
    pc: nothing,
    nextPc: nothing,
    rd: result('rd'),
    fs1: note('fs1'),
    fs2: note('fs2'),
    fs3: note('fs3'),
    fs1Bits: note('fs1'),
    fs2Bits: note('fs2'),
    fs3Bits: note('fs3'),
    fs1Single: note('fs1'),
    fs2Single: note('fs2'),
    fs3Single: note('fs3'),
    fs1SingleBits: note('fs1'),
    fs2SingleBits: note('fs2'),
    fs3SingleBits: note('fs3'),
    fs1LowBits: note('fs1'),
    fd: result('fd'),
    fdBits: result('fd'),
    fdSingle: result('fd'),
    fdSingleBits: result('fd'),
    rounding: nothing,
    nearestAndInexact: nothing,
    readFcsr: nothing,
    writeFcsr: ask,
    illegalWhen: ask,
    cold: nothing,
    load,
    store: (width) => store(width, 'rs2'),
    loadDouble: () => load(64),
    loadSingle: () => load(32),
    storeDouble: () => store(64, 'fs2'),
    storeSingle: () => store(32, 'fs2'),
    requireAligned: note('rs1'),
    place: note('rs1'),
    branch: ask,
    jumpRelative: nothing,
    jump: ask,
    trap: (_, value) => value(),
    counter: nothing,
  };
}

/** Footprints of variants, each found once. */
export function createFootprints(): (variant: Variant) => Footprint {
  const known = new Map<Variant, Footprint>();
  return (variant) => {
    const found = known.get(variant);
    if (found !== undefined) return found;
    const operands = { rs1: false, rs2: false, fs1: false, fs2: false, fs3: false };
    const seen = { ...operands, rd: false, fd: false, loads: 0, stores: 0 };
    variant.instruction.meaning(createProbe(seen));
    known.set(variant, seen);
    return seen;
  };
}
