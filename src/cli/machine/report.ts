/**
 * The JSON report of a run: to --report FILE, or with --json as the last line of stderr.
 *
 * Called once, when a run has ended, well or not.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Ended } from '../../persist/server.ts';
import type { Store } from '../../persist/store/contract.ts';
import { troubleOf } from '../errors.ts';
import type { Invocation } from '../verb.ts';
import type { Assembly } from './assemble.ts';
import type { RunEnd, Runner } from './runner.ts';

export interface RunFacts {
  readonly runner: Runner;
  readonly parts: Assembly;
  readonly store: Store;
  readonly end: RunEnd;
  readonly seconds: number;
  readonly startupMs: number;
  /** The tier asked for. */
  readonly tier: string;
}

function quantile(sorted: Float64Array, fraction: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] as number;
}

/** After a run. */
export function writeReport(invocation: Invocation, facts: RunFacts): void {
  const { runner, parts, store } = facts;
  const pauses = runner.pausesUs().sort();
  const instructions = parts.kernel.statistics().retired;
  const tiers = parts.machine.tierStatistics();
  put(invocation, store, {
    ...endOf(facts.end, parts.server.ended),
    generation: parts.server.published,
    tick: String(parts.kernel.tick()),
    tier: facts.tier,
    tiers: { ...tiers, translateMs: round(tiers.translateMs) },
    instructions,
    seconds: round(facts.seconds),
    mips: round(instructions / facts.seconds / 1e6),
    startupMs: round(facts.startupMs),
    checkpoints: runner.checkpointCount,
    checkPasses: runner.checkPasses,
    pauseUs: {
      p50: round(quantile(pauses, 0.5)),
      p99: round(quantile(pauses, 0.99)),
      max: round(pauses.at(-1) ?? 0),
    },
    pagesSupplied: parts.server.pager.suppliedCount,
    pagesEvicted: parts.server.pager.evictedCount,
  });
}

/** For an image whose program had ended before: nothing ran. */
export function writeEndedReport(invocation: Invocation, store: Store, ended: Ended): void {
  put(invocation, store, {
    ...endOf(ended.kind, ended),
    generation: store.head?.generation ?? 0,
    tick: String(store.head?.tick ?? 0n),
    instructions: 0,
    seconds: 0,
    checkpoints: 0,
  });
}

/** The report file of a run that failed; on stderr the same is said by whoever catches the error. */
export function writeErrorReport(invocation: Invocation, error: unknown): void {
  const file = invocation.options.report as string | undefined;
  if (file === undefined) return;
  const { exit, what, next } = troubleOf(error);
  const text = JSON.stringify({ ended: 'error', exitCode: exit, what, next });
  fs.writeFileSync(path.resolve(invocation.cwd, file), `${text}\n`);
}

function endOf(end: RunEnd, ended: Ended | null): Record<string, unknown> {
  return {
    ended: end,
    status: ended?.kind === 'exit' ? ended.status : null,
    trap: ended?.kind === 'trap' ? ended : null,
  };
}

function put(invocation: Invocation, store: Store, facts: Readonly<Record<string, unknown>>): void {
  const file = invocation.options.report as string | undefined;
  if (file === undefined && !invocation.json) return;
  const text = JSON.stringify({ ...facts, store: store.statistics(), imageHash: store.imageHash() || null });
  if (file !== undefined) fs.writeFileSync(path.resolve(invocation.cwd, file), `${text}\n`);
  if (invocation.json) invocation.stderr.write(`${text}\n`);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
