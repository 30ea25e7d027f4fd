/*
 * The arrows between the rooms: the table of ARCHITECTURE.md as rules. `npm run check:arrows` and
 * test/tools/arrows.test.ts run them through test/tools/arrows.ts, which also fails when no module was looked at.
 */

/** For each room (a path prefix below src/), the rooms it may import besides itself. The longest prefix counts. */
const rooms = {
  base: [],
  hw: ['base'],
  'kernel/abi': ['base'],
  kernel: ['base', 'hw', 'kernel/abi'],
  'userland/task': ['base', 'kernel/abi'],
  userland: ['base', 'kernel/abi', 'userland/task'],
  // The store and its worker know rows and bytes: record layouts yes, objects, server and tasks no.
  'persist/store': ['base', 'kernel/abi'],
  // Who asks an image questions needs the store's reading half, and no machine.
  'persist/query': ['base', 'kernel/abi', 'persist/store'],
  persist: ['base', 'kernel/abi', 'userland/task', 'persist/store'],
  // cli and index.ts put everything together.
};

/** A pattern for the files of `room` without those of the rooms nested in it. */
function filesOf(room) {
  const nested = Object.keys(rooms).filter((other) => other.startsWith(`${room}/`));
  const without = nested.map((other) => `${other.slice(room.length + 1)}/`).join('|');
  return `^src/${room}/${without === '' ? '' : `(?!${without})`}`;
}

const arrows = Object.entries(rooms).map(([room, allowed]) => ({
  name: `arrow-${room.replace('/', '-')}`,
  comment: `src/${room} may import ${allowed.length === 0 ? 'nothing of ours' : allowed.join(', ')}.`,
  severity: 'error',
  from: { path: filesOf(room) },
  to: { path: '^(src|test|examples|scripts)/', pathNot: [room, ...allowed].map(filesOf) },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'source-without-tests',
      comment: 'What ships never imports tests, examples or scripts.',
      severity: 'error',
      from: { path: '^(src|examples)/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'no-host-in-the-machine',
      comment:
        'base, hw, kernel, the user-task runtime and the persistence server get their effects as parameters.',
      severity: 'error',
      from: { path: '^src/(base|hw|kernel|userland/task|persist/(?!store/|query/))' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-development-package',
      comment: 'What ships imports run-time packages only.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/@types/' },
    },
    {
      name: 'no-circle',
      comment: 'Files of one room do not import each other in a circle, except for types.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      comment: 'Every import names a file that exists.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    tsConfig: { fileName: `${__dirname}/tsconfig.json` },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'] },
  },
};
