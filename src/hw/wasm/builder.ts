/**
 * A small assembler for WebAssembly: byte buffer, function bodies with structured blocks, modules.
 *
 * Invariants: blocks are closed in the order opened (asserted at the end of a body); a label is an opened block, and the
 * relative depth that WebAssembly wants is worked out here. Nothing is validated beyond that: the engine does it when
 * the module is made. Used by the interpreter's generator and by the translator; knows nothing of RISC-V.
 */
import { assert } from '../../base/assert.ts';
import { TWO_32 } from '../../base/integer.ts';
import {
  control,
  EMPTY_BLOCK,
  extractLane,
  type MemoryOperation,
  type Operation,
  type Saturating,
  type ValueType,
  type VectorOperation,
} from './opcodes.ts';

/** A growing sequence of bytes. */
export class ByteBuffer {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** Two bytes at once: a module is mostly made of such pairs, and a start waits for the interpreter's. */
  pair(first: number, second: number): void {
    const at = this.length;
    if (at + 2 > this.bytes.length) this.reserve(2);
    this.bytes[at] = first;
    this.bytes[at + 1] = second;
    this.length = at + 2;
  }

  /** Unsigned LEB128 of an integer below 2^32. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(value: number): void {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit integer given as two 32-bit halves. */
  signedHalves(low: number, high: number): void {
    let lower = low | 0;
    let upper = high | 0;
    while (upper !== lower >> 31 || lower < -64 || lower > 63) {
      this.byte((lower & 0x7f) | 0x80);
      lower = (lower >>> 7) | (upper << 25);
      upper >>= 7;
    }
    this.byte(lower & 0x7f);
  }

  append(other: ByteBuffer): void {
    this.reserve(other.length);
    this.bytes.set(other.bytes.subarray(0, other.length), this.length);
    this.length += other.length;
  }

  /** A vector of UTF-8 bytes: its length, then the bytes. All names here are ASCII. */
  name(text: string): void {
    this.unsigned(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  /** The bytes written, as a copy of exactly that length. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

/** An opened block: `br` to it leaves a block or if, and repeats a loop. */
export interface Label {
  /** Number of blocks that were open when this one was opened. */
  readonly height: number;
}

/** Where in the code a conditional branch stands, and whether it is usually taken. */
interface BranchHint {
  readonly offset: number;
  readonly likely: boolean;
}

/** The body of one function. Every method appends one instruction; operands are on WebAssembly's stack. */
export class FunctionBuilder {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  private readonly locals: ValueType[] = [];
  private readonly code = new ByteBuffer(4096);
  private readonly hints: BranchHint[] = [];
  private height = 0;

  constructor(parameters: readonly ValueType[], results: readonly ValueType[]) {
    this.parameters = parameters;
    this.results = results;
  }

  /** Bytes of code so far. */
  get size(): number {
    return this.code.length;
  }

  /** A new local variable; the number by which `get`, `set` and `tee` know it. Parameters are 0, 1, ... */
  local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters.length + this.locals.length - 1;
  }

  private variable(opcode: number, local: number): void {
    if (local < 0x80) this.code.pair(opcode, local);
    else {
      this.code.byte(opcode);
      this.code.unsigned(local);
    }
  }

  get(local: number): void {
    this.variable(control.localGet, local);
  }

  set(local: number): void {
    this.variable(control.localSet, local);
  }

  tee(local: number): void {
    this.variable(control.localTee, local);
  }

  i32(value: number): void {
    if (value >= -64 && value < 64) this.code.pair(control.i32Const, value & 0x7f);
    else {
      this.code.byte(control.i32Const);
      this.code.signed(value);
    }
  }

  /** A 64-bit constant: a number that is a safe integer, or a bigint of 64 bits, signed or not. */
  i64(value: number | bigint): void {
    this.code.byte(control.i64Const);
    if (typeof value === 'number') {
      if (value === (value | 0)) this.code.signed(value);
      else this.code.signedHalves(value | 0, Math.floor(value / TWO_32));
    } else {
      this.code.signedHalves(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    }
  }

  op(operation: Operation): void {
    this.code.byte(operation);
  }

  /** A conversion to an integer that saturates. */
  saturate(operation: Saturating): void {
    this.code.byte(control.prefix);
    this.code.unsigned(operation);
  }

  /** An instruction on vectors that takes operands from the stack only. */
  vector(operation: VectorOperation): void {
    this.code.byte(control.vectorPrefix);
    this.code.unsigned(operation);
  }

  /** From the vector on the stack to the number in its lane 0. */
  lane0(type: keyof typeof extractLane): void {
    this.code.byte(control.vectorPrefix);
    this.code.unsigned(extractLane[type]);
    this.code.byte(0);
  }

  /** A load or store: the address is on the stack, `offset` is added to it. No alignment is promised. */
  memory(operation: MemoryOperation, offset = 0): void {
    this.code.pair(operation, 0);
    this.code.unsigned(offset);
  }

  /** memory.fill: address, byte value and length are on the stack. */
  fill(): void {
    this.code.byte(control.prefix);
    this.code.unsigned(11);
    this.code.byte(0);
  }

  private open(opcode: number, type: ValueType | null): Label {
    this.code.byte(opcode);
    this.code.byte(type ?? EMPTY_BLOCK);
    return { height: this.height++ };
  }

  block(type: ValueType | null = null): Label {
    return this.open(control.block, type);
  }

  loop(type: ValueType | null = null): Label {
    return this.open(control.loop, type);
  }

  /** Takes an i32 condition from the stack. */
  if(type: ValueType | null = null): Label {
    return this.open(control.if, type);
  }

  else(): void {
    this.code.byte(control.else);
  }

  end(): void {
    assert(this.height > 0, 'wasm builder: an end closes an open block');
    this.height--;
    this.code.byte(control.end);
  }

  private depth(label: Label): number {
    assert(label.height < this.height, 'wasm builder: a branch leads to an open block');
    return this.height - label.height - 1;
  }

  /** Says of the `if` or `brIf` that is appended next whether its condition usually holds. Engines may ignore it. */
  hint(likely: boolean): void {
    this.hints.push({ offset: this.code.length, likely });
  }

  br(label: Label): void {
    this.code.byte(control.br);
    this.code.unsigned(this.depth(label));
  }

  brIf(label: Label): void {
    this.code.byte(control.brIf);
    this.code.unsigned(this.depth(label));
  }

  brTable(labels: readonly Label[], otherwise: Label): void {
    this.code.byte(control.brTable);
    this.code.unsigned(labels.length);
    for (const label of labels) this.code.unsigned(this.depth(label));
    this.code.unsigned(this.depth(otherwise));
  }

  return(): void {
    this.code.byte(control.return);
  }

  unreachable(): void {
    this.code.byte(control.unreachable);
  }

  call(functionIndex: number): void {
    this.code.byte(control.call);
    this.code.unsigned(functionIndex);
  }

  /** Calls, or leaves this function for, the function of this type at the index on the stack in table 0. */
  callIndirect(typeIndex: number): void {
    this.code.byte(control.callIndirect);
    this.code.unsigned(typeIndex);
    this.code.byte(0);
  }

  returnCallIndirect(typeIndex: number): void {
    this.code.byte(control.returnCallIndirect);
    this.code.unsigned(typeIndex);
    this.code.byte(0);
  }

  /** The declaration of the locals. They are declared one by one: the order they were asked for is their numbering. */
  private head(): ByteBuffer {
    const head = new ByteBuffer(64);
    head.unsigned(this.locals.length);
    for (const type of this.locals) {
      head.byte(1);
      head.byte(type);
    }
    return head;
  }

  /** Appends this function's entry of the branch hint section, if it has hints: see ModuleBuilder. */
  writeHintsTo(out: ByteBuffer, functionIndex: number): boolean {
    if (this.hints.length === 0) return false;
    const start = this.head().length;
    out.unsigned(functionIndex);
    out.unsigned(this.hints.length);
    for (const { offset, likely } of this.hints) {
      out.unsigned(start + offset);
      out.byte(1);
      out.byte(likely ? 1 : 0);
    }
    return true;
  }

  /** Appends the body in the binary format: size, locals, code, end. */
  writeTo(out: ByteBuffer): void {
    assert(this.height === 0, 'wasm builder: every block of a body is closed');
    const head = this.head();
    out.unsigned(head.length + this.code.length + 1);
    out.append(head);
    out.append(this.code);
    out.byte(control.end);
  }
}

/** A function that a module takes from outside, as `machine.<name>`. */
interface FunctionImport {
  readonly name: string;
  readonly type: number;
}

/**
 * A module that imports one shared memory as `machine.memory`, and if asked functions and a table of functions as
 * `machine.table`; it exports some of its functions and may put others into the table.
 */
export class ModuleBuilder {
  private readonly types: { parameters: readonly ValueType[]; results: readonly ValueType[] }[] = [];
  private readonly typeIndexes = new Map<string, number>();
  private readonly imports: FunctionImport[] = [];
  private readonly functions: {
    readonly body: FunctionBuilder;
    readonly type: number;
    readonly exportName: string | null;
  }[] = [];
  private readonly elements: { readonly index: number; readonly functionIndex: number }[] = [];
  private hasTable = false;

  /** The index of a function type. */
  type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters}>${results}`;
    const known = this.typeIndexes.get(key);
    if (known !== undefined) return known;
    this.typeIndexes.set(key, this.types.length);
    return this.types.push({ parameters, results }) - 1;
  }

  /** Imports `machine.<name>`; returns its index for `call`. All imports come before the first `add`. */
  importFunction(name: string, parameters: readonly ValueType[], results: readonly ValueType[]): number {
    assert(this.functions.length === 0, 'wasm builder: imports come before functions');
    this.imports.push({ name, type: this.type(parameters, results) });
    return this.imports.length - 1;
  }

  importTable(): void {
    this.hasTable = true;
  }

  /** Adds a function, whose body may still be written to; returns its index for `call`. */
  add(body: FunctionBuilder, exportName: string | null = null): number {
    this.functions.push({ body, type: this.type(body.parameters, body.results), exportName });
    return this.imports.length + this.functions.length - 1;
  }

  /** Puts a function into the imported table when the module is instantiated. */
  place(functionIndex: number, index: number): void {
    assert(this.hasTable, 'wasm builder: a table is imported before functions are put in it');
    this.elements.push({ functionIndex, index });
  }

  private typeSection(): ByteBuffer {
    const section = new ByteBuffer();
    section.unsigned(this.types.length);
    for (const { parameters, results } of this.types) {
      section.byte(0x60);
      for (const list of [parameters, results]) {
        section.unsigned(list.length);
        for (const type of list) section.byte(type);
      }
    }
    return section;
  }

  private importSection(): ByteBuffer {
    const section = new ByteBuffer();
    const name = (text: string): void => {
      section.name('machine');
      section.name(text);
    };
    section.unsigned(1 + (this.hasTable ? 1 : 0) + this.imports.length);
    name('memory');
    section.byte(2);
    section.byte(3); // Shared, with a maximum.
    section.unsigned(1);
    section.unsigned(65536);
    if (this.hasTable) {
      name('table');
      section.byte(1);
      section.byte(0x70); // Of function references, at least none.
      section.byte(0);
      section.unsigned(0);
    }
    for (const imported of this.imports) {
      name(imported.name);
      section.byte(0);
      section.unsigned(imported.type);
    }
    return section;
  }

  private exportSection(): ByteBuffer {
    const section = new ByteBuffer();
    section.unsigned(this.functions.filter(({ exportName }) => exportName !== null).length);
    this.functions.forEach(({ exportName }, index) => {
      if (exportName === null) return;
      section.name(exportName);
      section.byte(0);
      section.unsigned(this.imports.length + index);
    });
    return section;
  }

  private elementSection(): ByteBuffer {
    const section = new ByteBuffer();
    section.unsigned(this.elements.length);
    for (const { index, functionIndex } of this.elements) {
      section.unsigned(0); // Active, table 0.
      section.byte(control.i32Const);
      section.signed(index);
      section.byte(control.end);
      section.unsigned(1);
      section.unsigned(functionIndex);
    }
    return section;
  }

  /** The custom section of the branch hinting proposal; null when no function has hints. */
  private hintSection(): ByteBuffer | null {
    const entries = new ByteBuffer();
    let count = 0;
    this.functions.forEach(({ body }, index) => {
      if (body.writeHintsTo(entries, this.imports.length + index)) count++;
    });
    if (count === 0) return null;
    const section = new ByteBuffer();
    section.name('metadata.code.branch_hint');
    section.unsigned(count);
    section.append(entries);
    return section;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteBuffer(16384);
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte);
    const section = (id: number, content: ByteBuffer): void => {
      out.byte(id);
      out.unsigned(content.length);
      out.append(content);
    };
    section(1, this.typeSection());
    section(2, this.importSection());
    const declarations = new ByteBuffer();
    declarations.unsigned(this.functions.length);
    for (const { type } of this.functions) declarations.unsigned(type);
    section(3, declarations);
    section(7, this.exportSection());
    if (this.elements.length > 0) section(9, this.elementSection());
    const hints = this.hintSection();
    if (hints !== null) section(0, hints);
    const bodies = new ByteBuffer(16384);
    bodies.unsigned(this.functions.length);
    for (const { body } of this.functions) body.writeTo(bodies);
    section(10, bodies);
    return out.finish();
  }
}
