/**
 * P.02 with real processes: an image larger than any RAM it is given, killed and resumed with another RAM each time; and
 * pools that are made and killed by the thousand, whose space the file uses again.
 *
 * The programs check every word they read; here their output, and the image at the end, are compared with an undisturbed
 * run in ample RAM. Called by `npm run -s memory` (`npm run -s memory -- --help` says with what).
 */
import fs from 'node:fs';
import path from 'node:path';
import { generator } from '../../src/cli/crash/plan.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program, readReport, sizeOf } from './perdure.ts';

export interface Campaign {
  readonly program: 'sweep' | 'pools';
  readonly arguments: readonly string[];
  /** RAM of the lives, drawn at random. */
  readonly rams: readonly string[];
  readonly kills: number;
  readonly seed: number;
}

export interface CampaignEnd {
  readonly kills: number;
  /** What is wrong; null when nothing is. */
  readonly wrong: string | null;
  readonly pagesEvicted: number;
  /** Size of file and log together: the largest in the first and in the second half of the looks, and the file at the end. */
  readonly sizes: { readonly first: number; readonly second: number; readonly end: number };
}

interface End {
  readonly output: string;
  readonly hash: string | null;
}

async function undisturbed({ program: name, arguments: args }: Campaign): Promise<End> {
  const cwd = scratchFolder();
  const all = [
    'run',
    '--clock',
    'instructions',
    '--seed',
    '1',
    '--durability',
    'process',
    '--interval',
    '200',
  ];
  const rest = ['--ram', '512M', '--report', 'report.json', 'image.db', program(name), ...args];
  const { status, stdout, stderr } = await perdure([...all, ...rest], { cwd, killAfterMs: 600_000 });
  if (status !== 0) throw new Error(`the undisturbed run ended with ${status}: ${stdout} ${stderr}`);
  return { output: stdout, hash: readReport(cwd).imageHash };
}

/** Runs to the end in many lives, each killed after a random while. */
export async function campaign(plan: Campaign): Promise<CampaignEnd> {
  const want = await undisturbed(plan);
  const cwd = scratchFolder();
  const image = path.join(cwd, 'image.db');
  const random = generator(plan.seed);
  const looks: number[] = [];
  const sizes = (): CampaignEnd['sizes'] => {
    const half = Math.ceil(looks.length / 2);
    return {
      first: Math.max(0, ...looks.slice(0, half)),
      second: Math.max(0, ...looks.slice(half)),
      end: sizeOf(image),
    };
  };
  let kills = 0;
  for (;;) {
    const ram = plan.rams[Math.floor(random() * plan.rams.length)] as string;
    const isLast = kills >= plan.kills;
    let deadline = Number.POSITIVE_INFINITY;
    const lifeMs = 300 + random() * 1200;
    const { status, signal, stderr } = await perdure(
      [
        ...['run', '--clock', 'instructions', '--seed', '1', '--durability', 'process', '--interval', '5'],
        ...['--ram', ram, '--out', 'out.txt', '--report', 'report.json'],
        ...['image.db', program(plan.program), ...plan.arguments],
      ],
      {
        cwd,
        killAfterMs: 600_000,
        killWhen: () => {
          const size = sizeOf(image) + sizeOf(`${image}-wal`);
          if (looks.at(-1) !== size) looks.push(size);
          // A life counts from when it has begun to commit, however slow the host is.
          if (deadline === Number.POSITIVE_INFINITY && sizeOf(`${image}-wal`) > 0)
            deadline = performance.now() + lifeMs;
          return !isLast && performance.now() > deadline;
        },
      },
    );
    if (signal === 'SIGKILL') {
      kills += 1;
      continue;
    }
    const words = { kills, pagesEvicted: 0, sizes: sizes() };
    if (status !== 0)
      return { ...words, wrong: `exit ${status} with ${ram}: ${stderr}; the files are in ${cwd}` };
    const { imageHash, pagesEvicted } = readReport(cwd);
    const output = fs.readFileSync(path.join(cwd, 'out.txt'), 'utf8');
    const isSame = output === want.output && imageHash === want.hash;
    const wrong = isSame ? null : `output or image differ from the undisturbed run; the files are in ${cwd}`;
    if (isSame) fs.rmSync(cwd, { recursive: true, force: true });
    return { ...words, pagesEvicted, wrong };
  }
}

const SMALL = ['16M', '17M', '20M', '24M'];
const MANY = [...SMALL, '48M', '64M', '256M', '1G'];

/** Numbers given as `--name N`. */
function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    console.log('npm run -s memory -- [--kills N] [--seed N] [--mebibytes N] [--pools N]');
    return 0;
  }
  const kills = option('kills', 4);
  const seed = option('seed', 1);
  const plans: Campaign[] = [
    { program: 'sweep', arguments: [String(option('mebibytes', 64)), '2'], rams: SMALL, kills, seed },
    { program: 'pools', arguments: [String(option('pools', 1200)), '64'], rams: MANY, kills, seed },
  ];
  let failed = 0;
  for (const plan of plans) {
    const { wrong, sizes, pagesEvicted, kills: killed } = await campaign(plan);
    const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
    console.log(
      `${wrong === null ? 'ok  ' : 'FAIL'} ${plan.program} ${plan.arguments.join(' ')}: ${killed} kills, ` +
        `${pagesEvicted} pages evicted in the last life; MB of file and log: ${megabytes(sizes.first)} in the first half, ` +
        `${megabytes(sizes.second)} in the second, ${megabytes(sizes.end)} at the end${wrong === null ? '' : `\n     ${wrong}`}`,
    );
    if (wrong !== null) failed += 1;
  }
  console.log(`${plans.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
