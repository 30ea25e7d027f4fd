/**
 * The hart as supervisor software sees it: views of its record in the linear memory, and the way to run it.
 *
 * A class, so that all have one shape: every entry of a guest passes through here several times, and an object made of
 * parts with accessors is a dictionary to V8 (a null call took 1.5 times as long). Holds no state of its own.
 * Made by create.ts; used through the contract of machine.ts.
 */
import { assert } from '../base/assert.ts';
import { highHalf, joinHalves, lowHalf } from '../base/integer.ts';
import { at, HART, hartRecord } from './layout.ts';
import type { Hart } from './machine.ts';

/** fcsr has the rounding mode and five flags; its other bits read as zero. */
const FCSR_MASK = 0xff;

/** How address translation is set: which tables, and what of them may have changed. */
export interface AddressSpaces {
  setAddressSpace(rootFrame: number, asid: number): void;
  fenceAll(): void;
  fenceSpace(asid: number): void;
  fencePage(asid: number, address: number): void;
}

export class ModelHart implements Hart {
  readonly x: BigUint64Array;
  readonly halves: Uint32Array;
  readonly f: BigUint64Array;
  readonly pcWord: BigUint64Array;
  readonly pcHalves: Uint32Array;
  readonly reservation: BigUint64Array;
  readonly reservationHalves: Uint32Array;
  readonly tickWord: BigUint64Array;
  readonly tickHalves: Uint32Array;
  readonly retiredWord: BigUint64Array;
  readonly retiredHalves: Uint32Array;
  readonly trapValueWord: BigUint64Array;
  readonly run: (budget: number) => number;
  readonly setAddressSpace: (rootFrame: number, asid: number) => void;
  readonly fenceAll: () => void;
  readonly fenceSpace: (asid: number) => void;
  readonly fencePage: (asid: number, address: number) => void;
  readonly frameChanged: (frame: number) => void;
  /** The hart record, by words of 32 bits. */
  readonly #words: Uint32Array;

  constructor(
    buffer: ArrayBufferLike,
    run: (budget: number) => number,
    spaces: AddressSpaces,
    frameChanged: (frame: number) => void,
  ) {
    this.x = new BigUint64Array(buffer, at.x, 32);
    this.halves = new Uint32Array(buffer, at.x, 64);
    this.f = new BigUint64Array(buffer, at.f, 32);
    this.pcWord = new BigUint64Array(buffer, at.pc, 1);
    this.pcHalves = new Uint32Array(buffer, at.pc, 2);
    this.reservation = new BigUint64Array(buffer, at.reservation, 1);
    this.reservationHalves = new Uint32Array(buffer, at.reservation, 2);
    this.tickWord = new BigUint64Array(buffer, at.tick, 1);
    this.tickHalves = new Uint32Array(buffer, at.tick, 2);
    this.retiredWord = new BigUint64Array(buffer, at.retired, 1);
    this.retiredHalves = new Uint32Array(buffer, at.retired, 2);
    this.trapValueWord = new BigUint64Array(buffer, at.trapValue, 1);
    this.run = run;
    this.setAddressSpace = spaces.setAddressSpace;
    this.fenceAll = spaces.fenceAll;
    this.fenceSpace = spaces.fenceSpace;
    this.fencePage = spaces.fencePage;
    this.frameChanged = frameChanged;
    this.#words = new Uint32Array(buffer, 0, (HART + hartRecord.size) / 4);
  }

  get fcsr(): number {
    return this.#words[at.fcsr / 4] as number;
  }

  set fcsr(value: number) {
    this.#words[at.fcsr / 4] = value & FCSR_MASK;
  }

  get floatsChanged(): boolean {
    return this.#words[at.floatsChanged / 4] !== 0;
  }

  set floatsChanged(value: boolean) {
    this.#words[at.floatsChanged / 4] = value ? 1 : 0;
  }

  get trapValue(): number {
    const words = this.#words;
    return joinHalves(words[at.trapValue / 4] as number, words[at.trapValue / 4 + 1] as number);
  }

  get lastRetired(): number {
    return this.#words[at.lastRetired / 4] as number;
  }

  addTicks(ticks: number): void {
    assert(Number.isSafeInteger(ticks) && ticks >= 0, 'hart: ticks added are a whole number');
    const halves = this.tickHalves;
    const low = (halves[0] as number) + lowHalf(ticks);
    halves[0] = low;
    halves[1] = (halves[1] as number) + highHalf(ticks) + (low > 0xffff_ffff ? 1 : 0);
  }
}
