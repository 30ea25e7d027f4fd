/**
 * Makes docs/entries.md, the page of all entry points, from the one numbered table and from the examples.
 *
 * Invariants: the page is a pure function of what is passed in and of the tables; every entry gets one section, with
 * the text of its example as it is compiled. Called by `../docs.ts` and the test that compares; touches no file itself.
 */
import { assert } from '../../base/assert.ts';
import { faults, outcomes } from '../../kernel/abi/codes.ts';
import { type EntryName, entries } from '../../kernel/abi/entries.ts';
import type { Entry, EntryClass } from '../../kernel/abi/entry.ts';
import { carriesReferences, prototype } from './generate.ts';

/** The entries in the order of the table, each with its row. */
const rows = Object.entries(entries) as readonly (readonly [EntryName, Entry])[];

/** Groups of the table, in its order, and what each is about. */
const groups: Readonly<Record<string, string>> = {
  mutex: 'Mutexes',
  cond: 'Conds',
  mapping: 'Mappings: windows of a space onto a region',
  region: 'Regions: memory that is offered, searched and watched',
  port: 'Ports',
  portset: 'Port sets',
  space: 'Spaces',
  thread: 'Threads, their handlers and their processor',
  reference: 'References',
  ipc: 'Messages: one-way, idempotent, reliable',
  clock: 'The clock',
  kernel: 'The kernel record',
};

/** What happens to a call of each class that is interrupted, or whose thread is taken out and rebuilt. */
const interrupted: Readonly<Record<EntryClass, string>> = {
  trivial: 'cannot be interrupted: it touches no memory and does not wait',
  short:
    'happens as a whole or not at all: a page that is missing is brought, and the call made again from its start',
  long: 'may wait, at one place, with pc at the call: interrupted or rebuilt, the thread makes the same call again',
  'multi-stage':
    'happens in stages, each as a whole: after every stage a0 to a7 describe the call that is left to do',
};

/** What an argument or a result is, by its name: the same name means the same in all entries. */
const meanings: Readonly<Record<string, string>> = {
  mutex: 'address of the mutex',
  cond: 'address of the cond',
  mapping: 'address of the mapping',
  region: 'address of the region',
  space: 'address of the space',
  thread: 'address of the thread',
  portset: 'address of the port set, or of a reference to it',
  port: 'address of the port, or of a reference to it',
  reference: 'address of the reference',
  other: 'address of another reference',
  destination: 'address of the place that it goes to',
  hash: 'a word of the maker’s choice, written once; 0: the kernel chooses',
  state: 'address of the simple state (`struct perdure_..._state`); 0: not wanted, or unchanged',
  ownerReference: 'reference for the link to the thread that owns it; 0: not wanted, or unchanged',
  inheritorReference: 'reference for the link to the thread that inherits its sleepers’ priority; 0 as above',
  regionReference: 'reference for the link to the region it shows; 0: not wanted, or unchanged',
  spaceReference: 'reference for the link to the space it is in; 0: not wanted, or unchanged',
  keeperReference: 'reference for the link to the keeper’s port; 0: not wanted, or unchanged',
  schedulerReference: 'reference for the link to the scheduler’s port; 0: not wanted, or unchanged',
  portsetReference: 'reference for the link to the port set it is in; 0: not wanted, or unchanged',
  waitingForReference: 'reference for the link to what it waits for; 0: not wanted, or unchanged',
  clientReference: 'reference for the link to its client; 0: not wanted, or unchanged',
  serverReference: 'reference for the link to its server; 0: not wanted, or unchanged',
  targetReference: 'reference for the link to the target; 0: not wanted, or unchanged',
  protection: 'bits: read 1, write 2, execute 4',
  offset: 'bytes from the start of the region; advanced by what was looked through',
  size: 'bytes',
  items: 'address of an array of `struct perdure_item`; advanced behind the last one written',
  itemCount: 'entries of the array that are free',
  source: 'address of a page of the caller; 0: zeros',
  kind: 'one of `PERDURE_ITEM_...`',
  detail: 'pc of the first write to a page; type number of an object that is gone',
  send: 'address of the bytes to send; advanced behind what was sent',
  sendLength: 'bytes left to send',
  receive: 'address of the room for what comes; advanced behind what came',
  receiveLength: 'bytes of room left',
  flavour: 'one of `PERDURE_FLAVOUR_...`',
  alias: 'the word of the port through which it came',
  onewayEntry: 'address at which one-way messages enter the thread; 0: behind the call',
  idempotentEntry: 'address at which idempotent requests enter the thread; 0: behind the call',
  reliableEntry: 'address at which reliable messages enter the thread; 0: behind the call',
  address: 'the thread’s own word for where it lies',
  handlers: 'address of `struct perdure_handlers`',
  saved: 'address of `struct perdure_saved_state`',
  ticks: 'instructions, and what entries count as; what is left of them, or was used: see the summary',
  sensitivity: 'one of `PERDURE_SENSITIVITY_...`',
  isNull: '1 when the target is nothing, or is gone; else 0',
  isSame: '1 when both name the same object, or both nothing; else 0',
  type: 'a type number, `PERDURE_TYPE_...`',
  serial: 'the number of the object that is never used again',
  monotonic: 'nanoseconds',
  wall: 'nanoseconds',
  deadline: 'nanoseconds of the monotonic clock',
  record: 'address of `struct perdure_kernel_record`',
  word: '64 random bits',
};

/** Names of arguments and results that the glossary misses; and what it explains although nothing has that name. */
export function glossaryErrors(): string[] {
  const used = new Set(
    rows.flatMap(([, row]) => [...row.arguments, ...row.results]).filter((name) => !/^unused\d$/.test(name)),
  );
  const missing = [...used]
    .filter((name) => meanings[name] === undefined)
    .map((name) => `${name} is missing`);
  const idle = Object.keys(meanings).filter((name) => !used.has(name));
  return [...missing, ...idle.map((name) => `${name} is nobody's`)];
}

/** What the comments of `codes.ts` say of each code: name to sentence. */
export function meaningsOfCodes(codesSource: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, comment = '', name = ''] of codesSource.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(\w+): /g,
  )) {
    found.set(name, comment.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim());
  }
  return found;
}

/** Examples by entry: the text of `EXAMPLE(name) { ... }` with the comment before it, as it stands in the file. */
export function extractExamples(source: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const pattern = /((?:^\/\*(?:(?!\*\/)[\s\S])*\*\/\n)?)^EXAMPLE\((\w+)\) \{\n[\s\S]*?^\}\n/gm;
  for (const [text, , name = ''] of source.matchAll(pattern)) {
    assert(!found.has(name), `document: ${name} has one example`);
    found.set(name, text);
  }
  return found;
}

function upperSnake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

function codeList(names: readonly string[], prefix: string): string {
  return names.map((name) => `\`${prefix}${upperSnake(name)}\``).join(', ');
}

function registerRows(name: EntryName, row: Entry): string[] {
  const lines: string[] = [];
  row.arguments.forEach((argument, index) => {
    if (/^unused\d$/.test(argument)) return;
    const back = row.results.indexOf(argument) + 1 === index && index > 0 ? ', in and out' : '';
    lines.push(`| a${index}${back} | \`${argument}\` | ${meanings[argument] ?? ''} |`);
  });
  if (carriesReferences(name)) {
    lines.push(
      '| a5, a6, t0, t1, in and out | `references` | tables of references to send and to receive into |',
    );
  }
  row.results.forEach((result, index) => {
    if (row.arguments.includes(result) || /^unused\d$/.test(result)) return;
    lines.push(`| a${index + 1}, out | \`${result}\` | ${meanings[result] ?? ''} |`);
  });
  return lines;
}

function section(name: EntryName, row: Entry, example: string): string {
  const registers = registerRows(name, row);
  const table =
    registers.length === 0
      ? ''
      : `| register | name | what it is |\n| --- | --- | --- |\n${registers.join('\n')}\n\n`;
  const codes = [
    row.outcomes.length === 0 ? '' : `Outcomes besides success: ${codeList(row.outcomes, '')}.`,
    row.faults.length === 0 ? 'Delivers no fault.' : `Faults: ${codeList(row.faults, '')}.`,
  ].filter((text) => text !== '');
  const becomes = row.becomes ?? [];
  const rest =
    becomes.length === 0 ? '' : ` What is left may be ${becomes.map((other) => `\`${other}\``).join(', ')}.`;
  return (
    `### ${name}\n\n0x${row.number.toString(16)}, ${row.class}. ${row.summary}\n\n` +
    `\`\`\`c\n${prototype(name)
      .replace(/(.{60,}?, )/g, '$1\n    ')
      .replaceAll(/ +\n/g, '\n')}\n\`\`\`\n\n` +
    `${table}${codes.join(' ')}${rest}\n\n` +
    `\`\`\`c\n${example}\`\`\`\n`
  );
}

function codeTable(table: Readonly<Record<string, number>>, texts: ReadonlyMap<string, string>): string {
  const lines = Object.entries(table).map(
    ([name, code]) => `| \`${upperSnake(name)}\` | 0x${code.toString(16)} | ${texts.get(name) ?? ''} |`,
  );
  return `| name | code | what it says |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
}

/** The whole page. `examples`: entry to text, for every entry; `codesSource`: the text of codes.ts. */
export function entriesPage(examples: ReadonlyMap<string, string>, codesSource: string): string {
  const texts = meaningsOfCodes(codesSource);
  const contents = Object.keys(groups).map((group) => {
    const names = rows.map(([name]) => name).filter((name) => name.startsWith(`${group}_`));
    return `- **${groups[group]}**: ${names.map((name) => `[${name.slice(group.length + 1)}](#${name})`).join(', ')}`;
  });
  const parts = Object.keys(groups).map((group) => {
    const sections = rows
      .filter(([name]) => name.startsWith(`${group}_`))
      .map(([name, row]) => section(name, row, examples.get(name) ?? ''));
    return `## ${groups[group]}\n\n${sections.join('\n')}`;
  });
  const classes = (Object.keys(interrupted) as EntryClass[]).map((name) => {
    const count = rows.filter(([, row]) => row.class === name).length;
    return `| ${name} | ${count} | ${interrupted[name]} |`;
  });
  return `# The entry points

Made by \`npm run docs\` from \`src/kernel/abi/entries.ts\` and \`src/userland/examples/\`: do not edit.

All ${rows.length} entry points of the kernel. A call is an \`ecall\` with the entry's number in a7 and its arguments in a0, a1 and so on.
After it a0 holds an outcome, and what else it tells lies in a1, a2 and so on. From C, \`#include <perdure.h>\`: each entry is an
inline function. A parameter \`x\` that is a pointer to a pointer or to a length is *in and out*: the call advances it, and
says by it how far it came.

An object is named by the address at which it lies: whoever may write there can name it. A name that is wrong is a *fault*:
an exception of the caller with pc still at the call, which its handler gets, else the keeper of its space, which ends the program.
What can happen to a correct program is an *outcome*. Besides those listed, an entry with a buffer may meet page faults there.
They are served like those of any instruction: by the region's keeper, then by the thread's own handler.

The examples are compiled and run by the tests, as the program \`examples\`. \`OK(call)\` says that the call succeeds, \`EXPECT(x)\`
that x holds; \`MY_THREAD\` and \`MY_SPACE\` are the program's own. \`src/userland/examples/example.h\` has these and the few
helpers that the examples share.

## When a call is interrupted

| class | entries | a call of it |
| --- | --- | --- |
${classes.join('\n')}

## Outcomes

As \`PERDURE_...\` in C, in a0.

${codeTable(outcomes, texts)}
## Faults

As \`PERDURE_FAULT_...\` in C: what a handler or a keeper is told.

${codeTable(faults, texts)}
## Contents

${contents.join('\n')}

${parts.join('\n')}`;
}
