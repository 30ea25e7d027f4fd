import { test } from 'uvu';
import * as check from 'uvu/assert';
import { assert, InvariantError, present, unreachable } from '../../src/base/assert.ts';
import * as limits from '../../src/base/limits.ts';

const broken = (pattern: RegExp) => (thrown: unknown) =>
  thrown instanceof InvariantError && thrown.name === 'InvariantError' && pattern.test(thrown.message);

test('a fact that holds goes on, one that does not stops with its statement', () => {
  assert(true, 'base: holds');
  check.throws(() => assert(false, 'base: one is two'), broken(/^base: one is two$/));
});

test('what is present is returned, also when it is falsy; null and undefined stop', () => {
  for (const value of [0, '', false, Number.NaN]) check.equal(present(value, 'base: there'), value);
  check.throws(() => present(null, 'base: there'), broken(/^base: there$/));
  check.throws(() => present(undefined, 'base: there'), broken(/^base: there$/));
});

test('a branch that the types rule out stops and names the value', () => {
  check.throws(() => unreachable('surprise' as never, 'base'), broken(/base: unexpected surprise/));
});

test('the limits fit each other', () => {
  check.is(limits.PAGE_SIZE, 2 ** limits.PAGE_SHIFT);
  check.is(limits.PAGE_SIZE % limits.OBJECT_SIZE, 0);
  check.is(limits.STAGE_BYTES % limits.PAGE_SIZE, 0);
  check.ok(limits.SHORT_MESSAGE_BYTES <= limits.STAGE_BYTES);
  check.ok(Number.isSafeInteger(limits.SEGMENT_PAGES_MAX * limits.PAGE_SIZE));
  check.ok(
    limits.RAM_BYTES_MIN <= limits.RAM_BYTES_DEFAULT && limits.RAM_BYTES_DEFAULT <= limits.RAM_BYTES_MAX,
  );
  check.ok(limits.RAM_BYTES_MAX < 2 ** 32);
  check.is(limits.USER_ADDRESS_END, 2 ** 38);
  check.ok(limits.PRIORITY_DEFAULT <= limits.PRIORITY_MAX);
});

test.run();
