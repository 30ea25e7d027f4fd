import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InvariantError } from '../../src/base/assert.ts';
import {
  alignDown,
  alignUp,
  highHalf,
  isAligned,
  joinHalves,
  lowHalf,
  toSafeNumber,
} from '../../src/base/integer.ts';

const safe = fc.maxSafeNat();
const half = fc.oneof(fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));

test('halves join to the word they came from, for every safe integer', () => {
  fc.assert(
    fc.property(
      fc.oneof(safe, fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER)),
      (value) => {
        assert.is(joinHalves(lowHalf(value), highHalf(value)), value);
        assert.is(BigInt(lowHalf(value)), BigInt(value) & 0xffff_ffffn);
        assert.is(BigInt(highHalf(value)), BigInt(value) >> 32n);
      },
    ),
  );
});

test('joined halves are exact below 2^53 and -1 from there on, whatever sign the halves have', () => {
  fc.assert(
    fc.property(half, half, (low, high) => {
      const word = (BigInt(high) << 32n) | BigInt(low);
      const expected = word < 2n ** 53n ? Number(word) : -1;
      assert.is(joinHalves(low, high), expected);
      assert.is(joinHalves(low | 0, high | 0), expected);
    }),
  );
  assert.is(joinHalves(0xffff_ffff, 0x1f_ffff), Number.MAX_SAFE_INTEGER);
  assert.is(joinHalves(0, 0x20_0000), -1);
});

test('a bigint that is no safe integer is refused, and the message names it', () => {
  assert.is(toSafeNumber(BigInt(Number.MAX_SAFE_INTEGER), 'x'), Number.MAX_SAFE_INTEGER);
  assert.is(toSafeNumber(-1n, 'x'), -1);
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 64n - 1n, 2n ** 53n + 1n]) {
    assert.throws(
      () => toSafeNumber(value, 'segment'),
      (thrown: unknown) => thrown instanceof InvariantError && thrown.message.includes(`segment: ${value}`),
    );
  }
});

test('aligning agrees with bigint arithmetic up to 2^53', () => {
  const alignment = fc.nat(40).map((shift) => 2 ** shift);
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER - 2 ** 40), alignment, (value, to) => {
      const down = (BigInt(value) / BigInt(to)) * BigInt(to);
      assert.is(BigInt(alignDown(value, to)), down);
      assert.is(BigInt(alignUp(value, to)), down === BigInt(value) ? down : down + BigInt(to));
      assert.is(isAligned(value, to), down === BigInt(value));
    }),
  );
});

test.run();
