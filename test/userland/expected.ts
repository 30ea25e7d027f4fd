/**
 * What the programs must print, reckoned independently of them: the oracles of the userland tests.
 *
 * Called by the tests under qemu and under the kernel; holds no state.
 */
const MASK = 0xffff_ffff_ffff_ffffn;

/** The lines of `fill MEBIBYTES ROUNDS`. */
export function fillChecksums(mebibytes: number, rounds: number): string[] {
  const count = mebibytes * 131_072;
  const words = new BigUint64Array(count);
  let random = 1n;
  for (let i = 0; i < count; i += 1) {
    random = (random * 6364136223846793005n + 1442695040888963407n) & MASK;
    words[i] = random;
  }
  const lines: string[] = [];
  let sum = 0n;
  for (let round = 1; round <= rounds; round += 1) {
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      at = (at + 81_007) % count;
      const word = words[at] ?? 0n;
      sum = (((sum << 7n) & MASK) | (sum >> 57n)) ^ word;
      words[at] = word * 0x9e3779b97f4a7c15n + sum;
    }
    lines.push(`round ${round} of ${mebibytes} MiB: ${sum.toString(16).padStart(16, '0')}`);
  }
  return lines;
}

function mix(state: bigint, word: bigint): bigint {
  let mixed = state ^ ((word + 0x9e3779b97f4a7c15n + ((state << 6n) & MASK) + (state >> 2n)) & MASK);
  mixed ^= mixed >> 30n;
  return (mixed * 0xbf58476d1ce4e5b9n) & MASK;
}

/** The lines of `transcript LINES WORDS`: three workers in turn, and a server asked at every fourth step. */
export function transcript(lines: number, wordCount: number): string[] {
  const tables = Array.from({ length: 3 }, () => new BigUint64Array(8192));
  const result: string[] = [];
  const hexadecimal = (value: bigint) => value.toString(16).padStart(16, '0');
  const number = (value: number) => String(value).padStart(6, '0');
  let hash = 0xcbf29ce484222325n;
  let serverHash = 0n;
  for (let step = 0; step < lines; step += 1) {
    const worker = step % 3;
    const table = tables[worker] ?? new BigUint64Array(0);
    let value = mix(hash, BigInt(step * 3 + worker));
    for (let i = 0; i < wordCount; i += 1) {
      const at = Number(value % 8192n);
      value = mix(value, ((table[at] ?? 0n) + BigInt(i)) & MASK);
      table[at] = value;
    }
    if (step % 4 === 0) {
      serverHash = mix(mix(serverHash, value), BigInt(step + 42));
      value = mix(value, serverHash);
    }
    hash = value;
    result.push(`step ${number(step)} worker ${worker} hash ${hexadecimal(hash)}`);
  }
  result.push(`end ${number(lines)} hash ${hexadecimal(hash)}`);
  return result;
}

/** The output of programs/stock.c with the arguments `a`, `b c`, COLOUR=blue and the input `abcdefghij\nk`. */
export function stockTranscript(name: string): string {
  return `constructed 1, tls 41 0
argv[0] ${name}
argv[1] a
argv[2] b c
argv[3] null
environment blue
  -42|abc   |0003.142|1e+100|beef|4611686018427387904|z|0x1000
scanned 3 17 words 2.50
math 1.414213562373 0.841470984808 63.816856129282
strtod 1 strtol -127
heap 44704000
too much 1 Not enough space
-1 3 5 7 9
leapt 3
time passes 1
date 1970-01-02, clock 1, time 1
read 7
read 4
read 1
end of input 1
fopen 1 No such file or directory
exit handler 2
exit handler 1, the last to run`;
}
