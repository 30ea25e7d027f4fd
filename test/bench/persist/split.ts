/**
 * The parts of a pause: clocks read at the labelled points of the product (`phase`) and around what the runner calls.
 *
 * A stand of the hart goes from the end of one run to the start of the next. Its marks are kept until it is over; when there
 * was a demarcation in it each mark is the end of a part, named by it. Called by rig.ts; never in a product.
 */
import type { StoredObject } from '../../../src/persist/store/contract.ts';
import { type Quantiles, quantiles } from '../statistics.ts';

/** What each mark ends. */
const endings: Readonly<Record<string, string>> = {
  demarcate: 'between the slice and the demarcation',
  'demarcation-begin': 'input and clock',
  collected: 'collect and pickle',
  'batch-begin': 'check and border',
  copied: 'copies',
  'batch-publish': 'header',
  published: 'to publish',
  done: 'books',
  run: 'between the demarcation and the slice',
};

/** Of a part: how long each took, microseconds, and all of them together. */
export interface Part extends Quantiles {
  readonly sumMs: number;
}

interface Watched {
  run(limit: number): unknown;
  settleEarly(): void;
  checkSome(steps: number): boolean;
}

interface Prepared {
  prepare(check: (objects: readonly StoredObject[]) => void): boolean;
}

export class Split {
  readonly #nowMs: () => number;
  readonly #labels: string[] = [];
  readonly #times: number[] = [];
  #found = new Map<string, number[]>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The end of a part. */
  readonly mark = (label: string): void => {
    this.#labels.push(label);
    this.#times.push(this.#nowMs());
  };

  /** Puts clocks around what the runner calls. */
  watch(kernel: Watched, server: Prepared, runner: object): void {
    const run = kernel.run.bind(kernel);
    kernel.run = (limit) => {
      this.mark('run');
      this.#end();
      const reason = run(limit);
      this.mark('stood');
      return reason;
    };
    const settleEarly = kernel.settleEarly.bind(kernel);
    kernel.settleEarly = () => this.#timed('early settling', settleEarly);
    const prepare = server.prepare.bind(server);
    server.prepare = (check) => this.#timed('preparation', () => prepare(check));
    const checkSome = kernel.checkSome.bind(kernel);
    kernel.checkSome = (steps) => this.#timed('check of a part of everything', () => checkSome(steps));
    const demarcating = runner as { demarcate: (force: boolean, clean: boolean) => void };
    const demarcate = demarcating.demarcate.bind(runner);
    demarcating.demarcate = (force, clean) => {
      this.mark('demarcate');
      demarcate(force, clean);
      this.mark('done');
    };
  }

  #timed<T>(name: string, work: () => T): T {
    const fromMs = this.#nowMs();
    const result = work();
    this.#note(name, this.#nowMs() - fromMs);
    return result;
  }

  #note(name: string, ms: number): void {
    const list = this.#found.get(name);
    if (list === undefined) this.#found.set(name, [ms * 1000]);
    else list.push(ms * 1000);
  }

  #end(): void {
    const labels = this.#labels;
    const times = this.#times;
    if (labels[0] === 'stood') {
      if (!labels.includes('published'))
        this.#note('stand without a demarcation', (times.at(-1) as number) - (times[0] as number));
      else
        for (let i = 1; i < labels.length; i += 1)
          this.#note(
            endings[labels[i] as string] ?? (labels[i] as string),
            (times[i] as number) - (times[i - 1] as number),
          );
    }
    labels.length = 0;
    times.length = 0;
  }

  /** The parts since the last call. */
  take(): Record<string, Part> {
    const found = this.#found;
    this.#found = new Map();
    return Object.fromEntries(
      [...found].map(([name, us]) => [
        name,
        { ...quantiles(us), sumMs: us.reduce((sum, one) => sum + one, 0) / 1000 },
      ]),
    );
  }
}
