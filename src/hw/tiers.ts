/**
 * Runs the hart in the tiers asked for: the interpreter, and when code is hot the translator's regions.
 *
 * Invariants: a run ends after exactly its budget or at a trap, whatever the tiers do in between; changing the tier, the
 * moment of a translation or its refusal is never observable. Called by create.ts. The clock is for statistics only.
 */
import { assert } from '../base/assert.ts';
import { createExpander } from './decoder.ts';
import { hasFusedMultiplyAdd } from './float/fused.ts';
import { generateInterpreter, type InterpreterExports } from './interpreter.ts';
import { at, REGIONS_MAX, REQUESTS_MAX, resumption, STRADDLE_SLOT, slot, TRANSLATE } from './layout.ts';
import { type MachineOptions, type Tier, type TierStatistics, traps } from './machine.ts';
import { createTranslationCache, type TranslationCache } from './translator/cache.ts';

/**
 * Instructions between two returns from WebAssembly: an engine changes a function to its better code only when it is
 * called again.
 */
const SLICE_MAX = 2_000_000;
/** Requests that are translated together when a run ends anyway. */
const BATCH = 8;
/** No counter gets there: the interpreter keeps to itself. */
const NEVER = 0xffff_ffff;

/** Arrivals at which a tier asks for a translation, and further ones after which it does not wait for others. */
type Heat = NonNullable<MachineOptions['heat']>;

/** As many regions as there are records; bytes of WebAssembly, each of which becomes some of machine code. */
const CACHE = { regionsMax: REGIONS_MAX, bytesMax: 32 * 1024 * 1024 } as const;
/**
 * Translating an instruction costs what interpreting it a few thousand times does, most of it in the engine: Liftoff's
 * code for what runs seldom is no faster than the interpreter.
 */
const HEAT: Heat = { threshold: 1500, patience: 500 };

/** Modules are the same for every machine of a process: each kind is made once. */
function createModules() {
  const made = new Map<string, WebAssembly.Module>();
  return (
    counts: boolean,
    isFused: boolean,
    given: NonNullable<MachineOptions['interpreter']>,
  ): WebAssembly.Module => {
    const kind = `${counts} ${isFused}`;
    const known = made.get(kind);
    if (known !== undefined) return known;
    const module = new WebAssembly.Module(
      (counts ? given(isFused) : null) ?? generateInterpreter(counts, isFused),
    );
    made.set(kind, module);
    return module;
  };
}

const moduleOf = createModules();
const hostIsFused = hasFusedMultiplyAdd();

export interface Tiers {
  run(budget: number): number;
  flushWrites(): void;
  /** A frame with this decode slot was changed from outside, or has another content now. */
  codeChanged(slotAddress: number): void;
  setTier(tier: Tier): void;
  statistics(): TierStatistics;
}

export function createTiers(memory: WebAssembly.Memory, view: DataView, options: MachineOptions): Tiers {
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 });
  const now = options.now ?? (() => 0);
  const isFused = hostIsFused && options.withoutFusedMultiplyAdd !== true;
  const given = options.interpreter ?? (() => null);
  const caches: TranslationCache[] = [];
  const codeWritten = (slotAddress: number, from: number, to: number): void => {
    caches[0]?.codeWritten(slotAddress, from, to);
  };
  const regionRefused = (region: number): void => caches[0]?.refused(region);
  const instances = new Map<boolean, InterpreterExports>();
  const instance = (counts: boolean): InterpreterExports => {
    const known = instances.get(counts);
    if (known !== undefined) return known;
    const made = new WebAssembly.Instance(moduleOf(counts, isFused, given), {
      machine: { memory, table, codeWritten, regionRefused, expand: createExpander(view) },
    });
    const exported = made.exports as InterpreterExports;
    instances.set(counts, exported);
    return exported;
  };
  const heatOf: Readonly<Record<Tier, Heat>> = {
    interpreter: { threshold: NEVER, patience: 0 },
    translator: { threshold: 0, patience: 0 },
    auto: options.heat ?? HEAT,
  };
  let tier: Tier = options.tier ?? 'auto';
  let interpreter = instance(tier !== 'interpreter');
  let retired = 0;
  let translateMs = 0;

  const setTier = (wanted: Tier): void => {
    tier = wanted;
    interpreter = instance(tier !== 'interpreter');
    const { threshold, patience } = heatOf[tier];
    view.setUint32(at.threshold, threshold, true);
    view.setUint32(at.patience, patience, true);
  };
  setTier(tier);

  const cache = (): TranslationCache => {
    caches[0] ??= createTranslationCache({
      memory,
      view,
      table,
      interpreter,
      isFused,
      measure: options.measure ?? {},
      bounds: options.cache ?? CACHE,
    });
    return caches[0];
  };

  /** Translates what was asked for, and the address where control is, when it stopped for that. */
  const translate = (stopped: boolean): void => {
    const startMs = now();
    const count = Math.min(view.getUint32(at.requestCount, true), REQUESTS_MAX);
    const roots = new Set<number>();
    if (stopped) roots.add(Number(view.getBigInt64(at.pc, true)));
    for (let i = 0; i < count; i++) roots.add(Number(view.getBigInt64(at.requests + 8 * i, true)));
    view.setUint32(at.requestCount, 0, true);
    // Arrivals out of an instruction on two pages are counted where nothing is ever found.
    new Uint8Array(memory.buffer, STRADDLE_SLOT + slot.arrivals, slot.size - slot.arrivals).fill(0);
    cache().translate([...roots], tier === 'translator');
    translateMs += now() - startMs;
  };

  return {
    run(budget) {
      assert(budget >= 1 && budget <= 0x7fff_ffff, 'hart: a budget is 1 to 2^31 - 1');
      let left = budget;
      for (;;) {
        view.setUint32(at.resume, resumption.look, true);
        const cause = interpreter.run(Math.min(left, SLICE_MAX));
        left -= view.getUint32(at.lastRetired, true);
        if (cause === TRANSLATE) {
          translate(true);
          continue;
        }
        if (cause === traps.budget && left > 0) continue;
        if (view.getUint32(at.requestCount, true) >= BATCH) translate(false);
        view.setUint32(at.lastRetired, budget - left, true);
        retired += budget - left;
        return cause;
      }
    },
    flushWrites: () => interpreter.flushWrites(),
    codeChanged: (slotAddress) => codeWritten(slotAddress, 0, slot.entriesEnd),
    setTier,
    statistics() {
      const translated = Number(view.getBigUint64(at.translated, true));
      return {
        interpreted: retired - translated,
        translated,
        entered: Number(view.getBigUint64(at.entered, true)),
        batches: caches[0]?.batches ?? 0,
        regions: caches[0]?.regionCount ?? 0,
        compiled: caches[0]?.compiled ?? 0,
        dropped: caches[0]?.dropped ?? 0,
        codeBytes: caches[0]?.codeBytes ?? 0,
        translateMs,
      };
    },
  };
}
