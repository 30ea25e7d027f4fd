/**
 * The process that the store's tests kill: writes the model's generations into an image and says what was acknowledged.
 *
 *     node store-child.ts PATH SEED LAST LABEL:VISIT DURABILITY [KEEP [short]]
 *
 * With `short` the log is never long enough to be copied while commits go on: the life makes the same steps each time.
 * Compares the image with the model after opening, and some pages while it runs. Exit 0 at the end, 1 for a difference.
 */
import { writeSync } from 'node:fs';
import type { Durability } from '../../src/persist/store/contract.ts';
import { Model, randomOf, tinyLimits } from './store-model.ts';
import { open } from './store-tools.ts';

const [path, seedText, lastText, crash, durability, keep = '', log = ''] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  Durability,
  string?,
  string?,
];
const [label, visitText] = crash === '' ? [null, '0'] : (crash.split(':') as [string, string]);
let visitsLeft = Number(visitText);

function say(word: string, generation: number): void {
  writeSync(1, `${word} ${generation}\n`);
}

const store = open(path, {
  durability,
  ...(keep === '' ? {} : { keep }),
  ...(log === 'short' ? { limits: { ...tinyLimits, logBytes: 2 ** 30 } } : {}),
  crashPoint: {
    point: label === null ? null : { label, visit: Number(visitText) },
    phase: (visited) => {
      if (visited === label && --visitsLeft === 0) process.kill(process.pid, 'SIGKILL');
    },
  },
});
const model = Model.at(Number(seedText), store.head?.generation ?? 0);
const random = randomOf(Number(seedText) + model.generation);
const wrong = model.generation === 0 ? [] : model.differencesAtOpening(store);
say('acknowledged', model.generation);
store.onCommit((generation) => say('acknowledged', generation));
while (model.generation < Number(lastText) && wrong.length === 0) {
  model.advance(store);
  say('published', model.generation);
  const numbers = [...model.pages.keys()];
  const number = numbers[random(numbers.length)];
  if (number !== undefined) wrong.push(...model.differenceOfPage(store, number));
  if (random(3) === 0) await new Promise((done) => setTimeout(done, random(6)));
}
if (wrong.length === 0) {
  store.waitForCommit(model.generation);
  say('acknowledged', model.generation);
  wrong.push(...model.differences(store));
  await store.close();
}
if (wrong.length > 0) {
  writeSync(2, `${wrong.slice(0, 5).join('\n')}\n`);
  process.exit(1);
}
