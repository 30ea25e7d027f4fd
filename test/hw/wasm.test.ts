/** The WebAssembly builder: constants survive their encoding, blocks must close, modules run. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InvariantError } from '../../src/base/assert.ts';
import { generateInterpreter } from '../../src/hw/interpreter.ts';
import { FunctionBuilder, ModuleBuilder } from '../../src/hw/wasm/builder.ts';
import { op, types } from '../../src/hw/wasm/opcodes.ts';

/** Runs a module of one exported function `f`. */
function instantiate(module: ModuleBuilder): (...args: unknown[]) => unknown {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { machine: { memory } });
  return instance.exports.f as (...args: unknown[]) => unknown;
}

function constant(
  push: (f: FunctionBuilder) => void,
  type: (typeof types)['i32'] | (typeof types)['i64'],
): unknown {
  const f = new FunctionBuilder([], [type]);
  push(f);
  const module = new ModuleBuilder();
  module.add(f, 'f');
  return instantiate(module)();
}

const edges = [
  0n,
  1n,
  -1n,
  63n,
  64n,
  -64n,
  -65n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 63n,
];

test('64-bit constants come out as they went in, as bigints and as numbers', () => {
  const check = (value: bigint): void => {
    assert.is(
      constant((f) => f.i64(value), types.i64),
      BigInt.asIntN(64, value),
    );
    const number = Number(value);
    if (Number.isSafeInteger(number))
      assert.is(
        constant((f) => f.i64(number), types.i64),
        value,
      );
  };
  edges.forEach(check);
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), check), { numRuns: 300 });
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => check(BigInt(value))),
    { numRuns: 300 },
  );
});

test('32-bit constants come out as they went in', () => {
  const check = (value: number): void =>
    assert.is(
      constant((f) => f.i32(value), types.i32),
      value | 0,
    );
  [0, 63, 64, -64, -65, 127, 128, 0x7fff_ffff, -0x8000_0000, 0xffff_ffff].forEach(check);
  fc.assert(fc.property(fc.integer(), check), { numRuns: 300 });
});

test('branches leave the block they name, however deep they stand', () => {
  const f = new FunctionBuilder([types.i32], [types.i32]);
  const result = f.local(types.i32);
  const outer = f.block();
  const middle = f.block();
  const inner = f.block();
  f.get(0);
  f.brTable([inner, middle], outer);
  f.end();
  f.i32(10);
  f.set(result);
  f.br(outer);
  f.end();
  f.i32(20);
  f.set(result);
  f.end();
  f.get(result);
  const module = new ModuleBuilder();
  module.add(f, 'f');
  const run = instantiate(module);
  assert.equal(
    [0, 1, 2, 99].map((value) => run(value)),
    [10, 20, 0, 0],
  );
});

test('a body with an open block, or a branch to a closed one, is refused', () => {
  const isInvariant = (error: unknown): boolean => error instanceof InvariantError;
  const open = new FunctionBuilder([], []);
  open.block();
  const module = new ModuleBuilder();
  module.add(open);
  assert.throws(() => module.finish(), isInvariant);
  const closed = new FunctionBuilder([], []);
  const label = closed.block();
  closed.end();
  assert.throws(() => closed.br(label), isInvariant);
  assert.throws(() => closed.end(), isInvariant);
});

test('functions call one another by index, and many locals keep apart', () => {
  const module = new ModuleBuilder();
  const square = new FunctionBuilder([types.i64], [types.i64]);
  square.get(0);
  square.get(0);
  square.op(op.i64Mul);
  const index = module.add(square);
  const f = new FunctionBuilder([types.i64], [types.i64]);
  const locals = Array.from({ length: 300 }, () => f.local(types.i64));
  locals.forEach((local, i) => {
    f.get(0);
    f.i64(i);
    f.op(op.i64Add);
    f.set(local);
  });
  f.get(locals[299] as number);
  f.call(index);
  module.add(f, 'f');
  assert.is(instantiate(module)(1n), 90_000n);
});

test('generating the interpreter gives the same bytes every time', () => {
  assert.ok(Buffer.compare(generateInterpreter(true, true), generateInterpreter(true, true)) === 0);
});

test.run();
