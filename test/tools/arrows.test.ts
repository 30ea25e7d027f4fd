import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkArrows, project } from './arrows.ts';
import { plant, scratchFolder } from './scratch.ts';

const value = 'export const value = 1;\n';
/** A file that imports `target` for its value, and one that imports it for a type only. */
const imports = (target: string) => `import { value } from '${target}';\nexport const other = value;\n`;
const importsType = (target: string) =>
  `import type { Shape } from '${target}';\nexport type Other = Shape;\n`;

test('no file of the project imports against the arrows', () => {
  const { moduleCount, violations } = checkArrows(project);
  assert.equal(violations, []);
  assert.ok(moduleCount > 20);
});

const lines = {
  'src/base/a.ts': value,
  'src/hw/a.ts': value,
  'src/kernel/a.ts': value,
  'src/kernel/abi/a.ts': value,
  'src/userland/a.ts': value,
  'src/userland/task/a.ts': value,
  'src/userland/border/a.ts': value,
  'src/persist/a.ts': value,
  'src/persist/store/a.ts': value,
  'src/cli/a.ts': value,
  'test/a.ts': value,
};

/** The table of the arrows once more, by hand: what each room may import. Whatever is not here is forbidden. */
const allowed: Record<string, readonly string[]> = {
  'src/base': [],
  'src/hw': ['src/base'],
  'src/kernel': ['src/base', 'src/hw', 'src/kernel/abi'],
  'src/kernel/abi': ['src/base'],
  'src/userland': ['src/base', 'src/kernel/abi', 'src/userland/task', 'src/userland/border'],
  'src/userland/task': ['src/base', 'src/kernel/abi'],
  'src/userland/border': ['src/base', 'src/kernel/abi', 'src/userland/task', 'src/userland'],
  'src/persist': ['src/base', 'src/kernel/abi', 'src/userland/task', 'src/persist/store'],
  'src/persist/store': ['src/base', 'src/kernel/abi'],
};

test('of all pairs of rooms exactly the allowed ones may import each other', () => {
  const folder = scratchFolder();
  const rooms = Object.keys(lines).map((path) => path.slice(0, path.lastIndexOf('/')));
  const expected: string[] = [];
  const files: Record<string, string> = { ...lines };
  for (const from of Object.keys(allowed)) {
    for (const to of rooms) {
      if (from === to) continue;
      const file = `${from}/to-${to.replaceAll('/', '-')}.ts`;
      files[file] = imports(`${'../'.repeat(from.split('/').length)}${to}/a.ts`);
      if (!allowed[from]?.includes(to)) expected.push(`${file} -> ${to}/a.ts`);
    }
  }
  plant(folder, files);
  const found = checkArrows(folder).violations.map((violation) => violation.replace(/^[\w-]+: /, ''));
  assert.equal([...new Set(found)].sort(), expected.sort());
});

/** Violations of other kinds: what it is, the file that holds it, its text, and what the check must say. */
const planted: readonly (readonly [string, string, string, string])[] = [
  [
    'a type-only import',
    'src/hw/b.ts',
    importsType('../kernel/a.ts'),
    'arrow-hw: src/hw/b.ts -> src/kernel/a.ts',
  ],
  [
    'a dynamic import',
    'src/hw/c.ts',
    "export const b = () => import('../kernel/a.ts');\n",
    'arrow-hw: src/hw/c.ts -> src/kernel/a.ts',
  ],
  [
    'a re-export',
    'src/persist/b.ts',
    "export { value } from '../kernel/a.ts';\n",
    'arrow-persist: src/persist/b.ts -> src/kernel/a.ts',
  ],
  [
    'a host module in the kernel',
    'src/kernel/b.ts',
    "import { readFileSync } from 'node:fs';\nexport const b = readFileSync;\n",
    'no-host-in-the-machine: src/kernel/b.ts -> fs',
  ],
  [
    'a host module in the persistence server',
    'src/persist/c.ts',
    "import { hrtime } from 'node:process';\nexport const b = hrtime;\n",
    'no-host-in-the-machine: src/persist/c.ts -> process',
  ],
  [
    'an import that names no file',
    'src/hw/d.ts',
    imports('./gone.ts'),
    'no-unresolved: src/hw/d.ts -> ./gone.ts',
  ],
  ['a circle', 'src/hw/e.ts', imports('./f.ts'), 'no-circle: src/hw/e.ts -> src/hw/f.ts'],
  [
    'source that imports a test',
    'src/cli/b.ts',
    imports('../../test/a.ts'),
    'source-without-tests: src/cli/b.ts -> test/a.ts',
  ],
];

/** What must not be found: a circle's other half, a store that asks the host, types in a circle inside a room. */
const fine: Record<string, string> = {
  'src/hw/f.ts': "import { other } from './e.ts';\nexport const value = () => other;\n",
  'src/persist/store/b.ts': "import { readFileSync } from 'node:fs';\nexport const b = readFileSync;\n",
  'src/kernel/c.ts': "import type { D } from './d.ts';\nexport type C = D | null;\n",
  'src/kernel/d.ts': "import type { C } from './c.ts';\nexport type D = C[];\n",
};

test('type-only, dynamic and re-exported imports, host modules, circles and lost files are found; nothing else is', () => {
  const folder = scratchFolder();
  const bad = Object.fromEntries(planted.map(([, file, text]) => [file, text]));
  plant(folder, { ...lines, ...bad, ...fine });
  assert.equal(checkArrows(folder).violations, planted.map(([, , , said]) => said).sort());
});

test('a check that looked at no module fails', () => {
  const folder = scratchFolder();
  plant(folder, { 'src/readme.txt': 'nothing here' });
  assert.throws(() => checkArrows(folder), /no module was looked at/);
});

test.run();
