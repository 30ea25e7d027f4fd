/**
 * The workloads of `npm run bench:cpu`: their names, fixed beforehand, and how much of each is one run.
 *
 * The C of a workload is workloads/NAME.c (that of `switch` is generated). Sizes count units, as the head of each C
 * file says, and are chosen so that a full run takes about one second on qemu-riscv64. A quick run does less than half
 * of it; only `switch` keeps its second, because less would measure how fast 200 KB of code are translated and little else.
 * Read by everything here.
 */

export interface Workload {
  readonly name: string;
  /** Units of a full run. */
  readonly size: number;
  /** The part of it that a quick run does when there is time; QUICK_PART when it is not there. */
  readonly quickPart?: number;
  /** Units of a run that only compares checksums, and of the interpreter's share in its mix. */
  readonly smallSize: number;
}

/** Names are those of main.c. */
export const workloads: readonly Workload[] = [
  { name: 'sort', size: 1050, smallSize: 8 },
  { name: 'hash', size: 15_000, smallSize: 40 },
  { name: 'matrix', size: 360, smallSize: 3 },
  { name: 'fma', size: 5000, smallSize: 20 },
  { name: 'string', size: 6300, smallSize: 20 },
  { name: 'pointers', size: 6200, smallSize: 10 },
  { name: 'virtual', size: 41_000, smallSize: 200 },
  { name: 'recursion', size: 9000, smallSize: 30 },
  { name: 'switch', size: 1900, quickPart: 1, smallSize: 20 },
  { name: 'copy', size: 7800, smallSize: 40 },
  { name: 'atomics', size: 210_000, smallSize: 500 },
  { name: 'floats', size: 8400, smallSize: 30 },
  { name: 'state', size: 50_000, smallSize: 200 },
];

export const QUICK_PART = 0.45;
