/**
 * The interpreter as `npm run build` has put it beside the code: to generate it takes a fifth of a start.
 *
 * Only what was built has it, always of the same sources (scripts/build.ts); a checkout generates it. Called by verbs
 * that make a machine at once; holds no state.
 */
import { existsSync, readFileSync } from 'node:fs';

/** Where the build puts it, from here; `isFused` as in hw/interpreter.ts. */
function placeOf(isFused: boolean): URL {
  return new URL(`../../hw/interpreter/${isFused ? 'fused' : 'plain'}.wasm`, import.meta.url);
}

/** The module's bytes, or null: there is none here. */
export function builtInterpreter(isFused: boolean): Uint8Array<ArrayBuffer> | null {
  const place = placeOf(isFused);
  return existsSync(place) ? new Uint8Array(readFileSync(place)) : null;
}
