/**
 * WebAssembly's loads and stores by the bits of an access, for whatever emits one. Holds no state.
 */
import { memoryOp, op } from '../wasm/opcodes.ts';

/** To i64, by whether the sign is extended. */
export const loads = {
  8: { true: memoryOp.i64Load8S, false: memoryOp.i64Load8U },
  16: { true: memoryOp.i64Load16S, false: memoryOp.i64Load16U },
  32: { true: memoryOp.i64Load32S, false: memoryOp.i64Load32U },
  64: { true: memoryOp.i64Load, false: memoryOp.i64Load },
} as const;

/** The low bits of an i64. */
export const stores = {
  8: memoryOp.i64Store8,
  16: memoryOp.i64Store16,
  32: memoryOp.i64Store32,
  64: memoryOp.i64Store,
} as const;

/** Sign extension of the low bits of an i64. */
export const extensions = { 8: op.i64Extend8S, 16: op.i64Extend16S, 32: op.i64Extend32S } as const;
