/**
 * What comes in from outside, as rows of the checkpoint at whose demarcation it enters (law 7): the beginning of a life,
 * steps of the clock, the wall clock, seeds of the generator, typed input and its end.
 *
 * Rows and their data: `life` (the ABI's layout `life`), `clock` (u64, the tick stepped to), `wall` (u64, nanoseconds since
 * 1970 at tick 0), `seed` (32 bytes), `input` (bytes), `input-ended` and `input-reopened` (empty).
 * Invariants: nothing enters but through `enter`, between two slices; the clock is never stepped back; the first call of a
 * life, before its first slice, begins it. Called by the runner; clock and chance come in as parameters.
 */
import { TICKS_PER_NANOSECOND } from '../../kernel/abi/memory.ts';
import type { JournalRow } from '../../persist/store/contract.ts';
import type { LifeKind } from '../../userland/border/lives.ts';
import type { Assembly } from './assemble.ts';
import type { Source } from './source.ts';
import type { InputPlace } from './source-file.ts';

/** The wall clock of the machine is set anew when it is this far from the host's: a step, or a host that slept. */
const WALL_TOLERANCE_MS = 100;
const NS_PER_MS = 1_000_000n;
const TICKS_PER_MS = TICKS_PER_NANOSECOND * 1e6;
const noBytes = new Uint8Array(0);

export interface NewLife {
  readonly kind: LifeKind;
  /** 16 random bytes. */
  readonly id: Uint8Array;
  /** 32 random bytes for the generator, or null: it goes on where it was. */
  readonly seed: Uint8Array | null;
}

export interface InputsOptions {
  readonly clock: 'real' | 'instructions';
  /** The clock is not stepped beyond this tick; null: no such bound. */
  readonly stopAt: bigint | null;
  readonly life: NewLife;
  /** How far the image has read an input file; null: it has none. */
  readonly place: InputPlace | null;
}

export interface InputsHost {
  /** Monotonic host time, milliseconds. */
  readonly nowMs: () => number;
  /** Wall clock, milliseconds since 1970. */
  readonly wallMs: () => number;
}

export class Inputs {
  private readonly parts: Assembly;
  private readonly source: Source;
  private readonly options: InputsOptions;
  private readonly host: InputsHost;
  private readonly baseMs: number;
  private readonly baseTick: bigint;
  /** Wall clock at tick 0 as it was set in this life, milliseconds; null: not yet. */
  private wallBaseMs: number | null = null;
  private hasBegun = false;

  constructor(parts: Assembly, source: Source, options: InputsOptions, host: InputsHost) {
    this.parts = parts;
    this.source = source;
    this.options = options;
    this.host = host;
    this.baseMs = host.nowMs();
    this.baseTick = parts.kernel.tick();
  }

  /** The tick that the machine's clock would show if it kept to real time. */
  realTick(nowMs: number): bigint {
    return this.baseTick + BigInt(Math.max(0, Math.floor((nowMs - this.baseMs) * TICKS_PER_MS)));
  }

  /** Host time, as of `nowMs`, at which the machine's clock shows this tick. */
  msOf(tick: bigint): number {
    return this.baseMs + Number(tick - this.baseTick) / TICKS_PER_MS;
  }

  get failure(): Error | null {
    return this.source.failure;
  }

  /** How far the input file has been read; what an earlier life has read when this one has no file. */
  place(): InputPlace | null {
    return this.source.place() ?? this.options.place;
  }

  /** Something waits to enter. */
  get isWaiting(): boolean {
    const { input } = this.parts;
    if (!this.hasBegun) return true;
    if (this.source.hasBytes) return input.isEnded || input.room > 0;
    return input.isEnded ? this.source.isTerminal && !this.source.hasEnded : this.source.hasEnded;
  }

  /** At a demarcation: everything enters; the rows of it. */
  enter(nowMs: number): JournalRow[] {
    const rows: JournalRow[] = [];
    if (this.options.clock === 'real') this.enterTime(nowMs, rows);
    if (!this.hasBegun) this.beginLife(rows);
    this.enterTyped(rows);
    return rows;
  }

  private enterTime(nowMs: number, rows: JournalRow[]): void {
    const { kernel } = this.parts;
    const { stopAt } = this.options;
    let target = this.realTick(nowMs);
    if (stopAt !== null && stopAt < target) target = stopAt;
    if (target > kernel.tick()) {
      rows.push({ kind: 'clock', data: wordBytes(target) });
      kernel.stepClock(target);
    }
    const tick = kernel.tick();
    // At the end of a bounded run the clock stands, and the wall clock with it.
    if (this.wallBaseMs !== null && stopAt !== null && tick >= stopAt) return;
    const wallMs = this.host.wallMs();
    const elapsedMs = Number(tick) / TICKS_PER_MS;
    if (this.wallBaseMs !== null && Math.abs(this.wallBaseMs + elapsedMs - wallMs) < WALL_TOLERANCE_MS)
      return;
    this.wallBaseMs = wallMs - elapsedMs;
    const base = BigInt(Math.floor(wallMs)) * NS_PER_MS - tick / BigInt(TICKS_PER_NANOSECOND);
    rows.push({ kind: 'wall', data: wordBytes(base) });
    kernel.setWallBase(base);
  }

  private beginLife(rows: JournalRow[]): void {
    this.hasBegun = true;
    const { kernel, lives, server } = this.parts;
    const { kind, id, seed } = this.options.life;
    const { monotonic, wall } = kernel.clock();
    server.life = lives.begin({ kind, id, monotonic, wall });
    rows.push({ kind: 'life', data: server.life });
    if (seed === null) return;
    const words = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
    kernel.seed([0, 8, 16, 24].map((at) => words.getBigUint64(at, true)));
    rows.push({ kind: 'seed', data: seed });
  }

  private enterTyped(rows: JournalRow[]): void {
    const { input } = this.parts;
    const { source } = this;
    // An end is the end of its source: a later one, in a later life, may have more.
    if (input.isEnded && (source.hasBytes || (source.isTerminal && !source.hasEnded))) {
      rows.push({ kind: 'input-reopened', data: noBytes });
      input.enterReopen();
    }
    const bytes = input.room > 0 ? source.take(input.room) : noBytes;
    if (bytes.length > 0) {
      rows.push({ kind: 'input', data: bytes });
      input.enter(bytes);
    }
    if (source.hasEnded && !input.isEnded) {
      rows.push({ kind: 'input-ended', data: noBytes });
      input.enterEnd();
    }
  }
}

function wordBytes(word: bigint): Uint8Array {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setBigUint64(0, word, true);
  return data;
}
