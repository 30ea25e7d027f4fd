/**
 * Whether the host's vector multiply-add rounds once.
 *
 * WebAssembly's relaxed_madd is either a fused multiply-add or a product and a sum, each rounded, as the host likes; an
 * engine without relaxed SIMD refuses the module. The answer decides how meanings of fmadd are generated, never what
 * they compute: the library does it exactly everywhere. Asked once where the machine's modules are made.
 */
import { FunctionBuilder, ModuleBuilder } from '../wasm/builder.ts';
import { op, types, vector } from '../wasm/opcodes.ts';

/** The bits of a number for which the two ways differ: (1 + x) * (1 - x) - 1 is -x * x when rounded once, else 0. */
interface Probe {
  readonly type: 'f32' | 'f64';
  /** Exponent of x, so small that 1 - x * x rounds to 1. */
  readonly exponent: number;
}

const probes: readonly Probe[] = [
  { type: 'f64', exponent: -30 },
  { type: 'f32', exponent: -14 },
];

/** Pushes a multiply-add of three doubles, done in the precision of the probe; widened again. */
function pushMultiplyAdd(f: FunctionBuilder, type: Probe['type'], operands: readonly number[]): void {
  for (const value of operands) {
    f.i64(new BigUint64Array(Float64Array.of(value).buffer)[0] ?? 0n);
    f.op(op.f64ReinterpretI64);
    if (type === 'f32') f.op(op.f32DemoteF64);
    f.vector(type === 'f32' ? vector.f32Splat : vector.f64Splat);
  }
  f.vector(type === 'f32' ? vector.f32RelaxedMadd : vector.f64RelaxedMadd);
  f.lane0(type);
  if (type === 'f32') f.op(op.f64PromoteF32);
}

/** A function without parameters that returns 1 when every probe comes out as fused, with either sign, else 0. */
function buildProbe(): FunctionBuilder {
  const f = new FunctionBuilder([], [types.i32]);
  f.i32(1);
  for (const { type, exponent } of probes) {
    const x = 2 ** exponent;
    for (const sign of [1, -1]) {
      pushMultiplyAdd(f, type, [sign * (1 + x), 1 - x, -sign]);
      f.i64(new BigUint64Array(Float64Array.of(-sign * x * x).buffer)[0] ?? 0n);
      f.op(op.f64ReinterpretI64);
      f.op(op.f64Eq);
      f.op(op.i32And);
    }
  }
  return f;
}

/** True when multiply-add of vectors is there and rounds once, for doubles and for singles. */
export function hasFusedMultiplyAdd(): boolean {
  const module = new ModuleBuilder();
  module.add(buildProbe(), 'probe');
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {
      machine: { memory },
    });
    return (instance.exports.probe as () => number)() === 1;
  } catch {
    // Only an engine that does not know the instruction gets here.
    return false;
  }
}
