/**
 * Temporary folders for tests: made below the system's own, gone when the process ends.
 *
 * Called by test files. A folder outlives a SIGKILL of the test; nothing else is left behind.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-test-'));
  folders.push(folder);
  return folder;
}

/** Writes `files` (path to content) below `folder`, making the folders on the way. */
export function plant(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
}
