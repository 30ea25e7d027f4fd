/**
 * Watchdogs of the hostile campaign: how much an entry does, in steps and in time.
 *
 * A step is one run of one block of the kernel's code, as the engine's own coverage counts them: it is the same in every run,
 * and knows nothing of what the kernel says that it did (`k.work`). So work that nobody is charged for is seen. Counting
 * costs milliseconds an entry, so a few attacks are watched so; processor time, generously, watches the long campaigns.
 * Called by hostile.test.ts and hostile-main.ts.
 */
import { Session } from 'node:inspector';
import type { Kernel } from '../../src/kernel/kernel.ts';

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

/** What one entry did. */
export interface Spent {
  readonly steps: number;
  /** Ticks that it was charged for, beyond the instructions that led to it. */
  readonly ticks: number;
  /** The functions in which most steps were, to find out why. */
  readonly most: string;
}

/**
 * Steps that any entry may do: what all do (registers, charge, trace, whose turn it is), and names that lead through a few
 * windows. What is beyond must be charged for: a unit of work is 64 ticks, and 64 bytes that are copied are 8.
 */
const STEPS_FREE = 6000;
const STEPS_PER_TICK = 64;

/** What is wrong with what an entry did, or null. */
export function complaint({ steps, ticks, most }: Spent): string | null {
  if (steps <= STEPS_FREE + STEPS_PER_TICK * ticks) return null;
  return `an entry did ${steps} steps and was charged ${ticks} ticks; most in ${most}`;
}

/** Processor time that one step of an attack may take, checks and all: some thousand times what it does take. */
const STEP_MS_MAX = 2000;

/** Throws when a step of an attack takes very long. For campaigns, where nobody else waits for it. */
export function timed(step: () => void): void {
  const before = process.threadCpuUsage();
  step();
  const { user, system } = process.threadCpuUsage(before);
  const ms = (user + system) / 1000;
  if (ms > STEP_MS_MAX) throw new Error(`a step took ${Math.round(ms)} ms of processor time`);
}

/** Functions that watch and do not work: they run in tests only. */
const watching = new Set(['contentSum']);

/** Counts steps of the kernel's code. Slow: close it. */
export class StepCounter {
  readonly #session = new Session();
  #kernel: Kernel | null = null;
  #tick = 0n;
  #retired = 0;

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable', {});
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  #post(method: string, parameters: object): unknown {
    let answer: unknown = null;
    // Within one thread the answer comes before `post` returns.
    this.#session.post(method, parameters, (error, result) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }

  /** Steps since it was called last. */
  take(): { readonly steps: number; readonly most: string } {
    const { result } = this.#post('Profiler.takePreciseCoverage', {}) as Coverage;
    const byName = new Map<string, number>();
    let steps = 0;
    for (const { url, functions } of result) {
      if (!url.includes('/src/kernel/') || url.includes('/src/kernel/check/')) continue;
      for (const { functionName, ranges } of functions) {
        if (watching.has(functionName)) continue;
        const count = ranges.reduce((sum, range) => sum + range.count, 0);
        steps += count;
        byName.set(functionName, (byName.get(functionName) ?? 0) + count);
      }
    }
    const most = [...byName].sort((a, b) => b[1] - a[1]).slice(0, 5);
    return { steps, most: most.map(([name, count]) => `${name} ${count}`).join(', ') };
  }

  /** Tells `visit` of every charged entry of this kernel from now on. */
  watch(kernel: Kernel, visit: (spent: Spent) => void): void {
    this.#kernel = kernel;
    this.#note();
    this.take();
    kernel.afterEntry = () => {
      const { steps, most } = this.take();
      const [tick, retired] = [this.#tick, this.#retired];
      this.#note();
      visit({ steps, most, ticks: Number(this.#tick - tick) - (this.#retired - retired) });
    };
  }

  #note(): void {
    if (this.#kernel === null) return;
    this.#tick = this.#kernel.tick();
    this.#retired = this.#kernel.statistics().retired;
  }

  close(): void {
    this.#post('Profiler.stopPreciseCoverage', {});
    this.#session.disconnect();
  }
}
