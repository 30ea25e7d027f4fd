/**
 * A store without a file, for a machine that is not to be kept: the newest bytes of each page, in host memory.
 *
 * It lets the server and its pager work as ever, so RAM may be smaller than the program's memory. A batch is committed
 * as it is published; objects, journal and output are not kept, since nobody can come back to them.
 * Invariant: `head` is null for its whole life. Made by the entry point (`perdure run --ephemeral`); never touches a file.
 */
import { InvariantError } from '../../base/assert.ts';
import type { Batch, Store, StoredObject } from './contract.ts';

export class VolatileStore implements Store {
  readonly path = 'an ephemeral machine';
  readonly head = null;
  readonly failure = null;
  #committed = 0;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #listeners: ((generation: number) => void)[] = [];

  get committed(): number {
    return this.#committed;
  }

  objects(): Iterable<StoredObject> {
    return [];
  }

  readPage(number: number): Uint8Array | null {
    return this.#pages.get(number) ?? null;
  }

  /** Every published page is committed. */
  pageGeneration(number: number): number {
    return this.#pages.has(number) ? this.#committed : 0;
  }

  begin(): Batch {
    return {
      page: (number, bytes) => {
        const kept = this.#pages.get(number);
        if (kept === undefined) this.#pages.set(number, bytes.slice());
        else kept.set(bytes);
      },
      pageGone: (number) => void this.#pages.delete(number),
      object: () => undefined,
      objectGone: () => undefined,
      journal: () => undefined,
      output: () => undefined,
      confirmOutput: () => undefined,
      publish: ({ generation }) => {
        this.#committed = generation;
        for (const listener of this.#listeners) listener(generation);
      },
    };
  }

  onCommit(listener: (generation: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Nothing to wait for. */
  waitForCommit(generation: number): void {
    if (generation > this.#committed) throw new InvariantError(`volatile store: ${generation} was published`);
  }

  addProgram(): void {}

  /** There is no image. */
  imageHash(): string {
    return '';
  }

  readonly logBytes = 0;

  statistics(): Readonly<Record<string, number>> {
    return { pagesKept: this.#pages.size };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
