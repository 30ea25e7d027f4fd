/** What bench:kernel found, as one JSON object or as a table with what was asked for. Called by ../kernel.ts. */
import { type TypeName, typeNames } from '../../../src/kernel/abi/types.ts';
import { kinds } from './kinds.ts';
import type { Figure } from './measure.ts';
import { DEPTH, LARGE_BYTES } from './places.ts';

export interface Figures {
  /** By kind, with ten further objects and with `objects`. */
  readonly few: ReadonlyMap<string, Figure>;
  readonly many: ReadonlyMap<string, Figure>;
  readonly objects: number;
  readonly emptyTripNs: number;
  readonly rounds: number;
  readonly quick: boolean;
  readonly cpu: string;
  readonly loadAverage: number;
  readonly seconds: number;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** The objects that the demands name, each figure null when its kind was not measured. */
export function toJson(f: Figures) {
  const ns = (name: string): number | null => {
    const figure = f.few.get(name);
    return figure === undefined ? null : rounded(figure.ns);
  };
  const us = (name: string): number | null => {
    const found = f.few.get(name);
    return found === undefined ? null : rounded(found.ns / 1000);
  };
  const byType = (way: 'export' | 'import') =>
    Object.fromEntries(typeNames.map((type) => [type, us(`${way} ${type}`)])) as Record<
      TypeName,
      number | null
    >;
  const transfer = f.few.get('transfer');
  const [deep, flat] = [f.few.get('mutex pair ten deep'), f.few.get('mutex pair')];
  const scale = Object.fromEntries(
    [...f.many].flatMap(([name, many]) => {
      const few = f.few.get(name);
      return few === undefined ? [] : [[name, { ten: rounded(few.ns), many: rounded(many.ns) }]];
    }),
  );
  const all = [...f.few];
  return {
    nullCallNs: ns('null call'),
    mutexPairNs: ns('mutex pair'),
    onewayUs: us('one-way'),
    idempotentUs: us('idempotent'),
    reliableUs: us('reliable'),
    transferGBs: transfer === undefined ? null : rounded(LARGE_BYTES / transfer.ns),
    pagerFaultUs: us('pager fault'),
    exportUs: byType('export'),
    importUs: byType('import'),
    emptyTripNs: rounded(f.emptyTripNs),
    contextSwitchNs: ns('context switch'),
    threadCreateDestroyUs: us('thread create and destroy'),
    /** One more space in between, each time that an object is named. */
    levelNs:
      deep === undefined || flat === undefined ? null : rounded((deep.ns - flat.ns) / (2 * (DEPTH - 1))),
    scale,
    scaleObjects: f.objects,
    trips: Object.fromEntries(all.map(([name, figure]) => [name, rounded(figure.trips)])),
    least: Object.fromEntries(all.map(([name, figure]) => [name, rounded(figure.least)])),
    spread: Object.fromEntries(all.map(([name, figure]) => [name, rounded(figure.spread)])),
    instructions: Object.fromEntries(all.map(([name, figure]) => [name, rounded(figure.instructions)])),
    rounds: f.rounds,
    quick: f.quick,
    cpu: f.cpu,
    loadAverage: f.loadAverage,
    seconds: f.seconds,
  };
}

/** Nanoseconds that N.21 allows. */
function askedNs(name: string): number | null {
  if (name === 'null call') return 150;
  if (name === 'reliable') return 2000;
  if (name === 'transfer') return LARGE_BYTES / 2;
  if (name === 'pager fault') return 3000;
  return name.startsWith('export') || name.startsWith('import') ? 1000 : null;
}

/** N.22: twice the cost among ten; half a microsecond more where a random object is meant. */
function isSlower(name: string, few: number, many: number): boolean {
  return name.startsWith('random') ? many > few + 500 : many > 2 * few;
}

export function toTable(f: Figures): string {
  const head = `Empty trip from WebAssembly to JavaScript and back: ${f.emptyTripNs.toFixed(1)} ns; medians of ${f.rounds} rounds`;
  const columns = `${'ns'.padStart(38)}${'least'.padStart(9)}${'spread'.padStart(8)}${'trips'.padStart(8)}${'instr.'.padStart(8)}${'asked'.padStart(9)}${`of ${f.objects}`.padStart(11)}`;
  const rows = kinds.flatMap(({ name }) => {
    const few = f.few.get(name);
    if (few === undefined) return [];
    const many = f.many.get(name);
    const asked = askedNs(name);
    const missed = asked !== null && few.ns > asked ? ' NOT MET' : '';
    const slower = many !== undefined && isSlower(name, few.ns, many.ns) ? ' SLOWER' : '';
    const cells = [
      name.padEnd(28),
      few.ns.toFixed(0).padStart(10),
      few.least.toFixed(0).padStart(9),
      `${(few.spread * 100).toFixed(0)}%`.padStart(8),
      few.trips.toFixed(1).padStart(8),
      few.instructions.toFixed(0).padStart(8),
      (asked === null ? '' : asked.toFixed(0)).padStart(9),
      (many === undefined ? '' : many.ns.toFixed(0)).padStart(11),
    ];
    return [`${cells.join('')}${missed}${slower}`];
  });
  return [head, columns, ...rows, `${f.cpu}, load ${f.loadAverage.toFixed(1)}, ${f.seconds} s`].join('\n');
}
