/** The generated headers: fresh, complete, and refused by the compiler when a layout and a struct differ. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entries } from '../../src/kernel/abi/entries.ts';
import { parentPage } from '../../src/kernel/abi/memory.ts';
import { staleHeaders } from '../../src/userland/build.ts';
import { generateHeaders, snakeCase } from '../../src/userland/kit/generate.ts';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';

const kit = join(import.meta.dirname, '../../src/userland/kit');
const gcc = 'riscv64-unknown-elf-gcc';
const cross = testNeeding(test, gcc);

const target = ['--specs=picolibc.specs', '-march=rv64gc', '-mabi=lp64d', '-Wall', '-Wextra', '-Werror'];

test('the committed headers are what kernel/abi says', () => {
  assert.equal(staleHeaders(), []);
});

test('every entry has one number and one stub, and every place of the parent page a name', () => {
  const headers = generateHeaders();
  const text = headers.get('entries.h') ?? '';
  for (const [name, entry] of Object.entries(entries)) {
    const number = `#define PERDURE_ENTRY_${name.toUpperCase()} 0x${entry.number.toString(16)}\n`;
    assert.is(text.split(number).length, 2, `${name} has one number`);
    assert.is(text.split(`perdure_outcome perdure_${name}(`).length, 2, `${name} has one stub`);
  }
  for (const name of Object.keys(parentPage)) {
    assert.ok(
      (headers.get('memory.h') ?? '').includes(`#define PERDURE_PARENT_${snakeCase(name).toUpperCase()} `),
    );
  }
});

cross('all headers compile on their own, as C and as C++', () => {
  const folder = scratchFolder();
  for (const name of [...generateHeaders().keys()].map((header) => `perdure/${header}`).concat('perdure.h')) {
    for (const language of ['c', 'c++']) {
      const source = join(folder, `one.${language === 'c' ? 'c' : 'cc'}`);
      writeFileSync(source, `#include <${name}>\n`);
      const args = [...target, '-I', join(kit, 'include'), '-fsyntax-only', '-x', language, source];
      execFileSync(gcc, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    }
  }
});

cross('the compiler refuses a struct whose field lies elsewhere', () => {
  const folder = scratchFolder();
  cpSync(join(kit, 'include'), folder, { recursive: true });
  const file = join(folder, 'perdure/types.h');
  const source = join(folder, 'one.c');
  writeFileSync(source, '#include <perdure.h>\n');
  const compile = () =>
    spawnSync(gcc, [...target, '-I', folder, '-fsyntax-only', source], { encoding: 'utf8' });
  assert.is(compile().status, 0);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('uint64_t region_offset;', 'uint32_t region_offset;\n  uint32_t stray;'));
  assert.is(compile().status, 0, 'a change that moves nothing is accepted');
  writeFileSync(file, text.replace('uint64_t region_offset;', 'uint64_t region_offset;\n  uint64_t stray;'));
  const broken = compile();
  assert.is.not(broken.status, 0);
  assert.match(broken.stderr, 'perdure_mapping_state');
});

cross(
  'a stub is one ecall with its number in a7, and keeps nothing in the registers the kernel may change',
  () => {
    const folder = scratchFolder();
    const source = join(folder, 'one.c');
    writeFileSync(
      source,
      `#include <perdure.h>
perdure_outcome wait(perdure_portset *set, void **receive, uint64_t *length, uint64_t *flavour, uint64_t *alias) {
  return perdure_ipc_wait_receive(set, receive, length, flavour, alias, NULL);
}
uint64_t kept(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
  perdure_ipc_client_disconnect();
  return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
}
`,
    );
    const object = join(folder, 'one.o');
    execFileSync(gcc, [...target, '-O2', '-I', join(kit, 'include'), '-c', source, '-o', object]);
    const listing = execFileSync('riscv64-unknown-elf-objdump', ['-d', '--no-show-raw-insn', object], {
      encoding: 'utf8',
    });
    const [, waiting = '', keeping = ''] = listing.split(/<(?:wait|kept)>:\n/);
    assert.is(waiting.split('ecall').length, 2);
    assert.match(waiting, new RegExp(`li\\ta7,${entries.ipc_wait_receive.number}\\b`));
    // All eight arguments are wanted after the call: every one was moved out of a0 to a7 before it.
    const before = keeping.split('ecall')[0] ?? '';
    for (let register = 0; register < 8; register += 1) assert.match(before, new RegExp(`,a${register}\\b`));
  },
);

test.run();
