/**
 * The oracle of the store's tests: a machine's history as plain Maps, made from a seed.
 *
 * Batch g is a function of (seed, state after g - 1), so a test can say what any generation must look like without having
 * seen it being written: `Model.at(seed, g)`. Used by the tests and by the child process that they kill.
 */
import { links, states, type TypeName, typeNames, typeNumbers } from '../../src/kernel/abi/types.ts';
import type {
  Batch,
  CheckpointHeader,
  Head,
  Store,
  StoredLink,
  StoredObject,
} from '../../src/persist/store/contract.ts';
import type { GenerationView } from '../../src/persist/store/history.ts';
import type { StoreLimits } from '../../src/persist/store/limits.ts';

export const PAGE = 4096;

/** Bounds so small that a short test folds, spills, evicts and copies the log many times. */
export const tinyLimits: Partial<StoreLimits> = {
  ringBytes: 256 * 1024,
  shadowPages: 24,
  recordMissesMax: 6,
  objectFoldMs: 4,
  pageFoldBytes: 48 * 1024,
  idleFoldMs: 40,
  foldRows: 5,
  logBytes: 512 * 1024,
  thinPatienceMs: 30,
  checkpointRows: 30,
};

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

interface OutputPiece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What one batch holds, before it goes anywhere. */
interface Change {
  readonly pages: Map<number, Buffer>;
  readonly pagesGone: number[];
  readonly objects: StoredObject[];
  readonly objectsGone: number[];
  readonly journal: { kind: string; data: Buffer }[];
  readonly output: OutputPiece[];
  confirm: number | null;
}

const slabs = [0, 0x40_0000, 0x40_1000, 0x80_0800];

export class Model {
  readonly seed: number;
  generation = 0;
  readonly pages = new Map<number, Buffer>();
  readonly objects = new Map<number, StoredObject>();
  journal: Change['journal'] = [];
  outputTaken = 0;
  confirmed = 0;
  output: OutputPiece[] = [];
  change: Change | null = null;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** The state after `generation`. */
  static at(seed: number, generation: number): Model {
    const model = new Model(seed);
    while (model.generation < generation) model.step();
    return model;
  }

  private pageNumber(random: (below: number) => number): number {
    const slab = slabs[random(slabs.length)] as number;
    return slab + (random(4) === 0 ? random(1000) : random(8));
  }

  /** Makes the next generation. */
  step(): void {
    this.generation++;
    const random = randomOf(this.seed * 1_000_003 + this.generation);
    const change: Change = {
      pages: new Map(),
      pagesGone: [],
      objects: [],
      objectsGone: [],
      journal: [],
      output: [],
      confirm: null,
    };
    // Now and then a batch that is larger than the test's ring, or one with nothing in it.
    const size = random(12);
    const pageCount = size === 0 ? 200 : size === 1 ? 0 : random(10);
    for (let i = 0; i < pageCount; i++) this.changePage(change, random);
    const objectCount = size === 1 ? 0 : random(size === 2 ? 40 : 5);
    for (let i = 0; i < objectCount; i++) this.changeObject(change, random);
    for (let i = random(3); i > 0; i--) {
      change.journal.push({
        kind: ['input', 'clock', 'seed'][random(3)] as string,
        data: noise(random, random(40)),
      });
    }
    if (random(3) === 0) {
      const bytes = noise(random, 1 + random(random(20) === 0 ? 100_000 : 60));
      change.output.push({ offset: this.outputTaken, bytes });
      this.outputTaken += bytes.length;
    }
    if (random(4) === 0) change.confirm = this.confirmed + random(this.outputTaken - this.confirmed + 1);
    this.apply(change);
    this.change = change;
  }

  private changePage(change: Change, random: (below: number) => number): void {
    const number = this.pageNumber(random);
    if (change.pages.has(number) || change.pagesGone.includes(number)) return;
    const kind = random(10);
    if (kind === 0) {
      change.pagesGone.push(number);
      return;
    }
    const page = Buffer.from(this.pages.get(number) ?? Buffer.alloc(PAGE));
    if (kind === 1) noise(random, PAGE).copy(page);
    else if (kind === 2) page.fill(0);
    else {
      for (let i = random(12) + 1; i > 0; i--) {
        const bytes = noise(random, 1 + random(20));
        bytes.copy(page, random(PAGE - bytes.length + 1));
      }
    }
    change.pages.set(number, page);
  }

  private changeObject(change: Change, random: (below: number) => number): void {
    const address = (random(3) * 0x4_0000_0000 + random(60) * 32) as number;
    if (change.objects.some((o) => o.address === address) || change.objectsGone.includes(address)) return;
    if (random(5) === 0) change.objectsGone.push(address);
    else change.objects.push(randomObject(address, random));
  }

  private apply(change: Change): void {
    for (const [number, page] of change.pages) this.pages.set(number, page);
    for (const number of change.pagesGone) this.pages.delete(number);
    for (const address of change.objectsGone) this.objects.delete(address);
    for (const object of change.objects) this.objects.set(object.address, object);
    this.journal = change.journal;
    this.output.push(...change.output);
    if (change.confirm !== null) this.confirmed = change.confirm;
  }

  header(clean = false): CheckpointHeader {
    const kernelRecord = new Uint8Array(72);
    new DataView(kernelRecord.buffer).setFloat64(0, this.generation, true);
    return {
      generation: this.generation,
      parent: this.generation - 1,
      tick: BigInt(this.generation) * 1000n,
      wallMs: 1_700_000_000_000 + this.generation,
      kernelRecord,
      border: JSON.stringify({ output: { taken: this.outputTaken }, confirmed: this.confirmed }),
      pauseUs: 7,
      clean,
    };
  }

  /** Bytes of pages and objects that the last step changed. */
  changedBytes(): number {
    const { pages, objects } = this.change as Change;
    return pages.size * PAGE + objects.reduce((sum, object) => sum + object.state.length + 100, 0);
  }

  /** Writes what the last step changed. */
  fill(batch: Batch, clean = false): void {
    const change = this.change as Change;
    for (const [number, page] of change.pages) batch.page(number, page, number * 3);
    for (const number of change.pagesGone) batch.pageGone(number);
    for (const object of change.objects) batch.object(object);
    for (const address of change.objectsGone) batch.objectGone(address);
    for (const row of change.journal) batch.journal(row);
    for (const { offset, bytes } of change.output) batch.output('out', offset, bytes);
    if (change.confirm !== null) batch.confirmOutput('out', change.confirm);
    batch.publish(this.header(clean));
  }

  /** The next generation through the store; waits when there is no room. */
  advance(store: Store, clean = false): void {
    this.step();
    for (;;) {
      const batch = store.begin(this.changedBytes());
      if (batch !== null) {
        this.fill(batch, clean);
        return;
      }
      store.waitForCommit(Math.min(store.committed + 1, this.generation - 1));
    }
  }

  /** What is different in the store, in words; empty when nothing is. */
  differences(store: Store): string[] {
    const wrong: string[] = [];
    const numbers = new Set([...this.pages.keys(), 1, 0x40_0003, 0x7777_7777]);
    for (const number of numbers) wrong.push(...this.differenceOfPage(store, number));
    return wrong;
  }

  differenceOfPage(store: Store, number: number): string[] {
    const found = store.readPage(number) ?? Buffer.alloc(PAGE);
    const expected = this.pages.get(number) ?? Buffer.alloc(PAGE);
    return Buffer.compare(found, expected) === 0
      ? []
      : [`page ${number} of generation ${this.generation} is not as written`];
  }

  /** What is different in a view of this generation. */
  differencesOfView(view: GenerationView): string[] {
    const wrong: string[] = [];
    for (const number of new Set([...this.pages.keys(), ...view.pageNumbers(), 0x7777_7777])) {
      const found = view.readPage(number) ?? Buffer.alloc(PAGE);
      if (Buffer.compare(found, this.pages.get(number) ?? Buffer.alloc(PAGE)) !== 0) {
        wrong.push(`page ${number} of generation ${this.generation} is not as it was`);
      }
    }
    const expected = [...this.objects.values()].sort((a, b) => a.address - b.address);
    if (text(view.objects()) !== text(expected))
      wrong.push(`objects of generation ${this.generation} differ`);
    const header = this.header();
    if (view.tick !== header.tick || view.border !== header.border || view.wallMs !== header.wallMs) {
      wrong.push('the facts differ');
    }
    if (Buffer.compare(view.kernelRecord, header.kernelRecord) !== 0) wrong.push('the kernel record differs');
    return wrong;
  }

  /** What is different in a store that was just opened at this generation, output apart. */
  differencesOfState(store: Store): string[] {
    const wrong = this.differences(store);
    const objects = [...store.objects()];
    const expected = [...this.objects.values()].sort((a, b) => a.address - b.address);
    if (text(objects) !== text(expected)) wrong.push(`objects of generation ${this.generation} differ`);
    const head = store.head as Head;
    const header = this.header();
    if (head.tick !== header.tick || head.border !== header.border) wrong.push('the head differs');
    if (Buffer.compare(head.kernelRecord, header.kernelRecord) !== 0) wrong.push('the kernel record differs');
    return wrong;
  }

  /** The same with the output that was not confirmed. */
  differencesAtOpening(store: Store): string[] {
    const wrong = this.differencesOfState(store);
    const head = store.head as Head;
    const output = Buffer.concat(head.unconfirmedOutput.map((piece) => piece.bytes));
    const first = head.unconfirmedOutput[0]?.offset ?? this.outputTaken;
    const all = Buffer.concat(this.output.map((piece) => piece.bytes));
    if (first > this.confirmed) wrong.push(`output is kept from ${first}, confirmed to ${this.confirmed}`);
    if (Buffer.compare(output, all.subarray(first)) !== 0) wrong.push('unconfirmed output differs');
    return wrong;
  }
}

/** One line an object, the same whatever order properties have. */
function text(objects: readonly StoredObject[]): string {
  const lines = objects.map(({ address, type, serial, state, links: stored }) => {
    const ends = stored.map((link) => {
      if (link === null) return 'null';
      return 'name' in link ? JSON.stringify(link.name) : `${link.address}#${link.serial}`;
    });
    return `${address} ${type} ${serial} ${Buffer.from(state).toString('hex')} ${ends.join(' ')}`;
  });
  return lines.join('\n');
}

export function noise(random: (below: number) => number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = random(256);
  return bytes;
}

/** Any object: words of all magnitudes, links of all kinds. */
export function randomObject(address: number, random: (below: number) => number): StoredObject {
  const name = typeNames[random(typeNames.length)] as TypeName;
  const state = new Uint8Array(states[name].size);
  const view = new DataView(state.buffer);
  for (let at = 0; at < state.length; at += 8) {
    if (random(3) === 0) continue;
    view.setBigUint64(at, randomWord(random), true);
  }
  const serial = randomWord(random);
  const stored = links[name].map((): StoredLink => {
    const kind = random(4);
    if (kind === 0) return null;
    if (kind === 1) return { name: ['console', 'a "name"\\', 'ü'][random(3)] as string };
    return { address: random(3) * 0x4_0000_0000 + random(60) * 32, serial: randomWord(random) };
  });
  return { address, type: typeNumbers[name], serial, state, links: stored };
}

export function randomWord(random: (below: number) => number): bigint {
  const word = (BigInt(random(0x1_0000_0000)) << 32n) | BigInt(random(0x1_0000_0000));
  return word >> BigInt(random(64));
}
