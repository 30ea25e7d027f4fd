/**
 * Copies pages of RAM into another shared memory, as a device does that reads main memory by itself.
 *
 * WebAssembly's own copy between two memories takes half the time of `set` between two views of shared memory, which
 * the language asks to be copied word by word, and needs no view of its source. Invariant: copies whole pages between
 * places that the two memories have; WebAssembly itself checks. The module is made once for each target, by create.ts.
 */

/** (module (import "m" "to" (memory shared)) (import "m" "from" (memory shared)) (func (export "copy") ...)) */
const MODULE = [
  [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // Type 0: (to i32, from i32, length i32) -> ().
  [1, 7, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0],
  // Two shared memories of any size up to 65,536 pages.
  [2, 25, 2],
  [1, 0x6d, 2, 0x74, 0x6f, 2, 3, 0, 0x80, 0x80, 4],
  [1, 0x6d, 4, 0x66, 0x72, 0x6f, 0x6d, 2, 3, 0, 0x80, 0x80, 4],
  [3, 2, 1, 0],
  // Exported as "copy".
  [7, 8, 1, 4, 0x63, 0x6f, 0x70, 0x79, 0, 0],
  // local.get 0, 1, 2; memory.copy from memory 1 to memory 0.
  [10, 14, 1, 12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 1, 0x0b],
];

/** Copies `length` bytes from `from` of the source to `to` of the target. */
export type Copier = (to: number, from: number, length: number) => void;

export function createCopier(source: WebAssembly.Memory, target: WebAssembly.Memory): Copier {
  const module = new WebAssembly.Module(new Uint8Array(MODULE.flat()));
  const { exports } = new WebAssembly.Instance(module, { m: { to: target, from: source } });
  return exports.copy as Copier;
}
