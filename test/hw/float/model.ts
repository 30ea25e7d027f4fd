/**
 * A model of RISC-V floating point in exact arithmetic, the oracle of the instructions' tests.
 *
 * Written from IEEE 754-2019 (3.3 values, 4.3 rounding, 7 exceptions) and the manual's chapters F and D, and from nothing
 * in src: a result is the exact value, given as "how many units of 2^q are below it, and is anything left", rounded by
 * the words of the standard. Slow and plain on purpose.
 */

export interface Format {
  readonly name: 's' | 'd';
  readonly width: 32 | 64;
  /** p: digits of the significand. emax: exponent of the largest numbers. */
  readonly precision: number;
  readonly emax: number;
}

export const single: Format = { name: 's', width: 32, precision: 24, emax: 127 };
export const double: Format = { name: 'd', width: 64, precision: 53, emax: 1023 };

export const NX = 1;
export const UF = 2;
export const OF = 4;
export const DZ = 8;
export const NV = 16;

/** Rounding modes by their numbers in rm. */
export const RNE = 0;
export const RTZ = 1;
export const RDN = 2;
export const RUP = 3;
export const RMM = 4;
export const roundingModes = [RNE, RTZ, RDN, RUP, RMM];

export interface Outcome {
  readonly bits: bigint;
  readonly flags: number;
}

type Value =
  | { readonly kind: 'nan'; readonly isSignaling: boolean }
  | { readonly kind: 'infinite'; readonly negative: boolean }
  /** magnitude * 2^exponent, magnitude 0 for zero. */
  | {
      readonly kind: 'finite';
      readonly negative: boolean;
      readonly magnitude: bigint;
      readonly exponent: number;
    };
type Finite = Extract<Value, { kind: 'finite' }>;

const fractionBits = (f: Format): number => f.precision - 1;
const signBit = (f: Format): bigint => 1n << BigInt(f.width - 1);
const emin = (f: Format): number => 1 - f.emax;

export const canonicalNan = (f: Format): bigint => infinity(f, false) | (1n << BigInt(f.precision - 2));
export const infinity = (f: Format, negative: boolean): bigint =>
  (negative ? signBit(f) : 0n) | (BigInt(2 * f.emax + 1) << BigInt(fractionBits(f)));
const zero = (f: Format, negative: boolean): bigint => (negative ? signBit(f) : 0n);
const largest = (f: Format, negative: boolean): bigint => infinity(f, negative) - 1n;

/** The value that bits stand for (IEEE 754-2019, 3.4). */
export function decode(f: Format, bits: bigint): Value {
  const negative = (bits & signBit(f)) !== 0n;
  const field = Number((bits >> BigInt(fractionBits(f))) & BigInt(2 * f.emax + 1));
  const fraction = bits & ((1n << BigInt(fractionBits(f))) - 1n);
  if (field === 2 * f.emax + 1) {
    if (fraction === 0n) return { kind: 'infinite', negative };
    return { kind: 'nan', isSignaling: ((fraction >> BigInt(f.precision - 2)) & 1n) === 0n };
  }
  const exponent = Math.max(field, 1) - f.emax - fractionBits(f);
  const hidden = field === 0 ? 0n : 1n << BigInt(fractionBits(f));
  return { kind: 'finite', negative, magnitude: fraction | hidden, exponent };
}

const bitLength = (value: bigint): number => value.toString(2).length;

/** An exact magnitude greater than 0. */
interface Exact {
  /** The largest e with 2^e <= it. */
  readonly exponent: number;
  /** How often 2^q goes into it, and whether something is left. */
  units(q: number): { readonly count: bigint; readonly rest: boolean };
}

/** numerator / denominator * 2^exponent. */
function ratio(numerator: bigint, denominator: bigint, exponent: number): Exact {
  const units = (q: number): { count: bigint; rest: boolean } => {
    const shift = exponent - q;
    const n = shift >= 0 ? numerator << BigInt(shift) : numerator;
    const d = shift >= 0 ? denominator : denominator << BigInt(-shift);
    return { count: n / d, rest: n % d !== 0n };
  };
  const guess = bitLength(numerator) - bitLength(denominator) + exponent;
  return { exponent: units(guess).count >= 1n ? guess : guess - 1, units };
}

function integerRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The root of magnitude * 2^exponent. */
function rootOf(magnitude: bigint, exponent: number): Exact {
  const units = (q: number): { count: bigint; rest: boolean } => {
    // floor(sqrt(x / 4^q)): below one, what is cut off the quotient cannot change the root's whole part.
    const shift = exponent - 2 * q;
    const scaled = shift >= 0 ? magnitude << BigInt(shift) : magnitude >> BigInt(-shift);
    const isCut = shift < 0 && scaled << BigInt(-shift) !== magnitude;
    const count = integerRoot(scaled);
    return { count, rest: isCut || count * count !== scaled };
  };
  return { exponent: Math.floor((bitLength(magnitude) - 1 + exponent) / 2), units };
}

/** The multiple of 2^q that the mode chooses for an exact value (IEEE 754-2019, 4.3), as a count; and is it another? */
function choose(
  exact: Exact,
  q: number,
  negative: boolean,
  mode: number,
): { count: bigint; inexact: boolean } {
  const { count: halves, rest } = exact.units(q - 1);
  const down = halves >> 1n;
  const isHalf = (halves & 1n) === 1n;
  const inexact = isHalf || rest;
  const isUp = (): boolean => {
    switch (mode) {
      case RNE:
        return isHalf && (rest || (down & 1n) === 1n);
      case RMM:
        return isHalf;
      case RDN:
        return inexact && negative;
      case RUP:
        return inexact && !negative;
      default:
        return false;
    }
  };
  return { count: isUp() ? down + 1n : down, inexact };
}

/** Rounds an exact value to the format, with the exceptions this raises. */
export function round(f: Format, negative: boolean, exact: Exact, mode: number): Outcome {
  const p = f.precision;
  // As if the exponent had no limits: decides overflow, and underflow after rounding.
  const free = choose(exact, exact.exponent - p + 1, negative, mode);
  const reaches = bitLength(free.count) > p ? exact.exponent + 1 : exact.exponent;
  if (reaches > f.emax) {
    const toInfinity = mode === RNE || mode === RMM || mode === (negative ? RDN : RUP);
    return { bits: toInfinity ? infinity(f, negative) : largest(f, negative), flags: OF | NX };
  }
  const q = Math.max(exact.exponent, emin(f)) - p + 1;
  const { count, inexact } = choose(exact, q, negative, mode);
  // A count of less than p digits is subnormal; its lowest bit then stands for 2^(emin - p + 1), field 0.
  const isSubnormal = bitLength(count) < p;
  const carried = bitLength(count) > p ? 1 : 0;
  const field = isSubnormal ? 0 : q + carried + p - 1 + f.emax;
  const fraction = (carried === 1 ? count >> 1n : count) & ((1n << BigInt(p - 1)) - 1n);
  const bits = zero(f, negative) | (BigInt(field) << BigInt(p - 1)) | fraction;
  const isTiny = reaches < emin(f);
  return { bits, flags: (inexact ? NX : 0) | (inexact && isTiny ? UF : 0) };
}

/** For NaN operands: the canonical NaN, NV when one is signaling. */
function ofNans(f: Format, values: readonly Value[], alsoInvalid = false): Outcome {
  const isSignaling = values.some((value) => value.kind === 'nan' && value.isSignaling);
  return { bits: canonicalNan(f), flags: isSignaling || alsoInvalid ? NV : 0 };
}

const invalid = (f: Format): Outcome => ({ bits: canonicalNan(f), flags: NV });
const exactly = (bits: bigint): Outcome => ({ bits, flags: 0 });
const isZero = (value: Value): boolean => value.kind === 'finite' && value.magnitude === 0n;

/** The sum of two finite values, zeros included (6.3: the sign of a zero sum). */
function sumOf(f: Format, a: Finite, b: Finite, mode: number): Outcome {
  const exponent = Math.min(a.exponent, b.exponent);
  const whole = (v: Finite): bigint =>
    (v.negative ? -v.magnitude : v.magnitude) << BigInt(v.exponent - exponent);
  const sum = whole(a) + whole(b);
  if (sum === 0n) {
    const negative = a.negative === b.negative ? a.negative : mode === RDN;
    return exactly(zero(f, negative));
  }
  return round(f, sum < 0n, ratio(sum < 0n ? -sum : sum, 1n, exponent), mode);
}

export function add(f: Format, mode: number, x: bigint, y: bigint): Outcome {
  const [a, b] = [decode(f, x), decode(f, y)];
  if (a.kind === 'nan' || b.kind === 'nan') return ofNans(f, [a, b]);
  if (a.kind === 'infinite' && b.kind === 'infinite' && a.negative !== b.negative) return invalid(f);
  if (a.kind === 'infinite') return exactly(infinity(f, a.negative));
  if (b.kind === 'infinite') return exactly(infinity(f, b.negative));
  return sumOf(f, a, b, mode);
}

export const subtract = (f: Format, mode: number, x: bigint, y: bigint): Outcome =>
  add(f, mode, x, y ^ signBit(f));

export function multiply(f: Format, mode: number, x: bigint, y: bigint): Outcome {
  const [a, b] = [decode(f, x), decode(f, y)];
  if (a.kind === 'nan' || b.kind === 'nan') return ofNans(f, [a, b]);
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite' || b.kind === 'infinite') {
    return isZero(a) || isZero(b) ? invalid(f) : exactly(infinity(f, negative));
  }
  if (isZero(a) || isZero(b)) return exactly(zero(f, negative));
  return round(f, negative, ratio(a.magnitude * b.magnitude, 1n, a.exponent + b.exponent), mode);
}

export function divide(f: Format, mode: number, x: bigint, y: bigint): Outcome {
  const [a, b] = [decode(f, x), decode(f, y)];
  if (a.kind === 'nan' || b.kind === 'nan') return ofNans(f, [a, b]);
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite') return b.kind === 'infinite' ? invalid(f) : exactly(infinity(f, negative));
  if (b.kind === 'infinite') return exactly(zero(f, negative));
  if (isZero(b)) return isZero(a) ? invalid(f) : { bits: infinity(f, negative), flags: DZ };
  if (isZero(a)) return exactly(zero(f, negative));
  return round(f, negative, ratio(a.magnitude, b.magnitude, a.exponent - b.exponent), mode);
}

export function squareRoot(f: Format, mode: number, x: bigint): Outcome {
  const a = decode(f, x);
  if (a.kind === 'nan') return ofNans(f, [a]);
  if (isZero(a)) return exactly(x);
  if (a.negative) return invalid(f);
  if (a.kind === 'infinite') return exactly(x);
  return round(f, false, rootOf(a.magnitude, a.exponent), mode);
}

/** x * y + z, rounded once; an infinity times zero is invalid whatever is added (manual, chapter F). */
export function fused(f: Format, mode: number, x: bigint, y: bigint, z: bigint): Outcome {
  const [a, b, c] = [decode(f, x), decode(f, y), decode(f, z)];
  const isInvalidProduct = (u: Value, v: Value): boolean => u.kind === 'infinite' && isZero(v);
  if (isInvalidProduct(a, b) || isInvalidProduct(b, a)) return invalid(f);
  if (a.kind === 'nan' || b.kind === 'nan' || c.kind === 'nan') return ofNans(f, [a, b, c]);
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite' || b.kind === 'infinite') {
    if (c.kind === 'infinite' && c.negative !== negative) return invalid(f);
    return exactly(infinity(f, negative));
  }
  if (c.kind === 'infinite') return exactly(infinity(f, c.negative));
  const product: Finite = {
    kind: 'finite',
    negative,
    magnitude: a.magnitude * b.magnitude,
    exponent: a.exponent + b.exponent,
  };
  return sumOf(f, product, c, mode);
}

/** Less: for finite values and infinities. */
function isLess(a: Value, b: Value): boolean {
  const order = (v: Value): number => {
    if (v.kind !== 'infinite') return 0;
    return v.negative ? -1 : 1;
  };
  if (a.kind !== 'finite' || b.kind !== 'finite') return order(a) < order(b);
  const exponent = Math.min(a.exponent, b.exponent);
  const whole = (v: Finite): bigint =>
    (v.negative ? -v.magnitude : v.magnitude) << BigInt(v.exponent - exponent);
  return whole(a) < whole(b);
}

/** minimumNumber and maximumNumber (9.6), where -0 is less than +0 (manual, chapter F). */
export function extreme(f: Format, wantsLarger: boolean, x: bigint, y: bigint): Outcome {
  const [a, b] = [decode(f, x), decode(f, y)];
  const flags = ofNans(f, [a, b]).flags;
  if (a.kind === 'nan' && b.kind === 'nan') return { bits: canonicalNan(f), flags };
  if (a.kind === 'nan') return { bits: y, flags };
  if (b.kind === 'nan') return { bits: x, flags };
  const isXLess = isLess(a, b) || (isZero(a) && isZero(b) && a.negative && !b.negative);
  return { bits: isXLess === wantsLarger ? y : x, flags };
}

/** feq is quiet: only a signaling NaN is invalid; to flt and fle every NaN is (5.11). */
export function compare(f: Format, kind: 'feq' | 'flt' | 'fle', x: bigint, y: bigint): Outcome {
  const [a, b] = [decode(f, x), decode(f, y)];
  if (a.kind === 'nan' || b.kind === 'nan') {
    return { bits: 0n, flags: kind === 'feq' ? ofNans(f, [a, b]).flags : NV };
  }
  const holds = { feq: !isLess(a, b) && !isLess(b, a), flt: isLess(a, b), fle: !isLess(b, a) }[kind];
  return exactly(holds ? 1n : 0n);
}

/** The manual's table "Format of result of FCLASS instruction". */
export function classify(f: Format, x: bigint): bigint {
  const a = decode(f, x);
  if (a.kind === 'nan') return a.isSignaling ? 1n << 8n : 1n << 9n;
  if (a.kind === 'infinite') return a.negative ? 1n : 1n << 7n;
  if (a.magnitude === 0n) return a.negative ? 1n << 3n : 1n << 4n;
  if (bitLength(a.magnitude) < f.precision) return a.negative ? 1n << 2n : 1n << 5n;
  return a.negative ? 1n << 1n : 1n << 6n;
}

/** To an integer between `least` and `most`: the register's 64 bits. */
export function toInteger(f: Format, mode: number, x: bigint, least: bigint, most: bigint): Outcome {
  const a = decode(f, x);
  // A word is sign-extended, an unsigned one too.
  const register = (value: bigint): bigint =>
    BigInt.asUintN(64, most < 1n << 32n ? BigInt.asIntN(32, value) : value);
  const outside = (isLarge: boolean): Outcome => ({ bits: register(isLarge ? most : least), flags: NV });
  if (a.kind === 'nan') return outside(true);
  if (a.kind === 'infinite') return outside(!a.negative);
  if (a.magnitude === 0n) return exactly(0n);
  const { count, inexact } = choose(ratio(a.magnitude, 1n, a.exponent), 0, a.negative, mode);
  const value = a.negative ? -count : count;
  if (value < least || value > most) return outside(!a.negative);
  return { bits: register(value), flags: inexact ? NX : 0 };
}

export function fromInteger(f: Format, mode: number, value: bigint): Outcome {
  if (value === 0n) return exactly(0n);
  return round(f, value < 0n, ratio(value < 0n ? -value : value, 1n, 0), mode);
}

/** From one format to another. */
export function convert(to: Format, from: Format, mode: number, x: bigint): Outcome {
  const a = decode(from, x);
  if (a.kind === 'nan') return ofNans(to, [a]);
  if (a.kind === 'infinite') return exactly(infinity(to, a.negative));
  if (a.magnitude === 0n) return exactly(zero(to, a.negative));
  return round(to, a.negative, ratio(a.magnitude, 1n, a.exponent), mode);
}

/** fsgnj, fsgnjn, fsgnjx. */
export function injectSign(f: Format, kind: 'fsgnj' | 'fsgnjn' | 'fsgnjx', x: bigint, y: bigint): bigint {
  const [a, b] = [(x & signBit(f)) !== 0n, (y & signBit(f)) !== 0n];
  const negative = { fsgnj: b, fsgnjn: !b, fsgnjx: a !== b }[kind];
  return (x & (signBit(f) - 1n)) | zero(f, negative);
}
