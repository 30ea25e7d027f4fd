/**
 * Rows of the verbs that look at an image: none of them changes a byte of it, and all work while a machine runs it.
 *
 * Part of the verb table (verbs.ts).
 */
import type { VerbRow } from '../verb.ts';

export const lookExits: VerbRow['exits'] = ['foundWrong', 'damaged', 'inputMissing', 'inputOutput'];

export const lookVerbs: readonly VerbRow[] = [
  {
    name: 'log',
    load: () => import('../verbs/log.ts'),
    group: 'look',
    summary: 'the generations that are kept, newest first',
    examples: [
      { command: 'perdure log counter.db', meaning: 'every kept generation with its time and its changes' },
      {
        command: 'perdure log --oneline --graph -n 20 counter.db',
        meaning: 'a line each, with the lines of history',
      },
    ],
    operands: 'IMAGE[@WHEN]',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [
      { name: 'oneline', kind: 'switch', summary: 'one line a generation' },
      { name: 'graph', kind: 'switch', summary: 'draw where a restore began another line' },
      {
        name: 'number',
        letter: 'n',
        kind: 'integer',
        placeholder: 'N',
        min: 1,
        default: 50,
        summary: 'show N generations',
      },
    ],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'show',
    load: () => import('../verbs/show.ts'),
    group: 'look',
    summary: 'one generation: when, what changed in it, what came in, what went out',
    examples: [
      { command: 'perdure show counter.db', meaning: 'the newest generation' },
      { command: 'perdure show counter.db@HEAD~3', meaning: 'three kept generations before it' },
    ],
    operands: 'IMAGE[@WHEN]',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'diff',
    load: () => import('../verbs/diff.ts'),
    group: 'look',
    summary: 'what changed between two generations, by object and by page',
    examples: [
      {
        command: 'perdure diff counter.db@HEAD~5 counter.db',
        meaning: 'what the last five kept generations changed',
      },
      { command: 'perdure diff counter.db@100 counter.db@200', meaning: 'from generation 100 to 200' },
    ],
    operands: 'IMAGE@A IMAGE@B',
    operandsMin: 2,
    operandsMax: 2,
    guestFrom: null,
    options: [],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'ps',
    load: () => import('../verbs/ps.ts'),
    group: 'look',
    summary: 'the threads: what they do, where, and what they wait for',
    examples: [
      { command: 'perdure ps counter.db', meaning: 'the threads of the newest generation' },
      { command: 'perdure ps counter.db@1234', meaning: 'those of generation 1234' },
    ],
    operands: 'IMAGE[@WHEN]',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'memory',
    load: () => import('../verbs/memory.ts'),
    group: 'look',
    summary: "bytes of a program's memory, in hexadecimal and as text",
    examples: [
      { command: 'perdure memory counter.db 1 counter 8', meaning: 'the variable counter of program 1' },
      {
        command: 'perdure memory counter.db@1234 0x400001000 0x11000 256',
        meaning: 'of a space by its address, at generation 1234',
      },
    ],
    operands: 'IMAGE[@WHEN] SPACE ADDRESS LENGTH',
    operandsMin: 4,
    operandsMax: 4,
    guestFrom: null,
    options: [],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'backtrace',
    load: () => import('../verbs/backtrace.ts'),
    group: 'look',
    summary: 'the functions that a thread is in, innermost first',
    examples: [
      {
        command: 'perdure backtrace counter.db 0x400000000',
        meaning: 'of the thread at that address (perdure ps shows it)',
      },
      { command: 'perdure backtrace counter.db@HEAD~1 0x400000000', meaning: 'one kept generation earlier' },
    ],
    operands: 'IMAGE[@WHEN] THREAD',
    operandsMin: 2,
    operandsMax: 2,
    guestFrom: null,
    options: [],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'stat',
    load: () => import('../verbs/stat.ts'),
    group: 'look',
    summary: 'how large an image is, and what keeps it so',
    examples: [
      { command: 'perdure stat counter.db', meaning: 'bytes by what they are for' },
      { command: 'perdure stat --json counter.db', meaning: 'the same for programs' },
    ],
    operands: 'IMAGE',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'sql',
    load: () => import('../verbs/sql.ts'),
    group: 'look',
    summary: 'ask an image a question in SQL, also while it runs',
    examples: [
      {
        command: "perdure sql counter.db 'SELECT * FROM thread'",
        meaning: 'the threads with their registers',
      },
      {
        command: "perdure sql --json counter.db 'SELECT * FROM checkpoint ORDER BY generation DESC LIMIT 5'",
        meaning: 'the last five checkpoints as JSON',
      },
    ],
    operands: 'IMAGE[@WHEN] [QUERY]',
    operandsMin: 1,
    operandsMax: 2,
    guestFrom: 1,
    options: [
      { name: 'csv', kind: 'switch', summary: 'rows as comma-separated values' },
      { name: 'watch', kind: 'switch', summary: 'ask again after every commit, until Ctrl-C' },
    ],
    exits: lookExits,
    guestStatus: false,
  },
];
