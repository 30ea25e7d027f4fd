/**
 * `npm run guest:build`: regenerates the kit's headers and docs/entries.md, builds every program and records what built it.
 *
 * The ELF files lie beside their sources and are committed, so nobody needs a cross compiler to run Perdure.
 * `--check` writes nothing: it compares the headers always, and the ELF files byte for byte when the compiler and the
 * C library are those that `programs/BUILD.json` names; with others it says "skipped: other compiler".
 * Entry point of a tool: the only file of this room, besides the programs, that touches files and processes.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePage, pageFile } from './docs.ts';
import { generateHeaders } from './kit/generate.ts';

const kitDirectory = join(import.meta.dirname, 'kit');
const programsDirectory = join(import.meta.dirname, 'programs');
const recordFile = join(programsDirectory, 'BUILD.json');

/** Sources of the examples, one function an entry point: docs/entries.md shows them, the program `examples` runs them. */
export const exampleSources: readonly string[] = readdirSync(join(import.meta.dirname, 'examples'))
  .filter((name) => name.endsWith('.c'))
  .sort();

interface Program {
  /** Whether it is also built for bare mode (those that need no kernel object). */
  readonly bare: boolean;
  /** Sources besides its own, from the folder of the programs. */
  readonly with?: readonly string[];
}

export const programs: Readonly<Record<string, Program>> = {
  chaos: { bare: false },
  checkpointer: { bare: false },
  alarms: { bare: false },
  counter: { bare: false },
  demand: { bare: false },
  digits: { bare: true },
  echo: { bare: true },
  examples: { bare: false, with: exampleSources.map((name) => `../examples/${name}`) },
  fill: { bare: true },
  hello: { bare: true },
  lives: { bare: false },
  orbits: { bare: false },
  pair: { bare: false },
  relay: { bare: false },
  pools: { bare: false },
  service: { bare: false },
  stride: { bare: false },
  survivor: { bare: false },
  tide: { bare: false },
  sweep: { bare: false },
  transcript: { bare: false },
};

/** What every program here is compiled with: small, no debugging sections, but with its symbols. */
const flags = [
  '-std=gnu17',
  '-Os',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-ffunction-sections',
  '-fdata-sections',
  '-DPICOLIBC_INTEGER_PRINTF_SCANF',
  '-Wl,--strip-debug',
];

interface BuildRecord {
  /** First line of `gcc --version`. */
  readonly compiler: string;
  /** picolibc's package and version. */
  readonly library: string;
  readonly flags: readonly string[];
  /** SHA-256 of each ELF file. */
  readonly files: Readonly<Record<string, string>>;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const compilerName = process.env.PERDURE_GCC ?? 'riscv64-unknown-elf-gcc';

function output(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** The package's version (distributions patch the library), or what the headers say where there is no such package. */
function libraryVersion(): string {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills the names in itself.
    return output('dpkg-query', ['-W', '-f', '${Package} ${Version}', 'picolibc-riscv64-unknown-elf']);
  } catch {
    const args = ['--specs=picolibc.specs', '-E', '-dM', '-include', 'picolibc.h', '-x', 'c', '/dev/null'];
    return `picolibc ${/__PICOLIBC_VERSION__ "([^"]+)"/.exec(output(compilerName, args))?.[1] ?? 'unknown'}`;
  }
}

/** The version of the compiler and of the C library that are installed here, or null when one is missing. */
export function installedTools(): { compiler: string; library: string } | null {
  try {
    const compiler = output(compilerName, ['--version']).split('\n')[0] ?? '';
    return { compiler, library: libraryVersion() };
  } catch {
    return null;
  }
}

/** Builds one program into `directory`; returns the ELF file's name. */
export function buildProgram(name: string, bare: boolean, directory: string): string {
  const file = `${name}${bare ? '.bare' : ''}.elf`;
  const sources = [`${name}.c`, ...(programs[name]?.with ?? [])];
  const args = [...(bare ? ['-mbare'] : []), ...flags, ...sources, '-o', join(directory, file)];
  execFileSync(join(kitDirectory, 'perdure-cc'), args, {
    cwd: programsDirectory,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return file;
}

function buildAll(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [name, { bare }] of Object.entries(programs)) {
    for (const mode of bare ? [false, true] : [false]) {
      const file = buildProgram(name, mode, directory);
      files[file] = sha256(readFileSync(join(directory, file)));
    }
  }
  return files;
}

/** Names of the generated headers that are not what `kernel/abi` says now. */
export function staleHeaders(): string[] {
  const stale: string[] = [];
  for (const [name, text] of generateHeaders()) {
    const file = join(kitDirectory, 'include/perdure', name);
    let found = '';
    try {
      found = readFileSync(file, 'utf8');
    } catch {
      // A missing header is stale like one that differs.
    }
    if (found !== text) stale.push(name);
  }
  return stale;
}

export type CheckResult =
  | { readonly kind: 'same'; readonly count: number }
  | { readonly kind: 'different'; readonly files: readonly string[] }
  | { readonly kind: 'skipped'; readonly reason: string };

/** Builds everything aside and compares it with what is committed. */
export function checkPrograms(): CheckResult {
  const record = JSON.parse(readFileSync(recordFile, 'utf8')) as BuildRecord;
  const tools = installedTools();
  if (tools === null) return { kind: 'skipped', reason: 'no cross compiler' };
  if (tools.compiler !== record.compiler || tools.library !== record.library) {
    return { kind: 'skipped', reason: 'other compiler' };
  }
  const directory = mkdtempSync(join(tmpdir(), 'perdure-guest-'));
  try {
    const built = buildAll(directory);
    const names = new Set([...Object.keys(built), ...Object.keys(record.files)]);
    const different = [...names].filter((name) => {
      const committed = sha256(readFileSync(join(programsDirectory, name)));
      return built[name] !== committed || record.files[name] !== committed;
    });
    if (different.length > 0) return { kind: 'different', files: different };
    return { kind: 'same', count: names.size };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function build(): number {
  for (const [name, text] of generateHeaders()) {
    writeFileSync(join(kitDirectory, 'include/perdure', name), text);
  }
  writeFileSync(pageFile, makePage());
  const tools = installedTools();
  if (tools === null) {
    console.error(`guest:build: ${compilerName} or picolibc is missing; see docs/programs.md`);
    return 69;
  }
  const record: BuildRecord = { ...tools, flags, files: buildAll(programsDirectory) };
  writeFileSync(recordFile, `${JSON.stringify(record, null, 2)}\n`);
  console.log(`guest:build: ${Object.keys(record.files).length} programs built with ${tools.compiler}`);
  return 0;
}

function check(): number {
  const stale = staleHeaders();
  if (stale.length > 0) {
    console.error(`guest:build: stale headers: ${stale.join(', ')}; run npm run guest:build`);
    return 1;
  }
  const result = checkPrograms();
  if (result.kind === 'skipped') console.log(`guest:build: skipped: ${result.reason}`);
  else if (result.kind === 'same')
    console.log(`guest:build: ${result.count} programs are byte for byte the same`);
  else {
    console.error(`guest:build: not what is committed: ${result.files.join(', ')}; run npm run guest:build`);
    return 1;
  }
  return 0;
}

if (import.meta.main) process.exitCode = process.argv.includes('--check') ? check() : build();
