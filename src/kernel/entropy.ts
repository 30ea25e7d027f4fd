/**
 * The machine's entropy generator: xoshiro256** (Blackman and Vigna 2018), its state in the kernel record.
 *
 * Invariant: the state is never all zero. Deterministic: seeds come in from outside as journal rows.
 * Called by the entry point kernel_entropy and by `Kernel.seed`.
 */
const MASK = 0xffff_ffff_ffff_ffffn;

function rotateLeft(value: bigint, count: bigint): bigint {
  return ((value << count) | (value >> (64n - count))) & MASK;
}

/** The next 64 bits; the state moves on. */
export function nextWord(state: BigUint64Array): bigint {
  const [s0, s1, s2, s3] = state as unknown as [bigint, bigint, bigint, bigint];
  const result = (rotateLeft((s1 * 5n) & MASK, 7n) * 9n) & MASK;
  const third = s2 ^ s0;
  const fourth = s3 ^ s1;
  state[1] = s1 ^ third;
  state[0] = s0 ^ fourth;
  state[2] = third ^ ((s1 << 17n) & MASK);
  state[3] = rotateLeft(fourth, 45n);
  return result;
}

/** Mixes four seed words into the state. */
export function mixSeed(state: BigUint64Array, words: readonly bigint[]): void {
  for (let i = 0; i < 4; i += 1) state[i] = (state[i] as bigint) ^ BigInt.asUintN(64, words[i] ?? 0n);
  if (state.every((word) => word === 0n)) state[0] = 1n;
  for (let i = 0; i < 8; i += 1) nextWord(state);
}
