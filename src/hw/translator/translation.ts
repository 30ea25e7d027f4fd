/**
 * The effects of the instruction table for the translator: operands are constants and locals of a region's function.
 *
 * Invariants: whatever can trap or needs the interpreter leaves the region before the instruction has had any effect,
 * with the count of what has not retired given back; after a store that dropped translated code the region is left
 * before another instruction. Memory goes through the TLB inline and through the interpreter's functions on a miss.
 */
import { PAGE_SIZE } from '../../base/limits.ts';
import type { Effects, Scratch, Width } from '../instructions/effects.ts';
import type { Library } from '../instructions/library.ts';
import { at, tlbSet } from '../layout.ts';
import { extensions, loads, stores } from '../mmu/widths.ts';
import { pageOf, pageOffset, setWord, tlbEntry, word } from '../mmu/words.ts';
import { type MemoryOperation, memoryOp, op, types, type ValueType } from '../wasm/opcodes.ts';
import type { Decoded } from './blocks.ts';
import { type RegionCode, RegionOperands } from './operands.ts';
import type { Access } from './windows.ts';

const { i32, i64, f32, f64 } = types;

/** How a block's last instruction passes control on. */
export interface Transfers {
  /** Takes the condition from the stack. */
  branch(): void;
  jump(): void;
  /** The target is in the local `pc`. */
  indirect(): void;
}

/** The effects of one instruction. */
export class Translation extends RegionOperands implements Effects {
  readonly library: Library;
  readonly isFused: boolean;
  readonly scratch: Scratch;
  private readonly transfers: Transfers;
  /** The instruction has written through a place: it may have dropped translated code. */
  private wrotePlace = false;
  /** The window that a load or store uses; null when it looks for itself. */
  private readonly access: Access | null;

  constructor(
    region: RegionCode,
    decoded: Decoded,
    block: { unretired: number; transfers: Transfers; access: Access | null },
  ) {
    super(region, decoded, block.unretired);
    this.library = region.library;
    this.isFused = region.isFused;
    this.scratch = region.scratch;
    this.transfers = block.transfers;
    this.access = block.access;
  }

  /** Emits the instruction. */
  emit(): void {
    const { variant } = this.decoded;
    if (variant === null) return;
    variant.instruction.meaning(this);
    if (!this.wrotePlace) return;
    word(this.code, at.dropped);
    this.cold();
    this.code.if();
    this.leave(this.after);
    this.code.end();
  }

  /** Puts rs1 + immediate into `address` and its TLB entry into `found`; pushes whether the tag fits. */
  private hits(width: Width, part: number, withImmediate: boolean): void {
    const { code, region } = this;
    this.rs1();
    if (withImmediate && this.decoded.immediate !== 0) {
      this.immediate();
      code.op(op.i64Add);
    }
    code.set(region.address);
    if (region.withoutTlb) {
      code.i32(1);
      return;
    }
    tlbEntry(code, region.address, () => code.get(region.tlb));
    code.tee(region.found);
    code.memory(memoryOp.i64Load, part);
    // The low bits that must be zero are left in: a misaligned address has no entry, so it takes the slow path.
    code.get(region.address);
    code.i64(-PAGE_SIZE | (width / 8 - 1));
    code.op(op.i64And);
    code.op(op.i64Eq);
  }

  /** Pushes the place of `address` by the entry found. */
  private foundPlace(part: number): void {
    const { code, region } = this;
    code.get(region.address);
    code.op(op.i32WrapI64);
    if (region.withoutTlb) {
      word(code, at.ramOffset);
      code.op(op.i32Add);
      return;
    }
    code.get(region.found);
    code.memory(memoryOp.i32Load, part + 8);
    code.op(op.i32Add);
  }

  /** Opens the window of this access, unless an access before it did. */
  private openWindow({ window, opens }: Access): void {
    if (!opens) return;
    const { code, region } = this;
    const part = window.isWrite ? tlbSet.write : tlbSet.read;
    this.rs1();
    code.i64(window.lowest);
    code.op(op.i64Add);
    code.set(region.address);
    if (region.withoutTlb) {
      this.foundPlace(part);
      code.set(window.local);
      return;
    }
    tlbEntry(code, region.address, () => code.get(region.tlb));
    code.tee(region.found);
    code.memory(memoryOp.i64Load, part);
    pageOf(code, region.address);
    code.op(op.i64Eq);
    pageOffset(code, region.address);
    code.i32(PAGE_SIZE - window.span);
    code.op(op.i32LeU);
    code.op(op.i32And);
    if (region.leaveWindow !== null) {
      code.i32(this.here);
      code.set(region.where);
      code.op(op.i32Eqz);
      this.cold();
      code.brIf(region.leaveWindow);
      this.foundPlace(part);
      code.set(window.local);
      return;
    }
    code.hint(true);
    code.if(i32);
    this.foundPlace(part);
    code.else();
    code.i32(0);
    code.end();
    code.set(window.local);
  }

  /** True when the access needs no slow path: its window is open. */
  private get isOpen(): boolean {
    return this.access !== null && this.region.leaveWindow !== null;
  }

  /**
   * Pushes whether the access can be done at once, unless its window is open; then `pushPlace` pushes where, and `offset` is
   * to be added.
   */
  private look(width: Width, part: number): { pushPlace: () => void; offset: number } {
    const { access, code } = this;
    if (access === null) {
      this.hits(width, part, true);
      return { pushPlace: () => this.foundPlace(part), offset: 0 };
    }
    this.openWindow(access);
    if (!this.isOpen) code.get(access.window.local);
    return {
      pushPlace: () => code.get(access.window.local),
      offset: this.decoded.immediate - access.window.lowest,
    };
  }

  /** Pushes rs1 + immediate, on the slow path of an access: without a window it is in `address`. */
  private slowAddress(): void {
    const { code, region, access } = this;
    if (access === null) {
      code.get(region.address);
      return;
    }
    this.rs1();
    this.immediate();
    code.op(op.i64Add);
  }

  private loadAs(width: Width, type: ValueType, load: MemoryOperation, convert: () => void): void {
    const { code, region } = this;
    const { pushPlace, offset } = this.look(width, tlbSet.read);
    if (this.isOpen) {
      pushPlace();
      code.memory(load, offset);
      return;
    }
    // The usual way comes first: Liftoff keeps registers as the first arm leaves them.
    code.hint(true);
    code.if(type);
    pushPlace();
    code.memory(load, offset);
    code.else();
    this.slowAddress();
    code.i32(width / 8);
    code.call(region.helpers.load);
    convert();
    this.leaveWhenPending();
    code.end();
  }

  load(width: Width, signed: boolean): void {
    this.loadAs(width, i64, loads[width][`${signed}`], () => {
      if (signed && width !== 64) this.code.op(extensions[width]);
    });
  }

  loadDouble(): void {
    this.loadAs(64, f64, memoryOp.f64Load, () => this.code.op(op.f64ReinterpretI64));
  }

  loadSingle(): void {
    this.loadAs(32, f32, memoryOp.f32Load, () => {
      this.code.op(op.i32WrapI64);
      this.code.op(op.f32ReinterpretI32);
    });
  }

  /** Stores: `bits` pushes an i64 for the slow path, `value` what `store` takes. */
  private storeAs(width: Width, store: MemoryOperation, bits: () => void, value: () => void): void {
    const { code, region } = this;
    const { pushPlace, offset } = this.look(width, tlbSet.write);
    if (this.isOpen) {
      pushPlace();
      value();
      code.memory(store, offset);
      return;
    }
    code.hint(true);
    code.if();
    pushPlace();
    value();
    code.memory(store, offset);
    code.else();
    this.slowAddress();
    bits();
    code.i32(width / 8);
    this.pc();
    code.i32(this.here);
    code.i32(this.after);
    code.call(region.helpers.translatedStore);
    code.tee(region.where);
    this.cold();
    code.brIf(region.leaveInside);
    code.end();
  }

  store(width: Width): void {
    this.storeAs(
      width,
      stores[width],
      () => this.rs2(),
      () => this.rs2(),
    );
  }

  storeDouble(): void {
    this.storeAs(
      64,
      memoryOp.f64Store,
      () => this.fs2Bits(),
      () => this.fs2(),
    );
  }

  storeSingle(): void {
    this.storeAs(
      32,
      memoryOp.i64Store32,
      () => this.fs2Bits(),
      () => this.fs2Bits(),
    );
  }

  requireAligned(width: Width): void {
    const { code } = this;
    this.rs1Word();
    code.i32(width / 8 - 1);
    code.op(op.i32And);
    this.cold();
    code.if();
    this.leaveHere();
    code.end();
  }

  place(width: Width, access: 'read' | 'write'): void {
    const { code, region } = this;
    const part = access === 'read' ? tlbSet.read : tlbSet.write;
    this.hits(width, part, false);
    code.hint(true);
    code.if(i32);
    this.foundPlace(part);
    code.else();
    code.get(region.address);
    if (access === 'write') {
      code.i32(width / 8);
      this.pc();
      this.wrotePlace = true;
    }
    code.call(access === 'read' ? region.helpers.placeToRead : region.helpers.placeToWrite);
    this.leaveWhenPending();
    code.end();
  }

  branch(condition: () => void): void {
    condition();
    this.transfers.branch();
  }

  jumpRelative(): void {
    this.transfers.jump();
  }

  jump(target: () => void): void {
    target();
    this.code.set(this.region.pc);
    this.transfers.indirect();
  }

  /** It is pending when the region is left, so the interpreter only ends the run with it. */
  trap(cause: number, value: () => void): void {
    const { code } = this;
    setWord(code, at.pending, () => code.i32(cause + 1));
    code.i32(0);
    value();
    code.memory(memoryOp.i64Store, at.trapValue);
    this.leaveHere();
  }

  counter(which: 'tick' | 'retired'): void {
    const { code, region } = this;
    code.i32(0);
    code.memory(memoryOp.i64Load, which === 'tick' ? at.tick : at.retired);
    // Retired before this one in this run: the budget less what remains, in which the block is counted out already.
    word(code, at.budget);
    code.get(region.remaining);
    code.op(op.i32Sub);
    code.i32(this.unretired);
    code.op(op.i32Sub);
    code.op(op.i64ExtendI32U);
    code.op(op.i64Add);
  }
}
