/**
 * `perdure run`: creates an image with a program in it, or lets an image go on.
 *
 * Checks everything that an operator can get wrong before anything is changed; then assembles the machine, runs it, and
 * turns its end into an exit code and a report. Holds no mechanism: the loop is machine/runner.ts.
 */

import { randomBytes, randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createMachine } from '../../hw/create.ts';
import type { Machine } from '../../hw/machine.ts';
import { ProgramError } from '../../persist/create.ts';
import type { Durability, Head, Store } from '../../persist/store/contract.ts';
import { DEFAULT_LADDER, LadderError, parseLadder } from '../../persist/store/ladder.ts';
import { shadowPagesOf } from '../../persist/store/limits.ts';
import { startStore } from '../../persist/store/open.ts';
import { endThread } from '../../persist/store/thread.ts';
import { VolatileStore } from '../../persist/store/volatile.ts';
import { LIFE_ID_BYTES } from '../../userland/border/lives.ts';
import { tuneEngine } from '../engine.ts';
import { ExitCode, isDefect, OperatorError, usageError } from '../errors.ts';
import { admit, refuseOther } from '../machine/admission.ts';
import type { Assembly, BorderState } from '../machine/assemble.ts';
import { assemble, emptyBorder } from '../machine/assemble.ts';
import { storeEffects } from '../machine/boot.ts';
import { readBorder } from '../machine/border-state.ts';
import { builtInterpreter } from '../machine/built.ts';
import { crashPointOf } from '../machine/crash-point.ts';
import { crashReport, writeCrashReport } from '../machine/crash-report.ts';
import { finish, settle } from '../machine/ended.ts';
import { Gauges } from '../machine/gauges.ts';
import type { NewLife } from '../machine/inputs.ts';
import type { Program } from '../machine/program.ts';
import { loadProgram } from '../machine/program.ts';
import { initialRecord } from '../machine/record.ts';
import { writeEndedReport, writeErrorReport, writeReport } from '../machine/report.ts';
import type { RunEnd } from '../machine/runner.ts';
import { Runner } from '../machine/runner.ts';
import { handleSignals } from '../machine/signals.ts';
import { openFileSink, openStreamSink } from '../machine/sink.ts';
import { openInput } from '../machine/source.ts';
import type { Status } from '../machine/status.ts';
import { ephemeralTarget, resolveTarget, setAside } from '../machine/target.ts';
import { type TierPlan, tierPlanOf } from '../machine/tier.ts';
import { traceInto } from '../machine/trace-file.ts';
import { statusOn, watch, writtenBytes } from '../machine/watch.ts';
import type { Invocation } from '../verb.ts';

export async function run(invocation: Invocation): Promise<number> {
  const startMs = performance.now();
  const isEphemeral = invocation.options.ephemeral === true;
  const resolve = isEphemeral ? ephemeralTarget : resolveTarget;
  const target = resolve(invocation.operands, invocation.cwd);
  const status = statusOn({
    words: invocation.stderr,
    columns: () => process.stderr.columns ?? 0,
    isQuiet: invocation.quiet,
    isDumb: invocation.env.TERM === 'dumb',
    hasOut: invocation.options.out !== undefined,
  });
  const say = (line: string): void => {
    if (!invocation.quiet) status.words(() => invocation.stderr.write(`perdure: ${line}\n`));
  };
  if (target.isImplied) say(`the image is ${target.image}`);
  const program = target.program === null ? null : loadProgram(target.program, target.arguments);
  const fileOf = (option: 'out' | 'report' | 'trace' | 'stats'): string | null => {
    const name = invocation.options[option] as string | undefined;
    return name === undefined ? null : path.resolve(invocation.cwd, name);
  };
  const out = fileOf('out');
  const crashPoint = crashPointOf(invocation.env);
  const keep = ladderOf(invocation.options.keep as string | undefined);
  const tierPlan = tierPlanOf(invocation.env);
  const isFresh = invocation.options.fresh === true;
  const report = fileOf('report');
  const trace = fileOf('trace');
  const stats = fileOf('stats');
  const isNew = admit({ image: target.image, program, isFresh, out, report, trace, stats });
  const { image } = target;
  if (isFresh && image !== null) setAside(image, out, say);
  if (image === null && invocation.thread !== undefined) endThread(invocation.thread);
  try {
    const starting =
      image === null
        ? null
        : startStore(image, {
            create: program !== null,
            needsCheckpoint: program === null,
            durability: invocation.options.durability as Durability,
            effects: storeEffects(),
            crashPoint,
            limits: { shadowPages: shadowPagesOf(invocation.options.ram as number) },
            ...(keep === undefined ? {} : { keep }),
            ...(invocation.thread === undefined ? {} : { thread: invocation.thread }),
          });
    const hardware = hardwareOf(invocation, tierPlan, () => starting?.abandon());
    const store: Store = starting?.finish() ?? new VolatileStore();
    let isStarted = false;
    try {
      const begun = (): void => {
        isStarted = true;
      };
      const { phase } = crashPoint;
      const watched = { trace, stats, status };
      const machine = { hardware, tierPlan };
      return await runStore({
        invocation,
        store,
        program,
        startMs,
        phase,
        say,
        begun,
        ...machine,
        ...watched,
      });
    } finally {
      await store.close();
      // This process made it and could not even load the program: nobody needs it.
      if (image !== null && isNew && !isStarted && store.head === null) fs.rmSync(image, { force: true });
    }
  } catch (error) {
    // Loaded when it is needed: a machine that starts does not wait for it.
    const { withOffer } = await import('../offer.ts');
    const told = image === null ? error : withOffer(image, image, error);
    writeErrorReport(invocation, told);
    throw told;
  }
}

/** The hardware: it needs no image, so it is made while that is being opened. */
function hardwareOf({ options }: Invocation, { first: tier }: TierPlan, failed: () => void): Machine {
  try {
    const now = (): number => performance.now();
    // Not sooner: whatever the store's thread loads of Node under other settings must be compiled anew.
    tuneEngine(process.versions.v8, setFlagsFromString);
    return createMachine(options.ram as number, { tier, now, interpreter: builtInterpreter });
  } catch (error) {
    failed();
    throw error;
  }
}

/** The ladder that was asked for, checked. */
function ladderOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    parseLadder(text);
    return text;
  } catch (error) {
    if (!(error instanceof LadderError)) throw error;
    throw usageError(`--keep ${text}: ${error.message}`, `perdure run --keep ${DEFAULT_LADDER} IMAGE`);
  }
}

interface Start {
  readonly invocation: Invocation;
  readonly store: Store;
  readonly program: Program | null;
  readonly startMs: number;
  readonly tierPlan: TierPlan;
  readonly hardware: Machine;
  /** The file for the trace, or null. */
  readonly trace: string | null;
  /** The file for what the machine is doing, or null. */
  readonly stats: string | null;
  readonly status: Status;
  readonly phase: (label: string) => void;
  readonly say: (line: string) => void;
  /** Called when the machine is assembled: from now on the image is worth keeping. */
  readonly begun: () => void;
}

async function runStore(start: Start): Promise<number> {
  const { invocation, store, program, startMs, tierPlan, phase, say } = start;
  const { options } = invocation;
  const head = store.head;
  if ((store.lostGeneration ?? null) !== null)
    say(
      `${store.path}: generations after ${head?.generation ?? 0} up to ${store.lostGeneration} went with the power: ` +
        'they were committed with --durability process',
    );
  const isInstructions = options.clock === 'instructions';
  if (head !== null && program !== null) refuseOther(store.path, head.programs[0], program);
  const symbols = (head?.programs[0] ?? program?.row)?.symbols ?? [];
  const border = borderOf(head);
  const isDetached = head !== null && head.origin !== undefined;
  const unconfirmed = isDetached ? [] : (head?.unconfirmedOutput ?? []);
  const sinkState = {
    origin: border.outputOrigin,
    proof: border.outputProof,
    confirmed: unconfirmed[0]?.offset ?? border.output.taken,
    unconfirmed,
  };
  const isPower = options.durability === 'power';
  const sink =
    options.out === undefined
      ? openStreamSink(process.stdout, sinkState, start.status.around)
      : openFileSink(path.resolve(invocation.cwd, options.out as string), sinkState, isPower);
  if (options.out !== undefined && sink.origin > border.outputOrigin)
    say(`--out ${options.out} was empty: it takes the output from byte ${sink.origin} on`);
  if (head !== null && border.ended !== null) {
    start.begun();
    if (!head.clean || unconfirmed.length > 0) await settle(store, head, border, sink, Date.now());
    sink.close();
    say(`${store.path}: the program had ended already`);
    writeEndedReport(invocation, store, border.ended);
    return finish(border.ended, symbols, say);
  }
  const record =
    head?.kernelRecord ?? initialRecord(seedWords(options.seed), isInstructions ? 0 : Date.now());
  if (head === null && program !== null) store.addProgram(program.row);
  let runner: Runner | null = null;
  const source = openInput(border.inputPlace, () => runner?.wake(), say);
  let parts: ReturnType<typeof assemble>;
  try {
    parts = assemble(store, {
      ramBytes: options.ram as number,
      hardware: start.hardware,
      record,
      hashWords: randomFillSync(new Uint32Array(4)),
      border,
      program:
        head === null && program !== null ? { image: program.image, arguments: program.arguments } : null,
      sink: (outputRun) => sink.write(outputRun),
      phase,
    });
  } catch (error) {
    source.close();
    if (error instanceof ProgramError) {
      throw new OperatorError(ExitCode.damaged, `${program?.path ?? null}: ${error.message}`, null);
    }
    throw error;
  }
  start.begun();
  runner = new Runner(
    parts,
    store,
    sink,
    source,
    {
      intervalMs: options.interval as number,
      clock: options.clock as 'real' | 'instructions',
      stopAt: options.stopAt === undefined ? null : BigInt(options.stopAt as number),
      place: border.inputPlace,
      sliceTicksMax: sliceTicksMax(invocation.env),
      tierPlan,
      life: newLife(store, options.seed),
    },
    {
      nowMs: () => performance.now(),
      wallMs: () => Date.now(),
      phase,
      begins: () => {
        if (head !== null)
          say(`${store.path} goes on at generation ${head.generation} (${parts.objectCount} objects)`);
      },
      logGrew: (bytes) =>
        say(
          `${store.path}-wal has grown to ${Math.round(bytes / 2 ** 20)} MiB: somebody who reads the image has kept a transaction open; commits go on, and the log begins again when that reader is done`,
        ),
    },
  );
  const name = (head?.programs[0] ?? program?.row)?.name ?? 'program';
  const trace = start.trace === null ? null : traceInto(start.trace, parts.kernel, name);
  const machine = runner;
  const signals = handleSignals(() => {
    say(options.ephemeral === true ? 'stopping' : 'stopping after a last checkpoint; again to stop at once');
    machine.requestStop();
  });
  const host = { nowMs: () => performance.now(), wallMs: () => Date.now(), writtenBytes };
  const gauges = (): Gauges => new Gauges(machine, parts, store, host);
  const watcher = watch({ runner, gauges, status: start.status, stats: start.stats, host, say });
  const firstSliceMs = performance.now();
  let end: RunEnd;
  let endWord = 'error';
  try {
    end = await runner.run();
    endWord = end;
  } catch (error) {
    if (isDefect(error)) reportCrash(invocation, store, parts, error, say);
    throw error;
  } finally {
    watcher.close(endWord);
    trace?.close();
    signals.release();
    source.close();
    sink.close();
  }
  const seconds = (performance.now() - firstSliceMs) / 1000;
  const startupMs = firstSliceMs - startMs;
  writeReport(invocation, { runner, parts, store, end, seconds, startupMs, tier: tierPlan.name });
  const ended = parts.server.ended;
  if (end === 'interrupt') {
    say(
      invocation.options.ephemeral === true
        ? 'stopped; nothing is kept of an ephemeral machine'
        : `stopped at generation ${parts.server.published}; perdure run ${store.path} goes on`,
    );
    return signals.exit;
  }
  if (ended === null) return ExitCode.done;
  return finish(ended, symbols, say);
}

/** The machine has stopped itself: what it was doing goes into a file beside the image. */
function reportCrash(
  invocation: Invocation,
  store: Store,
  parts: Assembly,
  error: unknown,
  say: (line: string) => void,
): void {
  const isEphemeral = invocation.options.ephemeral === true;
  const place = isEphemeral ? path.join(invocation.cwd, 'perdure') : store.path;
  const { published } = parts.server;
  const report = { generation: store.committed, published, ...crashReport(parts.kernel, error) };
  const file = writeCrashReport(place, new Date().toISOString(), report);
  say(file === null ? 'the crash report could not be written' : `what the machine was doing is in ${file}`);
}

/**
 * What the border saved. An image that was put back or copied has neither sink nor source: what it had written and read
 * belongs to the line that it came from.
 */
function borderOf(head: Head | null): BorderState {
  if (head === null) return emptyBorder;
  const border = readBorder(head.border);
  if (head.origin === undefined) return border;
  return { ...border, outputOrigin: border.output.taken, outputProof: null, inputPlace: null };
}

/**
 * The next life of the image. What went with the power is undone like what lies behind a generation that was put back;
 * there, and in a copy, the generator must not say again what it said before.
 */
function newLife(store: Store, seed: string | number | boolean | undefined): NewLife {
  const { head } = store;
  const isUndone = (store.lostGeneration ?? null) !== null;
  const kind = head === null ? 'created' : (head.origin ?? (isUndone ? 'restored' : 'resumed'));
  const isOther = kind === 'restored' || kind === 'forked';
  return { kind, id: randomBytes(LIFE_ID_BYTES), seed: isOther ? seedWords(seed) : null };
}

function seedWords(seed: string | number | boolean | undefined): Uint8Array {
  const words = new Uint8Array(32);
  if (typeof seed === 'number') new DataView(words.buffer).setBigUint64(0, BigInt(seed), true);
  else words.set(randomBytes(32));
  return words;
}

/** Tests cut slices short to prove that it makes no difference. */
function sliceTicksMax(env: Invocation['env']): number {
  const given = Number(env.PERDURE_SLICE_TICKS ?? '');
  return Number.isSafeInteger(given) && given > 0 ? given : 50_000_000;
}
