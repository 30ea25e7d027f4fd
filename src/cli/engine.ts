/**
 * A setting of the JavaScript engine that makes translated guest code faster. It changes no result.
 *
 * The translator marks which branches are rare; V8 13 (Node 24) heeds that only when the branch hinting proposal is
 * switched on. No other version is touched: flags come and go. Called once by the entry point, before the first
 * WebAssembly module is made; figures are in ARCHITECTURE.md.
 */
export function tuneEngine(v8Version: string, setFlag: (flag: string) => void): void {
  if (v8Version.startsWith('13.')) setFlag('--experimental-wasm-branch-hinting');
}
