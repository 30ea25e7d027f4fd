import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InvariantError } from '../../src/base/assert.ts';
import { type Field, type Fields, layout, type Scalar, zeroRecord } from '../../src/base/layout.ts';

const sizes: Record<Scalar, number> = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8 };
const scalar = fc.constantFrom<Scalar>('u8', 'u16', 'u32', 'u64', 'i64');
const field: fc.Arbitrary<Field> = fc.oneof(scalar, fc.tuple(scalar, fc.integer({ min: 1, max: 5 })));

const scalarOf = (f: Field): Scalar => (typeof f === 'string' ? f : f[0]);
const bytesOf = (f: Field): number => (typeof f === 'string' ? sizes[f] : sizes[f[0]] * f[1]);

/** Fields with the named padding that the rule asks for: the model of what is accepted. */
function padded(fields: readonly Field[]): Fields {
  const record: Record<string, Field> = {};
  let offset = 0;
  let widest = 1;
  const pad = (to: number) => {
    const missing = (to - (offset % to)) % to;
    if (missing > 0) record[`reserved${offset}`] = ['u8', missing];
    offset += missing;
  };
  fields.forEach((f, i) => {
    pad(sizes[scalarOf(f)]);
    record[`field${i}`] = f;
    offset += bytesOf(f);
    widest = Math.max(widest, sizes[scalarOf(f)]);
  });
  pad(widest);
  return record;
}

const values: Record<Scalar, fc.Arbitrary<number | bigint>> = {
  u8: fc.nat(0xff),
  u16: fc.nat(0xffff),
  u32: fc.nat(0xffff_ffff),
  u64: fc.bigInt(0n, 2n ** 64n - 1n),
  i64: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
};

const recordFor = (fields: Fields) =>
  fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, f]) => {
        const value: fc.Arbitrary<unknown> = values[scalarOf(f)];
        return [name, typeof f === 'string' ? value : fc.array(value, { minLength: f[1], maxLength: f[1] })];
      }),
    ),
  );

const declared = fc.array(field, { minLength: 1, maxLength: 8 }).map(padded);

test('what is written is read back, at any base, and nothing beside it is touched', () => {
  const cases = declared.chain((fields) => fc.tuple(fc.constant(fields), recordFor(fields), fc.nat(9)));
  fc.assert(
    fc.property(cases, ([fields, record, base]) => {
      const shape = layout('Sample', fields);
      const bytes = new Uint8Array(base + shape.size + 3).fill(0xa5);
      const view = new DataView(bytes.buffer);
      shape.write(view, base, record as never);
      assert.equal(shape.read(view, base), { ...record });
      for (const [at, byte] of bytes.entries()) {
        if (at < base || at >= base + shape.size) assert.is(byte, 0xa5);
      }
    }),
  );
});

test('fields lie one after another, little endian, without a hole', () => {
  fc.assert(
    fc.property(declared, (fields) => {
      const shape = layout('Sample', fields);
      let offset = 0;
      for (const [name, f] of Object.entries(fields)) {
        assert.is(shape.offset[name], offset);
        assert.is(offset % sizes[scalarOf(f)], 0);
        offset += bytesOf(f);
      }
      assert.is(shape.size, offset);
      assert.equal(
        shape.places.map((place) => place.name),
        Object.keys(fields),
      );
    }),
  );
  const shape = layout('Pair', { low: 'u16', high: 'u16', word: 'u32' });
  const bytes = new Uint8Array(shape.size);
  shape.write(new DataView(bytes.buffer), 0, { low: 0x0102, high: 0x0304, word: 0x05060708 });
  assert.equal([...bytes], [2, 1, 4, 3, 8, 7, 6, 5]);
});

test('a declaration that needs hidden padding is refused and the message names the field', () => {
  assert.throws(
    () => layout('Bad', { small: 'u8', wide: 'u32' }),
    (thrown: unknown) => thrown instanceof InvariantError && /Bad.*wide/.test(thrown.message),
  );
  assert.throws(
    () => layout('Bad', { wide: 'u64', small: 'u8' }),
    (thrown: unknown) => thrown instanceof InvariantError && /Bad.*widest/.test(thrown.message),
  );
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 8 }), (fields) => {
      const bare = Object.fromEntries(fields.map((f, i) => [`field${i}`, f]));
      const needsPadding = Object.keys(padded(fields)).length > fields.length;
      if (needsPadding)
        assert.throws(
          () => layout('Sample', bare),
          (thrown: unknown) => thrown instanceof InvariantError,
        );
      else
        assert.is(
          layout('Sample', bare).size,
          fields.reduce((sum, f) => sum + bytesOf(f), 0),
        );
    }),
  );
});

test('an array of another length than declared is refused and nothing of it is written', () => {
  const shape = layout('Words', { words: ['u32', 2] });
  const bytes = new Uint8Array(shape.size);
  for (const words of [[], [1], [1, 2, 3]]) {
    assert.throws(
      () => shape.write(new DataView(bytes.buffer), 0, { words }),
      (thrown: unknown) => thrown instanceof InvariantError && thrown.message.includes('words'),
    );
    assert.equal([...bytes], [0, 0, 0, 0, 0, 0, 0, 0]);
  }
});

test('a zero record has every field, all zero', () => {
  const shape = layout('Mixed', { big: 'u64', signed: 'i64', list: ['u16', 4] });
  assert.equal(zeroRecord(shape), { big: 0n, signed: 0n, list: [0, 0, 0, 0] });
});

test.run();
