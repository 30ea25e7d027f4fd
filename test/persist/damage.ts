/**
 * `npm run damage -- [--logs N] [--flips N] [--files N] [--machines N] [--offers N] [--seed S]`: mutilated logs, flipped bits, forged files, forged machines, and damaged images
 * of real machines with what is offered for them.
 *
 * Each is opened and read whole: it is refused with one clear line, or it is harmless and every byte is right (logs and
 * flips), or it runs as a legal system (forgeries); what is offered brings the machine back (offers). A failing one prints the option that repeats it alone
 * (`--only logs:17`). Last line `N passed, N failed`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeOfferBase, tryOffer } from '../system/offers.ts';
import { copyImage, type Images, isClear, verdict, withCrashed } from './damage-tools.ts';
import { forgeAndRun, makeBases } from './forged.ts';
import { forgeFile, tryForged } from './forged-file.ts';
import { randomOf } from './store-model.ts';

type Random = (below: number) => number;
const FRAME_BYTES = 4096 + 24;
const LOG_HEADER_BYTES = 32;

/** Changes the log; says how. */
function mutilate(log: Buffer, random: Random): { log: Buffer; how: string } {
  const frames = Math.floor((log.length - LOG_HEADER_BYTES) / FRAME_BYTES);
  const frameAt = (frame: number): number => LOG_HEADER_BYTES + frame * FRAME_BYTES;
  const at = random(log.length);
  const one = frameAt(random(frames));
  const other = frameAt(random(frames));
  const copy = Buffer.from(log);
  switch (random(8)) {
    case 0:
      return { log: copy.subarray(0, at), how: `cut at ${at}` };
    case 1:
      return { log: copy.subarray(0, one), how: `cut at the frame at ${one}` };
    case 2:
      return { log: copy.fill(0, at, at + 512), how: `a sector of zeros at ${at}` };
    case 3:
      for (let i = at; i < Math.min(at + 512, copy.length); i++) copy[i] = random(256);
      return { log: copy, how: `a sector of garbage at ${at}` };
    case 4:
      log.copy(copy, one, other, other + FRAME_BYTES);
      return { log: copy, how: `the frame at ${other} over the one at ${one}` };
    case 5:
      log.copy(copy, one, other, other + FRAME_BYTES);
      log.copy(copy, other, one, one + FRAME_BYTES);
      return { log: copy, how: `the frames at ${one} and ${other} swapped` };
    case 6:
      return {
        log: Buffer.concat([copy.subarray(0, one), copy.subarray(one + FRAME_BYTES)]),
        how: `without the frame at ${one}`,
      };
    default: {
      const bit = random(LOG_HEADER_BYTES * 8);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      return { log: copy, how: `bit ${bit} of its header` };
    }
  }
}

/** One damaged copy: how, and what came of it. */
type Kind = (seed: number, images: Images) => Promise<{ how: string; trouble: string; noticed: boolean }>;

async function judged(images: Images, modelSeed: number, how: string) {
  const found = await verdict(images.copy, modelSeed);
  return { how, trouble: isClear(found) ? '' : found, noticed: found !== '' };
}

const MODEL_SEED = 11;

const logs: Kind = (seed, images) => {
  copyImage(images.newer, images.copy);
  const { log, how } = mutilate(readFileSync(`${images.newer}-wal`), randomOf(seed));
  writeFileSync(`${images.copy}-wal`, log);
  return judged(images, MODEL_SEED, how);
};

const flips: Kind = (seed, images) => {
  const random = randomOf(seed);
  copyImage(images.newer, images.copy);
  const part = ['', '', '', '-wal', '-side'][random(5)] as string;
  const bytes = readFileSync(images.copy + part);
  const at = random(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random(8));
  writeFileSync(images.copy + part, bytes);
  return judged(images, MODEL_SEED, `a bit of byte ${at} of image${part}`);
};

const files: Kind = async (seed, images) => {
  copyImage(images.newer, images.copy);
  const how = forgeFile(images.copy, seed);
  try {
    return { how, trouble: '', noticed: await tryForged(images.copy) };
  } catch (error) {
    return { how, trouble: String((error as Error).stack), noticed: false };
  }
};

const bases = makeBases();
const machines: Kind = (seed) => {
  const base = bases[seed % bases.length];
  if (base === undefined) throw new Error('damage: there are machines to forge');
  try {
    const { verdict: end, what } = forgeAndRun(base.store, base.subject, seed);
    return Promise.resolve({ how: what, trouble: '', noticed: end === 'refused' });
  } catch (error) {
    return Promise.resolve({ how: base.subject.name, trouble: (error as Error).message, noticed: false });
  }
};

let offerBase: ReturnType<typeof makeOfferBase> | null = null;
const told = { fork: 0, none: 0 };
const offers: Kind = async (seed) => {
  offerBase ??= makeOfferBase();
  const result = await tryOffer(await offerBase, seed);
  if (result.offered !== undefined) told[result.offered]++;
  return result;
};

const kinds = { logs, flips, files, machines, offers } as const;
const { values } = parseArgs({
  options: {
    logs: { type: 'string', default: '500' },
    flips: { type: 'string', default: '500' },
    files: { type: 'string', default: '500' },
    machines: { type: 'string', default: '10000' },
    offers: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
let passed = 0;
let failed = 0;
const [onlyKind, onlySeed] = (values.only ?? '').split(':');
await withCrashed(MODEL_SEED, async (images) => {
  for (const [name, kind] of Object.entries(kinds)) {
    if (onlyKind !== '' && onlyKind !== name) continue;
    const first = onlySeed === undefined ? Number(values.seed) : Number(onlySeed);
    const count = onlySeed === undefined ? Number(values[name as keyof typeof kinds]) : 1;
    let noticed = 0;
    for (let seed = first; seed < first + count; seed++) {
      const result = await kind(seed, images);
      if (result.noticed) noticed++;
      if (result.trouble === '') passed++;
      else {
        failed++;
        console.log(
          `FAIL ${result.how}: ${result.trouble}\n     repeat: npm run damage -- --only ${name}:${seed}`,
        );
      }
    }
    console.log(`${name}: ${count} from seed ${first}, ${noticed} refused, the others harmless or legal`);
  }
});
if (told.fork + told.none > 0) {
  console.log(
    `offers: ${told.fork} machines brought back by the command in the line, ${told.none} without a generation to offer`,
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
