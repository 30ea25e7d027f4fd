/** N.02, N.12: the page of the entry points is fresh, and every entry has an example that is compiled and holds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import { exampleSources } from '../../src/userland/build.ts';
import { makePage, pageFile, readExamples } from '../../src/userland/docs.ts';
import { extractExamples, glossaryErrors, meaningsOfCodes } from '../../src/userland/kit/document.ts';
import { runProgram } from './parent.ts';

const source = join(import.meta.dirname, '../../src');
const names = Object.keys(entries);

test('docs/entries.md is what the table and the examples say; npm run docs writes it', () => {
  assert.is(readFileSync(pageFile, 'utf8'), makePage());
});

test('the page has a section for every entry, and no argument, result or code without a word about it', () => {
  const page = makePage();
  for (const name of names) assert.is(page.split(`\n### ${name}\n`).length, 2, name);
  assert.equal(glossaryErrors(), []);
  const texts = meaningsOfCodes(readFileSync(join(source, 'kernel/abi/codes.ts'), 'utf8'));
  for (const code of [...Object.keys(outcomes), ...Object.keys(faults)]) {
    if (code !== 'success') assert.ok(texts.has(code), `${code} is explained`);
  }
});

test('every entry has one example, which makes the call', () => {
  const found = new Map<string, string>();
  for (const file of exampleSources) {
    const text = readFileSync(join(source, 'userland/examples', file), 'utf8');
    for (const [name, example] of extractExamples(text)) {
      assert.not(found.has(name), `${name} has one example`);
      found.set(name, example);
      assert.match(text, new RegExp(`\\bperdure_${name}\\(`), `${file} calls ${name}`);
    }
  }
  assert.equal([...found.keys()].sort(), names.slice().sort());
  assert.equal([...readExamples().keys()].sort(), names.slice().sort());
});

test('all examples hold, as often as they are run and however the run is sliced', () => {
  const file = join(source, 'userland/programs/examples.elf');
  const [first, second] = [1_000_000, 3_331].map((sliceTicks) =>
    runProgram(file, { args: ['examples', '2'], sliceTicks, tickLimit: 20_000_000_000 }),
  );
  assert.is(first?.status, 0, first?.stdout.slice(-300));
  const lines = (first?.stdout ?? '').trimEnd().split('\n');
  assert.is(lines.length, 2 * names.length + 1);
  names.forEach((name) => {
    assert.match(first?.stdout ?? '', new RegExp(`^round 001 example \\d+ ${name} hash [0-9a-f]{16}$`, 'm'));
  });
  assert.is(second?.stdout, first?.stdout);
  assert.is(second?.tick, first?.tick, 'the run takes the same time');
});

test.run();
