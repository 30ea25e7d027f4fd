/**
 * Optional tools: a test that needs a program which may be missing (qemu, the cross compiler, sqlite3) says so here.
 *
 * Invariant: a missing tool is never a silent pass. The test counts as skipped and the line says which tool it
 * misses; the runner makes a skip a failure when CI=true or PERDURE_REQUIRE_TOOLS=1. Used by test files only:
 *
 *     const crossTest = testNeeding(test, 'qemu-riscv64-static');
 *     crossTest('the sums agree with qemu', () => { ... });
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

type TestBody = () => void | Promise<void>;
interface Registrar {
  (name: string, body: TestBody): void;
  skip(name?: string, body?: TestBody): void;
}

/** The full path of an executable in `path` (PATH by default), or null. */
export function findTool(name: string, path: string = process.env.PATH ?? ''): string | null {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}

/** `test` when all the tools are in PATH, otherwise a registrar that skips and says what is missing. */
export function testNeeding(
  test: Registrar,
  ...tools: readonly string[]
): (name: string, body: TestBody) => void {
  const missing = tools.filter((tool) => findTool(tool) === null);
  if (missing.length === 0) return (name, body) => test(name, body);
  return (name) => {
    console.log(`SKIPPED (no ${missing.join(', no ')}): ${name}`);
    test.skip(name);
  };
}
