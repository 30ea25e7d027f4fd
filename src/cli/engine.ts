/**
 * Settings of the JavaScript engine that make translated guest code faster. They change no result.
 *
 * Known to help V8 13 (Node 24), so no other version is touched: flags come and go. Called once by the entry point,
 * before the first WebAssembly module is made; figures are in ARCHITECTURE.md.
 */

const flags = [
  // The translator marks which branches are rare (the branch hinting proposal): slow paths leave the loop.
  '--experimental-wasm-branch-hinting',
  // Regions are small and many: the optimising compiler should not wait for the default of 13,000,000.
  '--wasm-tiering-budget=2000000',
] as const;

export function tuneEngine(v8Version: string, setFlag: (flag: string) => void): void {
  if (v8Version.startsWith('13.')) for (const flag of flags) setFlag(flag);
}
