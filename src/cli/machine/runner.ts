/**
 * The loop that runs a machine: slices of the hart, demarcations between them, the host's events when there is time.
 *
 * ```
 *   slice -> (due? demarcate) -> (idle? wait for deadline, input or signal) -> slice ...
 *   end: demarcate -> commit -> release output -> last demarcation (clean) -> close
 * ```
 * Invariants: a slice may be cut anywhere without effect; nothing enters the machine but at a demarcation; the kernel's
 * check holds before every commit. Called by `perdure run`; the clock and the streams come in as parameters.
 */
import { assert } from '../../base/assert.ts';
import type { Store, StoredObject } from '../../persist/store/contract.ts';
import { storeLimits } from '../../persist/store/limits.ts';
import type { Assembly, BorderState } from './assemble.ts';
import type { NewLife } from './inputs.ts';
import { Inputs } from './inputs.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { InputPlace } from './source-file.ts';
import type { TierPlan } from './tier.ts';

export interface RunnerOptions {
  readonly intervalMs: number;
  readonly clock: 'real' | 'instructions';
  /** Tick at which to stop, or null. */
  readonly stopAt: bigint | null;
  /** How far the image has read an input file. */
  readonly place: InputPlace | null;
  /** Ticks of the longest slice; tests make it small. */
  readonly sliceTicksMax: number;
  readonly tierPlan: TierPlan;
  readonly life: NewLife;
}

export interface RunnerHost {
  /** Monotonic host time, milliseconds. */
  readonly nowMs: () => number;
  /** Wall clock, milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Labelled points of a crash test (persist/phases.ts). */
  readonly phase: (label: string) => void;
  /** Called once: what comes next is the first instruction of this life. */
  readonly begins?: () => void;
  /** The store's log has grown to so many bytes: somebody who reads the image keeps it from beginning again. */
  readonly logGrew?: (bytes: number) => void;
}

/** What a checkpoint saves of the border, less what the server knows. */
type SavedBorder = Omit<BorderState, 'ended'>;

export type RunEnd = 'exit' | 'trap' | 'stop-at' | 'interrupt';

/** A slice should take about this long, so that events and demarcations are punctual. */
const SLICE_MS = 0.5;
const SLICE_TICKS_MIN = 2_000;
/** Checkpoints on their way, in time and in number; two, so that the worker always has one. */
const IN_FLIGHT_MS = 50;
const IN_FLIGHT_MIN = 2;
/** The store itself would take four times as many. */
const IN_FLIGHT_MAX = 64;
/** Checkpoints that follow each other faster find the processor's caches as the one before left them. */
const PREPARED_MS_MIN = 4;
/** Of the interval; a half of it is the longest that a checkpoint is put off. */
const PREPARED_MS_MAX = 20;
/** The host's events get their turn at least this often. */
const EVENT_MS = 2;
/** And so often even when each slice ends with a demarcation. */
const EVENT_MS_MAX = 2 * EVENT_MS;

/**
 * Steps of the check of everything at each checkpoint, about 30 µs: at 100 checkpoints a second it has seen a hundred
 * thousand things in half a minute.
 */
const CHECK_STEPS = 32;
/** Of these, so many after each slice until all are made: the hart stands for a moment only. */
const CHECK_STEPS_AT_ONCE = 8;

export class Runner {
  private readonly parts: Assembly;
  private readonly store: Store;
  private readonly sink: Sink;
  private readonly inputs: Inputs;
  private readonly options: RunnerOptions;
  private readonly host: RunnerHost;
  /** Something happened that no checkpoint covers. */
  private isDirty = true;
  private nextDueMs = 0;
  private sliceTicks: number;
  private stopRequested = false;
  /** The last slice ended because memory or held output is full. */
  private needsRoom = false;
  private wakeUp: (() => void) | null = null;
  /** Checkpoints that may be on their way to the file at once. */
  private readonly inFlightMax: number;
  /** Newest generation whose output was released. */
  private released: number;
  /** For each of the last checkpoints the longest time, in microseconds, that the hart stood still until the one after. */
  private readonly pauses = new Float64Array(PAUSES_KEPT);
  /** When the hart ran last; negative when the machine had nothing to do meanwhile. */
  private stoodSinceMs = -1;
  private stoodMsMax = 0;
  private isDemarcated = false;
  /** A demarcation is due, and what it will touch is being brought: slices are short. */
  private isPreparing = false;
  /** The last slice went to its end: nobody waits for a checkpoint, or for anything else. */
  private isCut = false;
  /** All of that was brought. */
  private isReady = false;
  private savedBorder: SavedBorder | null = null;
  /** Steps of the check of everything that are to be made before the next commit. */
  private checkStepsOwed = CHECK_STEPS;
  private pauseCount = 0;
  /** Somebody is told when the log is so long. */
  private logToldBytes = storeLimits.logBytesMax;
  /** Host time that each of the last demarcations took. */
  private readonly demarcationsUs = new Float64Array(4096);
  /** Every thread waits, and none for the clock: only input can wake the machine. */
  isAsleep = false;
  checkpointCount = 0;
  /** Times that the check has come to an end of everything. */
  checkPasses = 0;

  constructor(
    parts: Assembly,
    store: Store,
    sink: Sink,
    source: Source,
    options: RunnerOptions,
    host: RunnerHost,
  ) {
    this.parts = parts;
    this.store = store;
    this.sink = sink;
    this.inputs = new Inputs(parts, source, options, host);
    this.options = options;
    this.host = host;
    this.sliceTicks = Math.min(100_000, options.sliceTicksMax);
    const inFlight = Math.floor(IN_FLIGHT_MS / options.intervalMs);
    this.inFlightMax = Math.max(IN_FLIGHT_MIN, Math.min(IN_FLIGHT_MAX, inFlight));
    this.released = store.committed;
    store.onCommit((generation) => {
      this.release(generation);
      this.wake();
    });
  }

  /** Input arrived, a signal came or a commit: an idle machine looks again. */
  wake(): void {
    this.wakeUp?.();
  }

  /** The machine takes its last checkpoint and stops. */
  requestStop(): void {
    this.stopRequested = true;
    this.wake();
  }

  /** Runs until the program ends, the tick is reached or a stop is requested; then stops cleanly. */
  async run(): Promise<RunEnd> {
    let lastEventsMs = this.host.nowMs();
    this.nextDueMs = lastEventsMs;
    // The life begins before its first slice, as rows of a checkpoint like all that comes in (law 7).
    this.demarcate(false, false);
    this.host.begins?.();
    for (;;) {
      const end = this.endReached();
      if (end !== null) {
        await this.stopCleanly();
        return end;
      }
      this.checkHealth();
      let isIdle = this.slice();
      if (this.needsRoom) await this.makeRoom();
      const nowMs = this.host.nowMs();
      // A commit that is noticed here lets output go without a turn of the event loop.
      this.release(this.store.committed);
      let eventMs = EVENT_MS;
      const isDue = nowMs >= this.nextDueMs && this.hasWork() && !this.isDiskBehind;
      this.isPreparing = isDue && this.isCut && !this.isPrepared(nowMs);
      if (isDue && !this.isPreparing) {
        this.demarcate(false, false);
        // What entered (a step of the clock, input) may have woken a thread: look again before going to sleep.
        isIdle = false;
        // The hart has stood long enough: everything else waits for the end of another slice, unless it waits long.
        eventMs = EVENT_MS_MAX;
      } else {
        this.parts.kernel.settleEarly();
        if (this.checkStepsOwed > 0) this.checkSome(CHECK_STEPS_AT_ONCE);
      }
      if (isIdle) {
        await this.idle();
        lastEventsMs = this.host.nowMs();
      } else if (nowMs - lastEventsMs >= eventMs) {
        await new Promise((resolve) => setImmediate(resolve));
        lastEventsMs = this.host.nowMs();
      }
    }
  }

  private endReached(): RunEnd | null {
    const { kernel, server } = this.parts;
    if (server.ended !== null) return server.ended.kind;
    if (this.options.stopAt !== null && kernel.tick() >= this.options.stopAt) return 'stop-at';
    return this.stopRequested ? 'interrupt' : null;
  }

  private checkHealth(): void {
    if (this.store.failure !== null) throw this.store.failure;
    if (this.sink.failure !== null) throw this.sink.failure;
    if (this.inputs.failure !== null) throw this.inputs.failure;
  }

  /** Runs one slice; true when every thread waits. */
  private slice(): boolean {
    const { kernel, server, output } = this.parts;
    const startMs = this.host.nowMs();
    let limit = this.isPreparing ? Math.max(this.sliceTicks >> 4, SLICE_TICKS_MIN) : this.sliceTicks;
    if (this.options.stopAt !== null) {
      const left = this.options.stopAt - kernel.tick();
      if (left < BigInt(limit)) limit = Number(left);
    }
    const planned = this.options.tierPlan.at?.(kernel.tick()) ?? null;
    if (planned !== null) {
      this.parts.machine.setTier(planned.tier);
      limit = Math.min(limit, planned.ticks);
    }
    const before = kernel.tick();
    this.notePause();
    const reason = kernel.run(limit);
    this.stoodSinceMs = reason === 'idle' ? -1 : this.host.nowMs();
    if (kernel.tick() !== before) this.isDirty = true;
    this.isCut = reason === 'limit';
    this.needsRoom = reason === 'service' && (server.needsRoom || output.isFull);
    if (reason === 'limit' && !this.isPreparing) this.adaptSlice(this.host.nowMs() - startMs);
    return reason === 'idle';
  }

  /**
   * The hart runs again: how long it stood still, for whatever reason (a demarcation, a turn of the event loop, garbage
   * collection), unless it had nothing to do.
   */
  private notePause(): void {
    if (this.stoodSinceMs >= 0)
      this.stoodMsMax = Math.max(this.stoodMsMax, this.host.nowMs() - this.stoodSinceMs);
    if (!this.isDemarcated) return;
    this.isDemarcated = false;
    if (this.stoodMsMax > 0) this.pauses[this.pauseCount++ % PAUSES_KEPT] = this.stoodMsMax * 1000;
    this.stoodMsMax = 0;
  }

  /** Host time between two runs of the hart, microseconds: the longest around each of the last checkpoints, in any order. */
  pausesUs(): Float64Array {
    return this.pauses.slice(0, Math.min(this.pauseCount, PAUSES_KEPT));
  }

  /** The longest of the last `count` demarcations, microseconds. */
  demarcationUsMax(count: number): number {
    const { length } = this.demarcationsUs;
    let longest = 0;
    for (let i = 1; i <= Math.min(count, this.checkpointCount, length); i++)
      longest = Math.max(longest, this.demarcationsUs[(this.checkpointCount - i) % length] as number);
    return longest;
  }

  /** Forgets the pauses so far: a benchmark has warmed up. */
  forgetPauses(): void {
    this.pauseCount = 0;
  }

  private adaptSlice(tookMs: number): void {
    if (tookMs < SLICE_MS / 2) this.sliceTicks = Math.min(this.sliceTicks * 2, this.options.sliceTicksMax);
    else if (tookMs > SLICE_MS * 2) this.sliceTicks = Math.max(this.sliceTicks >> 1, SLICE_TICKS_MIN);
  }

  /** Memory or held output is full: a checkpoint must commit before the machine goes on. */
  private async makeRoom(): Promise<void> {
    this.demarcate(true, false);
    await this.allCommitted();
    this.release(this.store.committed);
  }

  /** Waits until all that was published has committed. The event loop turns meanwhile: a second Ctrl-C is heard. */
  private async allCommitted(): Promise<void> {
    const { published } = this.parts.server;
    while (this.store.committed < published) {
      this.checkHealth();
      await this.doze((done) => {
        const timer = setTimeout(done, COMMIT_LOOK_MS);
        return () => clearTimeout(timer);
      });
    }
  }

  private hasWork(): boolean {
    return this.isDirty || this.inputs.isWaiting || this.parts.output.hasFresh || this.sink.wantsCheckpoint;
  }

  /**
   * A slow disk stretches the interval: rather that than wait in a demarcation, where no signal would be heard. The next
   * checkpoint waits until fewer are on their way, so that output is not held ever longer, and takes all that has changed
   * by then.
   */
  private get isDiskBehind(): boolean {
    return this.parts.server.published - this.store.committed >= this.inFlightMax;
  }

  /** Waits for what comes first: the next deadline, the next demarcation if one is owed, input, a signal. */
  private async idle(): Promise<void> {
    const { kernel, input } = this.parts;
    const deadline = kernel.nextDeadline();
    const { stopAt } = this.options;
    const nowMs = this.host.nowMs();
    if (this.options.clock === 'instructions') {
      // Idle time is skipped: the clock counts instructions, so there is nothing to wait for.
      const isFinal = deadline === null && input.isEnded;
      const target = deadline ?? (isFinal ? stopAt : null);
      if (target !== null) {
        kernel.stepClock(stopAt !== null && stopAt < target ? stopAt : target);
        this.isDirty = true;
        return;
      }
    } else if (deadline !== null && this.inputs.realTick(nowMs) >= deadline) {
      kernel.stepClock(deadline);
      this.isDirty = true;
      return;
    }
    const wakeMs =
      this.options.clock === 'real' && deadline !== null
        ? this.inputs.msOf(deadline)
        : Number.POSITIVE_INFINITY;
    const isOwed = this.hasWork() && !this.isDiskBehind;
    const dueMs = isOwed ? this.nextDueMs : Number.POSITIVE_INFINITY;
    this.isAsleep = deadline === null;
    await this.sleep(Math.min(wakeMs, dueMs) - nowMs);
    this.isAsleep = false;
  }

  /** Sleeps that long, or until woken; one turn of the event loop at the least. */
  private sleep(ms: number): Promise<void> {
    return this.doze((done) => {
      if (this.stopRequested || ms <= 1) {
        const turn = setImmediate(done);
        return () => clearImmediate(turn);
      }
      const timer = setTimeout(done, Math.min(Number.isFinite(ms) ? ms : IDLE_TIMER_MS, IDLE_TIMER_MS));
      return () => clearTimeout(timer);
    });
  }

  /** Until `wake` is called, or what `start` has set going calls `done`; `start` returns how to call that off. */
  private doze(start: (done: () => void) => () => void): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        // Left alone, it would call this again during a later sleep, and that one's wake-up would be lost.
        callOff();
        if (this.wakeUp === done) this.wakeUp = null;
        resolve();
      };
      this.wakeUp = done;
      const callOff = start(done);
    });
  }

  /** A demarcation is due: true when all is ready for it, else some of that was done. */
  private isPrepared(nowMs: number): boolean {
    const { intervalMs } = this.options;
    if (intervalMs < PREPARED_MS_MIN || this.stopRequested || this.isReady) return true;
    // A machine that gets on slowly, or much that has changed: it is not worth a late checkpoint.
    if (nowMs - this.nextDueMs > Math.min(intervalMs, PREPARED_MS_MAX) / 2) return true;
    this.isReady = this.parts.server.prepare((objects) => this.checkObjects(objects));
    if (this.isReady) {
      this.borderState();
      this.inputs.realTick(this.host.nowMs());
    }
    return false;
  }

  /**
   * Before a commit: all that it saves (law 9). A bounded part of everything else was checked since the last one, after
   * slices that no demarcation followed, so that the hart stands several times for a moment and not once for long.
   */
  private check(objects: readonly StoredObject[]): void {
    if (this.checkStepsOwed > 0) this.checkSome(this.checkStepsOwed);
    this.checkStepsOwed = CHECK_STEPS;
    this.checkObjects(objects);
  }

  private checkObjects(objects: readonly StoredObject[]): void {
    this.parts.kernel.checkChanged(objects.map(({ serial }) => Number(serial)));
  }

  private checkSome(steps: number): void {
    this.checkStepsOwed -= steps;
    if (this.parts.kernel.checkSome(steps)) this.checkPasses += 1;
  }

  private demarcate(force: boolean, clean: boolean): void {
    const { kernel, server, output } = this.parts;
    this.isReady = false;
    const startMs = this.host.nowMs();
    const journal = this.inputs.enter(startMs);
    const generation = server.demarcate({
      tick: kernel.tick(),
      wallMs: this.host.wallMs(),
      journal,
      border: (number) => {
        const run = output.demarcate(number);
        return {
          state: this.borderState(),
          output: run,
          outputConfirmed: this.sink.confirmed(),
        };
      },
      check: (objects) => this.check(objects),
      force: force || this.sink.wantsCheckpoint,
      clean,
      nowUs: () => this.host.nowMs() * 1000,
    });
    const endMs = this.host.nowMs();
    if (generation !== null) {
      this.demarcationsUs[this.checkpointCount % this.demarcationsUs.length] = (endMs - startMs) * 1000;
      this.checkpointCount++;
      this.isDemarcated = true;
    }
    this.isDirty = false;
    this.nextDueMs = Math.max(this.nextDueMs + this.options.intervalMs, endMs);
  }

  /** The same object as long as nothing of it has changed: then its text need not be made again. */
  private borderState(): SavedBorder {
    const { output, input, lives } = this.parts;
    const before = this.savedBorder;
    const outputProof = this.sink.proof();
    const inputPlace = this.inputs.place();
    const isSame =
      before !== null &&
      before.output === output.state() &&
      before.input === input.state() &&
      before.lives === lives.state() &&
      before.outputOrigin === this.sink.origin &&
      before.outputProof === outputProof &&
      before.inputPlace === inputPlace;
    if (isSame) return before;
    this.savedBorder = {
      output: output.state(),
      input: input.state(),
      lives: lives.state(),
      outputOrigin: this.sink.origin,
      outputProof,
      inputPlace,
    };
    return this.savedBorder;
  }

  /** Output that this generation covers leaves (law 7). */
  private release(committed: number): void {
    if (committed <= this.released) return;
    this.released = committed;
    this.sink.checkpointCommitted();
    this.parts.output.release(committed);
    this.host.phase('released');
    this.watchLog();
  }

  private watchLog(): void {
    const { logBytes } = this.store;
    if (logBytes < this.logToldBytes) {
      if (logBytes < storeLimits.logBytesMax / 2) this.logToldBytes = storeLimits.logBytesMax;
      return;
    }
    this.logToldBytes = 2 * logBytes;
    this.host.logGrew?.(logBytes);
  }

  private async stopCleanly(): Promise<void> {
    const { server } = this.parts;
    // Two checkpoints: the first covers all output, the second knows that it has reached the sink.
    this.demarcate(true, false);
    await this.allCommitted();
    this.release(this.store.committed);
    await this.sink.flush();
    this.checkHealth();
    this.demarcate(true, true);
    await this.allCommitted();
    assert(this.store.committed === server.published, 'runner: a clean stop leaves nothing uncommitted');
  }
}

/** Longest sleep of an idle machine: only a bound for the timer, far beyond any rate that costs time. */
const IDLE_TIMER_MS = 60_000;
/** How often somebody who waits for a commit looks whether the store has failed. */
const COMMIT_LOOK_MS = 100;
/** Pauses remembered for the report. */
const PAUSES_KEPT = 100_000;
