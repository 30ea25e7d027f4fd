/** The canaries are what they say: each breaks one place that is there, and names a test that is there. */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { canaries } from './list.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('the text that a canary breaks stands exactly once in its file, and its test exists', () => {
  const wrong = canaries.flatMap(({ name, file, find, replace, test: shownBy }) => {
    const places = fs.readFileSync(root + file, 'utf8').split(find).length - 1;
    const found: string[] = [];
    if (places !== 1) found.push(`${name}: stands ${places} times in ${file}`);
    if (find === replace) found.push(`${name}: breaks nothing`);
    if (!fs.existsSync(root + shownBy)) found.push(`${name}: ${shownBy} does not exist`);
    return found;
  });
  assert.equal(wrong, []);
});

test.run();
