/**
 * Settings of the JavaScript engine that make the machine faster. They change no result.
 *
 * The translator marks which branches are rare; V8 13 (Node 24) heeds that only when the branch hinting proposal is
 * switched on. An entry of the kernel is many small functions, of which V8 by itself puts too few into one: with a larger
 * budget, and calls that seldom happen counted too, a round trip takes 25 % less. What is new is collected in one thread:
 * there is little to do, and a second one may have to wait for a processor first. No other version is touched: flags come
 * and go. Called once, before the interpreter is made, and by a machine not before the store's thread has started: settings
 * that V8 counts make it throw away what Node brings compiled. Figures are in ARCHITECTURE.md.
 */
export function tuneEngine(v8Version: string, setFlag: (flag: string) => void): void {
  if (!v8Version.startsWith('13.')) return;
  setFlag('--experimental-wasm-branch-hinting');
  setFlag('--max-inlined-bytecode-size-cumulative=6000');
  setFlag('--min-inlining-frequency=0.01');
  setFlag('--no-parallel-scavenge');
}
