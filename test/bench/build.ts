/**
 * Builds the one program of the benchmark for every engine: native, user mode (qemu-riscv64 and our hart run the same
 * file), bare machine (qemu-system-riscv64), a program whose first instructions write a byte, and the loops of costs.ts.
 *
 * The RISC-V objects of the workloads are compiled once and linked twice, so that all emulators run the same code; only
 * start code and output differ. All with gcc -O2, without contraction of multiply-adds that are not written fused.
 * Builds go into the folder that is given. Called by cpu.ts and its test; throws BuildError with what is missing.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseElf } from '../../src/hw/elf.ts';
import { findTool } from '../tools/needs.ts';
import { CASES, generateSwitch } from './generate-switch.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
export const project = join(here, '..', '..');
const sources = join(here, 'workloads');
const perdureCompiler = join(project, 'src', 'userland', 'kit', 'perdure-cc');

const crossCompiler = 'riscv64-unknown-elf-gcc';
const common = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-ffp-contract=off', '-I', sources];
const machine = ['-march=rv64gc', '-mabi=lp64d'];
const cross = ['--specs=picolibc.specs', ...machine, '-mcmodel=medany'];
/** Where qemu's virt machine has RAM: 4 MiB for code and constants, the rest for data, heap and stack. */
const virtMachine = [
  '--oslib=semihost',
  '--crt0=semihost',
  '-DPICOLIBC_INTEGER_PRINTF_SCANF',
  '-Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=4M',
  '-Wl,--defsym=__ram=0x80400000,--defsym=__ram_size=200M,--defsym=__stack_size=1M',
  '-Wl,--no-warn-rwx-segments',
];

/** The flags that decide about speed, for people. */
export const flagsText = {
  native: 'gcc -O2 -ffp-contract=off',
  guest: `gcc -O2 -ffp-contract=off ${machine.join(' ')}`,
} as const;

/** A guest whose first five instructions write one byte. */
const firstByte = `
  .globl _start
_start:
  la a1, byte
  li a7, 64
  li a0, 1
  li a2, 1
  ecall
  li a7, 93
  li a0, 0
  ecall
  .section .rodata
byte:
  .byte 46
`;

/** Paths of what was built. */
export interface Built {
  readonly native: string;
  readonly user: string;
  readonly system: string;
  readonly firstByte: string;
  readonly loops: string;
}

/** Something is missing or does not compile; the message says what, and what to do. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/** What a tool is called in Debian. */
export const packageOf: Readonly<Record<string, string>> = {
  gcc: 'gcc',
  [crossCompiler]: 'gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf',
  'qemu-riscv64-static': 'qemu-user-static',
  'qemu-system-riscv64': 'qemu-system-misc',
};

/** Throws unless all of these tools are in PATH. */
export function requireTools(tools: readonly string[]): void {
  const missing = tools.filter((tool) => findTool(tool) === null);
  if (missing.length === 0) return;
  const packages = missing.map((tool) => packageOf[tool] ?? tool);
  throw new BuildError(`${missing.join(', ')} missing; install ${packages.join(', ')}`);
}

/** Runs a compiler; throws with what it said when it fails. */
function compile(command: string, args: readonly string[], folder: string): Promise<void> {
  return new Promise((settle, reject) => {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) settle();
      else reject(new BuildError(`${command} ${args.join(' ')}\n${said.trimEnd()}`));
    });
  });
}

/** Compiles each source, the generated one first because it takes longest; returns the objects. */
async function compileAll(
  command: string,
  flags: readonly string[],
  folder: string,
  prefix: string,
): Promise<string[]> {
  const files = readdirSync(sources).filter((name) => name.endsWith('.c'));
  const objects: string[] = [];
  for (const file of [join(folder, 'switch.c'), ...files.map((name) => join(sources, name))]) {
    const object = `${prefix}${objects.length}.o`;
    await compile(command, [...flags, ...common, '-c', file, '-o', object], folder);
    objects.push(object);
  }
  return objects;
}

async function buildNative(folder: string): Promise<void> {
  const objects = await compileAll('gcc', [], folder, 'native');
  await compile('gcc', [...objects, '-lm', '-o', 'native'], folder);
}

async function buildGuests(folder: string): Promise<void> {
  const objects = await compileAll(crossCompiler, cross, folder, 'guest');
  await compile(perdureCompiler, ['-mbare', ...machine, ...objects, '-lm', '-o', 'user.elf'], folder);
  await compile(crossCompiler, [...cross, ...virtMachine, ...objects, '-lm', '-o', 'system.elf'], folder);
  const bare = ['-nostdlib', '-static', '-march=rv64imac', '-mabi=lp64', '-Wl,--build-id=none'];
  await compile(crossCompiler, [...bare, 'first.S', '-o', 'first.elf'], folder);
  await compile(crossCompiler, [...bare, join(sources, 'loops.S'), '-o', 'loops.elf'], folder);
}

/** What the workload `switch` is for: one function of at least 200 KB. */
export const SWITCH_BYTES_MIN = 200_000;

function requireFlatCode(file: string): void {
  const { symbols } = parseElf(readFileSync(file), file);
  const size = symbols.find(({ name }) => name === 'run_switch')?.size ?? 0;
  if (size < SWITCH_BYTES_MIN)
    throw new BuildError(
      `run_switch has ${size} bytes, fewer than ${SWITCH_BYTES_MIN}: give it more statements`,
    );
}

/** What the result depends on, but for the compilers' versions. */
function fingerprint(switchText: string): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(sources).sort()) hash.update(file).update(readFileSync(join(sources, file)));
  const kit = join(project, 'src', 'userland', 'kit');
  for (const file of ['perdure-cc', 'crt0.S', 'stdio.c', 'bare/port.c', 'perdure.ld'])
    hash.update(readFileSync(join(kit, file)));
  hash.update(readFileSync(join(here, 'build.ts'))).update(switchText);
  return hash.digest('hex');
}

/**
 * Builds everything below `folder`, native and cross side by side; what is there from the same sources stays. `cases` is
 * the size of the workload `switch`.
 */
export async function buildPrograms(folder: string, cases: number = CASES): Promise<Built> {
  requireTools(['gcc', crossCompiler]);
  mkdirSync(folder, { recursive: true });
  const built = (name: string): string => join(folder, name);
  const switchText = generateSwitch(cases);
  const [stamp, wanted] = [join(folder, 'built-from'), fingerprint(switchText)];
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    writeFileSync(join(folder, 'switch.c'), switchText);
    writeFileSync(join(folder, 'first.S'), firstByte);
    await Promise.all([buildNative(folder), buildGuests(folder)]);
    if (cases === CASES) requireFlatCode(built('user.elf'));
    writeFileSync(stamp, wanted);
  }
  return {
    native: built('native'),
    user: built('user.elf'),
    system: built('system.elf'),
    firstByte: built('first.elf'),
    loops: built('loops.elf'),
  };
}
