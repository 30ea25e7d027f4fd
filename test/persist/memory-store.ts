/**
 * A store that is nothing but maps: the model that the server is tested with, and the oracle of what a file must hold.
 *
 * A commit happens when the test says so. Invariant: only committed batches are seen by `reopen`.
 */
import { InvariantError } from '../../src/base/assert.ts';
import type {
  Batch,
  CheckpointHeader,
  Head,
  JournalRow,
  Store,
  StoredObject,
} from '../../src/persist/store/contract.ts';

interface Content {
  readonly pages: Map<number, Uint8Array>;
  readonly objects: Map<number, StoredObject>;
  readonly journal: { generation: number; row: JournalRow }[];
  readonly output: { sink: string; offset: number; bytes: Uint8Array }[];
  header: CheckpointHeader | null;
}

const copyOf = (content: Content): Content => ({
  pages: new Map(content.pages),
  objects: new Map(content.objects),
  journal: [...content.journal],
  output: [...content.output],
  header: content.header,
});

export class MemoryStore implements Store {
  readonly path = 'memory';
  readonly head: Head | null;
  readonly failure = null;
  committed: number;
  /** Commit each batch as soon as it is published. */
  commitsAtOnce = true;
  private durable: Content;
  private newest: Content;
  private readonly inFlight: Content[] = [];
  private readonly listeners: ((generation: number) => void)[] = [];
  private readonly generations = new Map<number, number>();

  constructor(content?: Content) {
    this.durable = content ?? {
      pages: new Map(),
      objects: new Map(),
      journal: [],
      output: [],
      header: null,
    };
    this.newest = copyOf(this.durable);
    const header = this.durable.header;
    this.committed = header?.generation ?? 0;
    this.head =
      header === null
        ? null
        : {
            generation: header.generation,
            tick: header.tick,
            kernelRecord: header.kernelRecord,
            border: header.border,
            clean: header.clean,
            programs: [],
            unconfirmedOutput: this.durable.output,
          };
  }

  /** What a new process would find: all that was committed, nothing else. */
  reopen(): MemoryStore {
    return new MemoryStore(copyOf(this.durable));
  }

  /** What was committed. */
  get content(): Content {
    return this.durable;
  }

  objects(): Iterable<StoredObject> {
    return [...this.durable.objects.values()].sort((a, b) => a.address - b.address);
  }

  readPage(number: number): Uint8Array | null {
    return this.newest.pages.get(number) ?? null;
  }

  pageGeneration(number: number): number {
    return this.generations.get(number) ?? 0;
  }

  begin(): Batch {
    const next = copyOf(this.newest);
    const touched: number[] = [];
    return {
      page: (number, bytes) => {
        next.pages.set(number, bytes.slice());
        touched.push(number);
      },
      pageGone: (number) => void next.pages.delete(number),
      object: (object) => void next.objects.set(object.address, object),
      objectGone: (address) => void next.objects.delete(address),
      journal: (row) => void next.journal.push({ generation: this.committed + 1, row }),
      output: (sink, offset, bytes) => void next.output.push({ sink, offset, bytes }),
      confirmOutput: () => undefined,
      publish: (header) => {
        next.header = header;
        for (const number of touched) this.generations.set(number, header.generation);
        this.newest = next;
        this.inFlight.push(next);
        if (this.commitsAtOnce) this.commitAll();
      },
    };
  }

  /** Commits everything published. */
  commitAll(): void {
    for (let next = this.inFlight.shift(); next !== undefined; next = this.inFlight.shift()) {
      this.durable = next;
      this.committed = next.header?.generation ?? 0;
      for (const listener of this.listeners) listener(this.committed);
    }
  }

  onCommit(listener: (generation: number) => void): void {
    this.listeners.push(listener);
  }

  waitForCommit(): void {
    this.commitAll();
  }

  addProgram(): void {}

  imageHash(): string {
    throw new InvariantError('memory store: it has no image hash');
  }

  readonly logBytes = 0;

  statistics(): Readonly<Record<string, number>> {
    return {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
