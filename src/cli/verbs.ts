/**
 * The verb table: every verb with its options, operands, examples and exit codes. Parser, help, suggestions and the
 * documentation's check all derive from it.
 *
 * To add a verb: write `src/cli/verbs/<name>.ts` and add its row here. The module has
 *
 *     export async function run(invocation: Invocation): Promise<number>
 *
 * which returns the exit code, or throws an OperatorError (errors.ts). An option `--stop-at TICK` of the row arrives
 * as `invocation.options.stopAt`, checked and converted: a switch is a boolean (false when not given), the number kinds are numbers,
 * sizes are bytes, texts and choices are strings; an option without default that was not given is undefined. Common to all verbs,
 * and never in a row: --json, -q/--quiet, -v/--verbose, -h/--help. Holds no mechanism and no state. The verbs that look at images have their rows in verb-rows/look.ts.
 */
import type { VerbRow } from './verb.ts';
import { careVerbs, exportVerb, importVerb, tagVerb } from './verb-rows/keep.ts';
import { lookVerbs } from './verb-rows/look.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** All verbs, in the order of help. */
export const verbTable: readonly VerbRow[] = [
  {
    name: 'run',
    load: () => import('./verbs/run.ts'),
    group: 'live',
    summary: 'create an image with a program in it, or let an image go on',
    examples: [
      { command: 'perdure run counter.db counter.elf', meaning: 'creates counter.db and runs the program' },
      { command: 'perdure run counter.db', meaning: 'goes on where it was, also after kill -9' },
    ],
    operands: 'IMAGE [PROGRAM.elf [ARGS...]]',
    operandsMin: 1,
    operandsMax: Number.POSITIVE_INFINITY,
    guestFrom: 1,
    options: [
      { name: 'fresh', kind: 'switch', summary: 'start anew; the old files are kept aside' },
      {
        name: 'ephemeral',
        kind: 'switch',
        summary: 'without an image: the first operand is PROGRAM.elf, and nothing is kept',
      },
      {
        name: 'interval',
        kind: 'number',
        placeholder: 'MS',
        min: 0.1,
        max: 3_600_000,
        default: 10,
        summary: 'milliseconds between checkpoints',
      },
      {
        name: 'durability',
        kind: 'choice',
        choices: ['process', 'power'],
        default: 'power',
        summary: 'what a commit survives: the death of the process, or the loss of power too',
      },
      {
        name: 'clock',
        kind: 'choice',
        choices: ['real', 'instructions'],
        default: 'real',
        summary: 'follow real time, or count instructions only (deterministic)',
      },
      { name: 'out', kind: 'text', placeholder: 'FILE', summary: 'write the output to FILE, exactly once' },
      {
        name: 'ram',
        kind: 'size',
        placeholder: 'SIZE',
        min: 16 * MIB,
        max: 3 * GIB,
        default: 256 * MIB,
        summary: 'memory of the machine; may differ from run to run',
      },
      {
        name: 'keep',
        kind: 'text',
        placeholder: 'LADDER',
        summary:
          'history: SPACING:AGE,...,size:BYTES or none; the image remembers it (all:10s,1s:1m,1m:1h,1h:1d,1d:30d,size:1G)',
      },
      {
        name: 'stop-at',
        kind: 'integer',
        placeholder: 'TICK',
        min: 1,
        summary: 'stop cleanly when the clock of the machine shows TICK',
      },
      {
        name: 'seed',
        kind: 'integer',
        placeholder: 'N',
        min: 0,
        summary: 'seed of the entropy of a new image',
      },
      {
        name: 'trace',
        kind: 'text',
        placeholder: 'FILE',
        summary: 'write what the kernel does to FILE, in the trace event format of Chrome and Perfetto',
      },
      {
        name: 'stats',
        kind: 'text',
        placeholder: 'FILE',
        summary: 'write what the machine is doing to FILE, a line of JSON a second',
      },
      {
        name: 'report',
        kind: 'text',
        placeholder: 'FILE',
        summary: 'write the JSON report of the run to FILE',
      },
    ],
    exits: [
      'damaged',
      'inputMissing',
      'unavailable',
      'cannotCreate',
      'inputOutput',
      'interrupted',
      'terminated',
    ],
    guestStatus: true,
  },
  {
    name: 'hart',
    load: () => import('./verbs/hart.ts'),
    group: 'live',
    summary: 'run a bare program (perdure-cc -mbare), without kernel or image',
    examples: [
      { command: 'perdure hart hello.bare.elf', meaning: 'runs the program and returns its exit status' },
      {
        command: 'perdure hart --budget 1000 --trace trace.txt hello.bare.elf',
        meaning: 'stops after 1000 instructions, a line for each in trace.txt',
      },
    ],
    operands: 'PROGRAM.elf [ARGS...]',
    operandsMin: 1,
    operandsMax: Number.POSITIVE_INFINITY,
    guestFrom: 1,
    options: [
      {
        name: 'tier',
        kind: 'choice',
        choices: ['interpreter', 'translator', 'auto'],
        default: 'auto',
        summary: 'interpret instructions, translate them to WebAssembly, or translate what is hot',
      },
      { name: 'budget', kind: 'integer', placeholder: 'N', min: 1, summary: 'stop after N instructions' },
      { name: 'trace', kind: 'text', placeholder: 'FILE', summary: 'write a line per instruction to FILE' },
      {
        name: 'report',
        kind: 'text',
        placeholder: 'FILE',
        summary: 'write the JSON report of the run to FILE',
      },
    ],
    exits: ['damaged', 'inputMissing', 'cannotCreate', 'inputOutput', 'interrupted'],
    guestStatus: true,
  },
  {
    name: 'kill',
    load: () => import('./verbs/kill.ts'),
    group: 'live',
    summary: 'end the machine that runs an image with a real SIGKILL',
    examples: [
      { command: 'perdure kill counter.db', meaning: 'kill -9 of the process that runs counter.db' },
      { command: 'perdure kill --json counter.db', meaning: 'the same, with the process id as JSON' },
    ],
    operands: 'IMAGE',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [],
    exits: ['foundWrong', 'damaged', 'inputMissing', 'inputOutput'],
    guestStatus: false,
  },
  ...lookVerbs,
  {
    name: 'restore',
    load: () => import('./verbs/restore.ts'),
    group: 'change',
    summary: 'put an image back to a generation that is kept; the old line stays as history',
    examples: [
      { command: 'perdure restore counter.db@HEAD~1', meaning: 'one kept generation back' },
      { command: 'perdure restore counter.db@2026-11-23T18:00:00Z', meaning: 'what it was at that time' },
    ],
    operands: 'IMAGE@WHEN',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [],
    exits: ['damaged', 'inputMissing', 'unavailable', 'cannotCreate', 'inputOutput'],
    guestStatus: false,
  },
  {
    name: 'fork',
    load: () => import('./verbs/fork.ts'),
    group: 'change',
    summary: 'make a generation that is kept an image of its own, also while the image runs',
    examples: [
      { command: 'perdure fork counter.db other.db', meaning: 'the newest generation, as other.db' },
      { command: 'perdure fork counter.db@1234 other.db', meaning: 'generation 1234, as other.db' },
    ],
    operands: 'IMAGE[@WHEN] NEW',
    operandsMin: 2,
    operandsMax: 2,
    guestFrom: null,
    options: [],
    exits: ['damaged', 'inputMissing', 'cannotCreate', 'inputOutput'],
    guestStatus: false,
  },
  tagVerb,
  exportVerb,
  importVerb,
  ...careVerbs,
  {
    name: 'crash',
    load: () => import('./verbs/crash.ts'),
    group: 'care',
    summary: 'kill a program again and again and see that nothing is lost',
    examples: [
      { command: 'perdure crash transcript.elf', meaning: 'kills and resumes it, compares its transcript' },
      {
        command: 'perdure crash --kills 1000 --seed 7 --json transcript.elf 500',
        meaning: 'a longer campaign',
      },
    ],
    operands: 'PROGRAM.elf [ARGS...]',
    operandsMin: 0,
    operandsMax: Number.POSITIVE_INFINITY,
    guestFrom: 1,
    options: [
      {
        name: 'kills',
        kind: 'integer',
        placeholder: 'N',
        min: 1,
        default: 100,
        summary: 'number of kills',
      },
      {
        name: 'seed',
        kind: 'integer',
        placeholder: 'S',
        min: 0,
        default: 1,
        summary: 'seed of the moments of the kills; printed when something is wrong',
      },
      {
        name: 'programs',
        kind: 'text',
        placeholder: 'NAMES',
        summary: 'programs of the campaign, by name with commas between, or all; instead of PROGRAM.elf',
      },
      {
        name: 'jobs',
        kind: 'integer',
        placeholder: 'N',
        min: 1,
        max: 64,
        default: 1,
        summary: 'programs that are killed side by side',
      },
      {
        name: 'report',
        kind: 'text',
        placeholder: 'FILE',
        summary: 'write the JSON report to FILE as it grows; what FILE has of other seeds is added to',
      },
    ],
    exits: ['foundWrong', 'damaged', 'inputMissing', 'cannotCreate', 'inputOutput', 'interrupted'],
    guestStatus: false,
  },
];
