/**
 * The kernel record of a machine that never ran.
 *
 * Called once in the life of an image, when it is created.
 */
import { kernelRecord } from '../../kernel/abi/memory.ts';

/** `seed` is 32 bytes for the generator; `wallMs` the wall clock at tick 0, milliseconds since 1970. */
export function initialRecord(seed: Uint8Array, wallMs: number): Uint8Array {
  const bytes = new Uint8Array(kernelRecord.size);
  const seedView = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
  const words = [0, 1, 2, 3].map((i) => seedView.getBigUint64(8 * i, true));
  // xoshiro256** must not start from all zeros; mixing also spreads a small seed over all words.
  const generator = words.map((word, i) => splitMix(word + BigInt(i + 1) * 0x9e37_79b9_7f4a_7c15n));
  kernelRecord.write(new DataView(bytes.buffer), 0, {
    tick: 0n,
    nextTicket: 1n,
    nextTurn: 1n,
    nextSerial: 1n,
    wallBase: BigInt(wallMs) * 1_000_000n,
    generator,
  });
  return bytes;
}

/** One output of SplitMix64, the generator that xoshiro's authors seed it with. */
function splitMix(state: bigint): bigint {
  const mask = 0xffff_ffff_ffff_ffffn;
  let z = state & mask;
  z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & mask;
  z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & mask;
  return z ^ (z >> 31n);
}
