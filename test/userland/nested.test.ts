/**
 * N.06: what `src/persist` asks of the machine, a C program asks of its own child, and gets the same answers (law 4).
 *
 * The list of entries is read from the sources of `src/persist`. The program (programs/nested.c) makes each call itself
 * and has the task outside make the same one, about the same object or about its twin, at the same instant.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faults, outcomes } from '../../src/kernel/abi/codes.ts';
import { entries } from '../../src/kernel/abi/entries.ts';
import type { Entry } from '../../src/kernel/abi/entry.ts';
import { typeNames } from '../../src/kernel/abi/types.ts';
import type { Processor } from '../../src/userland/task/task.ts';
import { testNeeding } from '../tools/needs.ts';
import { buildProgram } from './build.ts';
import { runProgram } from './parent.ts';

const names = Object.keys(entries);
const persist = join(import.meta.dirname, '../../src/persist');

/** Entries that the text names: as a word in quotes, or as an operation of any type (`entry(type, 'peek_state')`). */
function entriesIn(text: string): string[] {
  const words = [...text.matchAll(/'([a-z]\w+)'/g)].map(([, word = '']) => word);
  const operations = [...text.matchAll(/\bentry\([^']*'(\w+)'\)/g)].map(([, word = '']) => word);
  const ofTypes = operations.flatMap((operation) => typeNames.map((type) => `${type}_${operation}`));
  return [...words, ...ofTypes].filter((name) => names.includes(name));
}

function usedByPersist(): string[] {
  const files = readdirSync(persist, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return [...new Set(files.flatMap((name) => entriesIn(readFileSync(join(persist, name), 'utf8'))))].sort();
}

/** One call for the program: struct probe in, struct answer out. */
function makeCall(request: Uint8Array, task: Processor, programPlace: number): Uint8Array {
  const words = new BigUint64Array(request.buffer, 0, 10);
  const number = Number(words[1]);
  const addresses = Number(words[9]);
  const isAddress = (index: number): boolean => ((addresses >> index) & 1) !== 0;
  const places = Array.from(
    { length: 7 },
    (_, i) => Number(words[2 + i]) + (isAddress(i) ? programPlace : 0),
  );
  // 0 is no address: what is not wanted stays so.
  const args = places.map((place, i) => (words[2 + i] === 0n ? 0 : place));
  const row = (Object.values(entries) as Entry[]).find((entry) => entry.number === number);
  const outcome = task.call(number, ...args);
  const answer = new BigUint64Array(9);
  answer[0] = BigInt(outcome);
  let told = 0n;
  if (outcome >= 0 && outcome < 0x100) {
    row?.results.forEach((name, index) => {
      const register = index + 1;
      const isAdvanced = isAddress(register) && row.arguments[register] === name;
      told |= 1n << BigInt(register);
      if (isAdvanced) told |= 1n << BigInt(32 + register);
      answer[2 + register] = BigInt(task.result(index) - (isAdvanced ? programPlace : 0));
    });
  }
  answer[1] = told;
  return new Uint8Array(answer.buffer);
}

test('the list of entries that the persistence server uses is read from its sources', () => {
  const used = usedByPersist();
  assert.ok(used.length > 45, `${used.length} entries`);
  for (const name of [
    'region_supply',
    'region_collect',
    'reference_locate',
    'thread_peek_state',
    'kernel_record',
  ]) {
    assert.ok(used.includes(name), name);
  }
  assert.equal(entriesIn("call(task, 'mutex_lock'); must(task, entry(type, 'reference'), at);"), [
    'mutex_lock',
    ...typeNames
      .filter((type) => type !== 'mapping' && type !== 'reference')
      .map((type) => `${type}_reference`),
  ]);
});

const cross = testNeeding(test, 'riscv64-unknown-elf-gcc');

cross('a program gets the same answers about its own child as the task outside', () => {
  const program = buildProgram('nested.c');
  const { status, stdout } = runProgram(program, {
    args: ['nested'],
    optOut: 'nested: same',
    answerRequest: makeCall,
    tickLimit: 10_000_000_000,
  });
  assert.is(status, 0, stdout.slice(-400));
  const compared = [...stdout.matchAll(/^(\w+): same$/gm)].map(([, name = '']) => name);
  for (const name of usedByPersist()) assert.ok(compared.includes(name), `${name} is compared`);
  assert.match(stdout, /the child answers the same\n$/);
});

cross('a different answer is noticed', () => {
  const program = buildProgram('nested.c');
  const lie = (name: string, change: (answer: BigUint64Array) => void) => {
    const number = BigInt(entries[name as keyof typeof entries].number);
    const answerRequest = (request: Uint8Array, task: Processor, place: number): Uint8Array => {
      const answer = makeCall(request, task, place);
      if (new BigUint64Array(request.buffer, 0, 2)[1] === number) change(new BigUint64Array(answer.buffer));
      return answer;
    };
    return runProgram(program, {
      args: ['nested'],
      optOut: 'nested: different',
      answerRequest,
      tickLimit: 10_000_000_000,
    });
  };
  const outcome = lie('reference_check', (answer) => {
    answer[0] = BigInt(answer[0] === 0n ? outcomes.notFound : faults.invalidEntry);
  });
  assert.is(outcome.status, 1);
  assert.match(outcome.stdout, /^reference_check: the outcome is 0x\w+ here, 0x\w+ outside$/m);
  const result = lie('reference_locate', (answer) => {
    answer[3] = (answer[3] ?? 0n) + 32n;
  });
  assert.is(result.status, 1);
  assert.match(result.stdout, /^reference_locate: a result is /m);
});

test.run();
