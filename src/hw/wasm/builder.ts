/**
 * A small assembler for WebAssembly: byte buffer, function bodies with structured blocks, modules.
 *
 * Invariants: blocks are closed in the order opened (asserted at the end of a body); a label is an opened block, and the
 * relative depth that WebAssembly wants is worked out here. Nothing is validated beyond that: the engine does it when
 * the module is made. Used by the interpreter's generator and by the translator; knows nothing of RISC-V.
 */
import { assert } from '../../base/assert.ts';
import { TWO_32 } from '../../base/integer.ts';
import { control, EMPTY_BLOCK, type MemoryOperation, type Operation, type ValueType } from './opcodes.ts';

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

/** The body of one function. Every method appends one instruction; operands are on WebAssembly's stack. */
export class FunctionBuilder {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  private readonly locals: ValueType[] = [];
  private readonly code = new ByteBuffer(1024);
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

  get(local: number): void {
    this.code.byte(control.localGet);
    this.code.unsigned(local);
  }

  set(local: number): void {
    this.code.byte(control.localSet);
    this.code.unsigned(local);
  }

  tee(local: number): void {
    this.code.byte(control.localTee);
    this.code.unsigned(local);
  }

  i32(value: number): void {
    this.code.byte(control.i32Const);
    this.code.signed(value);
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

  /** A load or store: the address is on the stack, `offset` is added to it. No alignment is promised. */
  memory(operation: MemoryOperation, offset = 0): void {
    this.code.byte(operation);
    this.code.byte(0);
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

  /** Appends the body in the binary format: size, locals, code, end. */
  writeTo(out: ByteBuffer): void {
    assert(this.height === 0, 'wasm builder: every block of a body is closed');
    const head = new ByteBuffer(64);
    // Locals are declared one by one: the order in which they were asked for is their numbering.
    head.unsigned(this.locals.length);
    for (const type of this.locals) {
      head.byte(1);
      head.byte(type);
    }
    out.unsigned(head.length + this.code.length + 1);
    out.append(head);
    out.append(this.code);
    out.byte(control.end);
  }
}

/** A module that imports one shared memory as `machine.memory` and exports some of its functions. */
export class ModuleBuilder {
  private readonly functions: { readonly body: FunctionBuilder; readonly exportName: string | null }[] = [];

  /** Adds a function, whose body may still be written to; returns its index for `call`. */
  add(body: FunctionBuilder, exportName: string | null = null): number {
    this.functions.push({ body, exportName });
    return this.functions.length - 1;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new ByteBuffer(16384);
    for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte);
    const section = (id: number, content: ByteBuffer): void => {
      out.byte(id);
      out.unsigned(content.length);
      out.append(content);
    };

    const functionTypes = new ByteBuffer();
    functionTypes.unsigned(this.functions.length);
    for (const { body } of this.functions) {
      functionTypes.byte(0x60);
      for (const list of [body.parameters, body.results]) {
        functionTypes.unsigned(list.length);
        for (const type of list) functionTypes.byte(type);
      }
    }
    section(1, functionTypes);

    const imports = new ByteBuffer();
    imports.unsigned(1);
    imports.name('machine');
    imports.name('memory');
    imports.byte(2);
    imports.byte(3); // Shared, with a maximum.
    imports.unsigned(1);
    imports.unsigned(65536);
    section(2, imports);

    const declarations = new ByteBuffer();
    declarations.unsigned(this.functions.length);
    this.functions.forEach((_, index) => {
      declarations.unsigned(index);
    });
    section(3, declarations);

    const exports = new ByteBuffer();
    const exported = this.functions.filter(({ exportName }) => exportName !== null);
    exports.unsigned(exported.length);
    this.functions.forEach(({ exportName }, index) => {
      if (exportName === null) return;
      exports.name(exportName);
      exports.byte(0);
      exports.unsigned(index);
    });
    section(7, exports);

    const bodies = new ByteBuffer(16384);
    bodies.unsigned(this.functions.length);
    for (const { body } of this.functions) body.writeTo(bodies);
    section(10, bodies);
    return out.finish();
  }
}
