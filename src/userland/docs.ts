/**
 * `npm run docs`: writes docs/entries.md, the page of the entry points, anew.
 *
 * Needs no cross compiler. Entry point of a tool; also called by `npm run guest:build` and by the test that compares.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { entriesPage, extractExamples } from './kit/document.ts';

const examplesDirectory = join(import.meta.dirname, 'examples');
const root = join(import.meta.dirname, '../..');
export const pageFile = join(root, 'docs/entries.md');

/** All examples, by the name of their entry. */
export function readExamples(): ReadonlyMap<string, string> {
  const files = readdirSync(examplesDirectory).filter((name) => name.endsWith('.c'));
  return new Map(
    files.sort().flatMap((name) => [...extractExamples(readFileSync(join(examplesDirectory, name), 'utf8'))]),
  );
}

/** The page as it should be now. */
export function makePage(): string {
  const codes = readFileSync(join(root, 'src/kernel/abi/codes.ts'), 'utf8');
  return entriesPage(readExamples(), codes);
}

if (import.meta.main) {
  writeFileSync(pageFile, makePage());
}
