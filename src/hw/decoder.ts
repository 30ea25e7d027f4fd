/**
 * The decoder: tables made from the instruction table, and the WebAssembly functions that fill decode entries by them.
 *
 * An instruction has up to four operations, one for each way of being encoded: 4 or 2 bytes long, with or without a
 * destination that is x0. Invariant: every entry written decodes to exactly one row, or to `illegal`. Called by the
 * interpreter when it meets an entry that is not decoded; what the entry says never depends on when that happens.
 */
import { assert, present } from '../base/assert.ts';
import { PAGE_SIZE } from '../base/limits.ts';
import { compressible, expandCompressed } from './instructions/compressed.ts';
import { formats, type Instruction } from './instructions/row.ts';
import { buckets, instructions } from './instructions/table.ts';
import {
  DECODER_BUCKETS,
  DECODER_ROWS,
  DECODER_ROWS_MAX,
  decoderRow,
  EXPANSIONS,
  operations,
  slot,
} from './layout.ts';
import { FunctionBuilder, type ModuleBuilder } from './wasm/builder.ts';
import { memoryOp, op, types } from './wasm/opcodes.ts';

const { i32 } = types;

/** One way an instruction can be encoded, as an operation of the interpreter. */
export interface Variant {
  readonly operation: number;
  readonly instruction: Instruction;
  /** Bytes: 4 or 2. */
  readonly length: number;
  /** rd is x0. */
  readonly discards: boolean;
}

interface DecoderTable {
  readonly variants: readonly Variant[];
  /** By name, an instruction's operations by 2 * discards + compressed; 0 where there is no such encoding. */
  readonly operationsOf: ReadonlyMap<string, readonly number[]>;
}

/** Numbers the operations: for each instruction the encodings that exist. */
function numberOperations(): DecoderTable {
  const variants: Variant[] = [];
  const operationOf = (instruction: Instruction, discards: boolean, length: number): number => {
    const occurring = discards ? compressible.discarded : compressible.written;
    if (length === 2 && !occurring.includes(instruction.name)) return 0;
    if (discards && instruction.destination === 'rd') {
      return length === 4 ? operations.nothing : operations.nothingCompressed;
    }
    if (instruction.destination === 'no rd') {
      // That field says something else, so both kinds are one operation.
      const twin = variants.find((v) => v.instruction === instruction && v.length === length);
      if (twin !== undefined) return twin.operation;
    }
    const operation = operations.first + variants.length;
    variants.push({ operation, instruction, length, discards });
    return operation;
  };
  const operationsOf = new Map(
    instructions.map((instruction) => [
      instruction.name,
      [false, true].flatMap((discards) => [4, 2].map((length) => operationOf(instruction, discards, length))),
    ]),
  );
  assert(operations.first + variants.length <= 256, 'decoder: an operation is one byte');
  return { variants, operationsOf };
}

/** Operations of every instruction. */
export const decoderTable = numberOperations();

/** Writes the decoder's tables into a new linear memory. */
export function writeDecoderTables(view: DataView): void {
  let rows = 0;
  buckets.forEach((bucket, number) => {
    view.setUint32(DECODER_BUCKETS + number * 4, rows | (bucket.length << 16), true);
    for (const { mask, match, format, name } of bucket) {
      assert(rows < DECODER_ROWS_MAX, 'decoder: its rows fit in their table');
      decoderRow.write(view, DECODER_ROWS + rows * decoderRow.size, {
        mask,
        match,
        operations: [
          ...present(decoderTable.operationsOf.get(name), 'decoder: an instruction has operations'),
        ],
        format: formats[format],
      });
      rows++;
    }
  });
}

/**
 * Makes what the module imports as `machine.expand`: the expansion of a compressed code that is met for the first time
 * (or has none), which is then kept in the linear memory. Working out all 65,536 would take a tenth of the start.
 */
export function createExpander(view: DataView): (code: number) => number {
  return (code) => {
    const expansion = expandCompressed(code);
    view.setUint32(EXPANSIONS + 4 * code, expansion, true);
    return expansion;
  };
}

/** How to push the immediate of each format from the instruction in the local: B and J come times 4, see below. */
function pushImmediate(f: FunctionBuilder, bits: number, format: keyof typeof formats): void {
  /** Pushes bits `first` to `first + width - 1` at bit `to`; the last part pushed is or-ed to those before. */
  const part = (first: number, width: number, to: number): void => {
    f.get(bits);
    f.i32(first);
    f.op(op.i32ShrU);
    f.i32((1 << width) - 1);
    f.op(op.i32And);
    f.i32(to);
    f.op(op.i32Shl);
  };
  /** Pushes the sign bit (31) spread over the bits from `to`. */
  const sign = (to: number): void => {
    f.get(bits);
    f.i32(31);
    f.op(op.i32ShrS);
    f.i32(to);
    f.op(op.i32Shl);
  };
  const or = (): void => f.op(op.i32Or);
  switch (format) {
    case 'R':
      f.i32(0);
      break;
    case 'I':
      f.get(bits);
      f.i32(20);
      f.op(op.i32ShrS);
      break;
    case 'S':
      sign(11);
      part(25, 6, 5);
      or();
      part(7, 5, 0);
      or();
      break;
    case 'B':
      sign(12);
      part(7, 1, 11);
      or();
      part(25, 6, 5);
      or();
      part(8, 4, 1);
      or();
      break;
    case 'U':
      f.get(bits);
      f.i32(-4096);
      f.op(op.i32And);
      break;
    case 'J':
      sign(20);
      part(12, 8, 12);
      or();
      part(20, 1, 11);
      or();
      part(21, 10, 1);
      or();
      break;
    case 'shift64':
      part(20, 6, 0);
      break;
    case 'shift32':
      part(20, 5, 0);
      break;
    case 'float':
      f.get(bits);
      break;
  }
  if (format === 'B' || format === 'J') {
    // An entry is 8 bytes for each 2 of code: times 4, the offset leads from entry to entry.
    f.i32(2);
    f.op(op.i32Shl);
  }
}

/** (entry, bits, compressed) Writes the decode entry of a 32-bit instruction; `compressed` is 1 for an expansion. */
function buildDecodeWord(): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32, i32], []);
  const [entry, bits, compressed] = [0, 1, 2];
  const row = f.local(i32);
  const rowsEnd = f.local(i32);
  const found = f.block();
  const none = f.block();
  f.get(bits);
  f.i32(3);
  f.op(op.i32And);
  f.i32(3);
  f.op(op.i32Ne);
  f.brIf(none);
  // The bucket's word: ((bits >> 2) & 31) | ((bits >> 12) & 7) << 5, times 4.
  f.get(bits);
  f.i32(0x7c);
  f.op(op.i32And);
  f.get(bits);
  f.i32(5);
  f.op(op.i32ShrU);
  f.i32(0x380);
  f.op(op.i32And);
  f.op(op.i32Or);
  f.memory(memoryOp.i32Load, DECODER_BUCKETS);
  f.tee(row);
  f.i32(16);
  f.op(op.i32ShrU);
  f.i32(decoderRow.size);
  f.op(op.i32Mul);
  f.get(row);
  f.i32(0xffff);
  f.op(op.i32And);
  f.i32(decoderRow.size);
  f.op(op.i32Mul);
  f.tee(row);
  f.op(op.i32Add);
  f.set(rowsEnd);
  const next = f.loop();
  f.get(row);
  f.get(rowsEnd);
  f.op(op.i32Eq);
  f.brIf(none);
  f.get(bits);
  f.get(row);
  f.memory(memoryOp.i32Load, DECODER_ROWS + decoderRow.offset.mask);
  f.op(op.i32And);
  f.get(row);
  f.memory(memoryOp.i32Load, DECODER_ROWS + decoderRow.offset.match);
  f.op(op.i32Eq);
  f.brIf(found);
  f.get(row);
  f.i32(decoderRow.size);
  f.op(op.i32Add);
  f.set(row);
  f.br(next);
  f.end();
  f.end();
  f.get(entry);
  f.i32(operations.illegal);
  f.memory(memoryOp.i32Store);
  f.get(entry);
  f.get(bits);
  f.memory(memoryOp.i32Store, 4);
  f.return();
  f.end();

  // The operation, chosen by rd being x0 and by the length.
  f.get(entry);
  f.get(row);
  f.get(bits);
  f.i32(0xf80);
  f.op(op.i32And);
  f.op(op.i32Eqz);
  f.i32(1);
  f.op(op.i32Shl);
  f.op(op.i32Add);
  f.get(compressed);
  f.op(op.i32Add);
  f.memory(memoryOp.i32Load8U, DECODER_ROWS + decoderRow.offset.operations);
  f.memory(memoryOp.i32Store8);
  // Register fields become offsets in the register file.
  [7, 15, 20].forEach((first, index) => {
    f.get(entry);
    f.get(bits);
    f.i32(first - 3);
    f.op(op.i32ShrU);
    f.i32(0xf8);
    f.op(op.i32And);
    f.memory(memoryOp.i32Store8, 1 + index);
  });
  const formatNames = Object.keys(formats) as (keyof typeof formats)[];
  const done = f.block();
  const cases = formatNames.map(() => f.block()).reverse();
  f.get(row);
  f.memory(memoryOp.i32Load, DECODER_ROWS + decoderRow.offset.format);
  f.brTable(cases, done);
  for (const format of formatNames) {
    f.end();
    f.get(entry);
    pushImmediate(f, bits, format);
    f.memory(memoryOp.i32Store, 4);
    f.br(done);
  }
  f.end();
  return f;
}

/** (entry, slot) Decodes the instruction that this entry of a slot stands for. */
function buildDecodeEntry(decodeWord: number, expand: number): FunctionBuilder {
  const f = new FunctionBuilder([i32, i32], []);
  const [entry, base] = [0, 1];
  const place = f.local(i32);
  const code = f.local(i32);
  const expansion = f.local(i32);
  f.get(base);
  f.memory(memoryOp.i32Load, slot.host);
  f.get(entry);
  f.get(base);
  f.op(op.i32Sub);
  f.i32(2);
  f.op(op.i32ShrU);
  f.op(op.i32Add);
  f.tee(place);
  f.memory(memoryOp.i32Load16U);
  f.tee(code);
  f.i32(3);
  f.op(op.i32And);
  f.i32(3);
  f.op(op.i32Ne);
  f.if();
  f.get(code);
  f.i32(2);
  f.op(op.i32Shl);
  f.memory(memoryOp.i32Load, EXPANSIONS);
  f.tee(expansion);
  f.op(op.i32Eqz);
  f.if();
  f.get(code);
  f.call(expand);
  f.set(expansion);
  f.end();
  // A code without expansion is given to decodeWord as it is: it does not end in 11, so it is illegal there.
  f.get(entry);
  f.get(expansion);
  f.get(code);
  f.get(expansion);
  f.op(op.select);
  f.i32(1);
  f.call(decodeWord);
  f.return();
  f.end();
  // Four bytes, the last two of which may lie on the next page: then there is nothing that could be kept.
  f.get(place);
  f.i32(PAGE_SIZE - 1);
  f.op(op.i32And);
  f.i32(PAGE_SIZE - 2);
  f.op(op.i32Eq);
  f.if();
  f.get(entry);
  f.i32(operations.straddle);
  f.memory(memoryOp.i32Store);
  f.return();
  f.end();
  f.get(entry);
  f.get(place);
  f.memory(memoryOp.i32Load);
  f.i32(0);
  f.call(decodeWord);
  return f;
}

export interface DecoderFunctions {
  /** (entry, slot) */
  readonly decodeEntry: number;
  /** (entry, bits, compressed) */
  readonly decodeWord: number;
}

/** Adds the functions; `expand` is the index of the import that `createExpander` makes. */
export function addDecoderFunctions(module: ModuleBuilder, expand: number): DecoderFunctions {
  const decodeWord = module.add(buildDecodeWord(), 'decodeWord');
  return { decodeWord, decodeEntry: module.add(buildDecodeEntry(decodeWord, expand), 'decodeEntry') };
}
