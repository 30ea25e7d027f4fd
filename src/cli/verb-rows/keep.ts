/**
 * Rows of the verbs that keep images safe: whole or not, mended, packed and unpacked. None of them changes the image it is given.
 *
 * Part of the verb table (verbs.ts).
 */
import type { VerbRow } from '../verb.ts';
import { lookExits } from './look.ts';

export const exportVerb: VerbRow = {
  name: 'export',
  load: () => import('../verbs/export.ts'),
  group: 'change',
  summary: 'put a generation into one compressed file with a checksum',
  examples: [
    {
      command: 'perdure export counter.db counter.zst',
      meaning: 'the newest generation, also beside a machine',
    },
    { command: 'perdure export counter.db@1234 old.zst', meaning: 'generation 1234' },
  ],
  operands: 'IMAGE[@WHEN] FILE',
  operandsMin: 2,
  operandsMax: 2,
  guestFrom: null,
  options: [],
  exits: ['damaged', 'inputMissing', 'cannotCreate', 'inputOutput'],
  guestStatus: false,
};

export const importVerb: VerbRow = {
  name: 'import',
  load: () => import('../verbs/import.ts'),
  group: 'change',
  summary: 'make an image of an exported file',
  examples: [
    {
      command: 'perdure import counter.zst counter.db',
      meaning: 'checks it as a whole, then makes counter.db',
    },
    {
      command: 'perdure import --json counter.zst counter.db',
      meaning: 'the same, with what is in it for programs',
    },
  ],
  operands: 'FILE NEW',
  operandsMin: 2,
  operandsMax: 2,
  guestFrom: null,
  options: [],
  exits: ['damaged', 'inputMissing', 'cannotCreate', 'inputOutput'],
  guestStatus: false,
};

export const tagVerb: VerbRow = {
  name: 'tag',
  load: () => import('../verbs/tag.ts'),
  group: 'change',
  summary: 'give a generation a name, by which it is kept and found; without NAME: the tags',
  examples: [
    {
      command: "perdure tag -m 'before the upgrade' counter.db good",
      meaning: 'the newest generation, also of a machine that runs',
    },
    { command: 'perdure tag counter.db@1234 old', meaning: 'generation 1234; it is kept from now on' },
  ],
  operands: 'IMAGE[@WHEN] [NAME]',
  operandsMin: 1,
  operandsMax: 2,
  guestFrom: null,
  options: [
    { name: 'message', letter: 'm', kind: 'text', placeholder: 'TEXT', summary: 'say what it is' },
    { name: 'delete', letter: 'd', kind: 'switch', summary: 'take the name away again' },
  ],
  exits: ['damaged', 'inputMissing', 'unavailable', 'cannotCreate', 'inputOutput'],
  guestStatus: false,
};

export const careVerbs: readonly VerbRow[] = [
  {
    name: 'check',
    load: () => import('../verbs/check.ts'),
    group: 'care',
    summary: 'is an image whole?',
    examples: [
      { command: 'perdure check counter.db', meaning: 'as a restart would look' },
      { command: 'perdure check --deep counter.db', meaning: 'every page and every row of history' },
    ],
    operands: 'IMAGE',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [{ name: 'deep', kind: 'switch', summary: 'read every page and all of history' }],
    exits: lookExits,
    guestStatus: false,
  },
  {
    name: 'repair',
    load: () => import('../verbs/repair.ts'),
    group: 'care',
    summary: 'make an image of the best state that is left in a damaged one',
    examples: [
      { command: 'perdure repair broken.db whole.db', meaning: 'broken.db is left as it is' },
      { command: 'perdure repair --json broken.db whole.db', meaning: 'with what was lost, for programs' },
    ],
    operands: 'IMAGE NEW',
    operandsMin: 2,
    operandsMax: 2,
    guestFrom: null,
    options: [],
    exits: ['damaged', 'inputMissing', 'cannotCreate', 'inputOutput'],
    guestStatus: false,
  },
  {
    name: 'gc',
    load: () => import('../verbs/gc.ts'),
    group: 'care',
    summary: 'what history could go: lines that a restore left, what the ladder does not keep, free space',
    examples: [
      { command: 'perdure gc counter.db', meaning: 'shows it, and changes nothing' },
      { command: 'perdure gc --keep none --yes counter.db', meaning: 'keeps the tags and the newest only' },
    ],
    operands: 'IMAGE',
    operandsMin: 1,
    operandsMax: 1,
    guestFrom: null,
    options: [
      { name: 'yes', letter: 'y', kind: 'switch', summary: 'delete it, and make the file smaller' },
      { name: 'dry-run', kind: 'switch', summary: 'only show it, whatever else is said' },
      {
        name: 'keep',
        kind: 'text',
        placeholder: 'LADDER',
        summary:
          "go once by these steps instead of the image's own (see run --keep; a size counts for nothing)",
      },
    ],
    exits: ['damaged', 'inputMissing', 'unavailable', 'cannotCreate', 'inputOutput'],
    guestStatus: false,
  },
];
