/**
 * Tidiness rules that neither compiler nor linter knows, as functions over text, so that tests can plant violations.
 *
 * Each returns what is wrong, one line each, empty when nothing is. Called by tidy.test.ts only.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';

/** Lines that a source file may have, unless its head comment says why it is `long`. */
export const linesMax = 600;

const skipped = new Set(['node_modules', 'dist', '.git', 'tmp']);

/** Paths of all files of the project below `root`, in order. */
export function projectFiles(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((item) => !skipped.has(item.name))
    .flatMap((item) => {
      const path = folder === '' ? item.name : `${folder}/${item.name}`;
      return item.isDirectory() ? projectFiles(root, path) : [path];
    })
    .sort();
}

const textEndings = /\.(ts|cjs|mjs|js|json|md|sql|c|h|S|s|ld|sh|specs|txt|yml)$/;

/** True for files that people write, as opposed to programs, images and other data. */
export function isText(path: string): boolean {
  return textEndings.test(path) || /(^|\/)(LICENSE|\.gitignore|perdure|perdure-cc|run)$/.test(path);
}

/** A source file beyond the limit must say in its head comment why (`Long because ...`). */
export function checkLength(path: string, text: string): string[] {
  if (!path.endsWith('.ts')) return [];
  const lineCount = text.split('\n').length - 1;
  const head = /^(?:#!.*\n)?\/\*\*?[\s\S]*?\*\//.exec(text)?.[0] ?? '';
  if (lineCount <= linesMax || /\blong because\b/i.test(head)) return [];
  return [`${path}: ${lineCount} lines, at most ${linesMax} unless its head says "Long because ..."`];
}

/** Every source file begins with a comment that says what it is. */
export function checkHead(path: string, text: string): string[] {
  const needed =
    /^(src|test\/tools|scripts|examples)\/.*\.(ts|cjs)$/.test(path) && !path.endsWith('.test.ts');
  return needed && !/^(?:#!.*\n)?\/\*/.test(text)
    ? [`${path}: begins with a comment that says what it is`]
    : [];
}

/** What a line must not hold, with what it would name. */
export type Ban = readonly [pattern: RegExp, what: string];

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** An absolute path as a pattern: not the tail of another path or word. */
function pathPattern(path: string): RegExp {
  return new RegExp(`(?<![\\w.~-])${escapePattern(path)}(?![\\w-])`);
}

/**
 * Bans for every machine, and those of the machine that the tests run on: `folders` are absolute paths (of the
 * project, of the user), `hosts` the registries in use.
 */
export function bansFor(folders: readonly string[], hosts: readonly string[]): readonly Ban[] {
  return [
    [/\.\.\/shared\b/, 'what lies outside the project'],
    [/(?<![\w.])\/(?:home|Users)\/[A-Za-z0-9]/, "a path of somebody's machine"],
    [/"resolved": "https?:/, "a registry's host"],
    [/\bregistry\.[\w-]+\.(?:org|com|net|io)\b/, "a registry's host"],
    ...folders
      .filter((path) => path.length > 1)
      .map((path): Ban => [pathPattern(path), 'a path of this machine']),
    ...hosts.map((host): Ban => [new RegExp(escapePattern(host)), "a registry's host"]),
  ];
}

/** No path of a machine, no registry's host, nothing outside the project. */
export function checkBanned(path: string, text: string, bans: readonly Ban[]): string[] {
  // The rule itself and its canaries hold examples.
  if (/^test\/tools\/tidy(\.test)?\.ts$/.test(path)) return [];
  return text
    .split('\n')
    .flatMap((line, i) =>
      bans.filter(([pattern]) => pattern.test(line)).map(([, what]) => `${path}:${i + 1}: names ${what}`),
    );
}

/** A module that is found by address has another ending in a build: `.ts` must not be written out. */
export function checkBuildable(path: string, text: string): string[] {
  if (!path.startsWith('src/') || !path.endsWith('.ts')) return [];
  const pattern = /(?:new URL|import\.meta\.resolve)\(\s*['"`][^'"`]*\.ts['"`]/;
  return text
    .split('\n')
    .flatMap((line, i) =>
      pattern.test(line)
        ? [`${path}:${i + 1}: a build has .js here; take the ending of import.meta.url`]
        : [],
    );
}

/** Focused tests hide the others; suites that are declared must be run. */
export function checkTestFile(path: string, text: string): string[] {
  if (!path.endsWith('.test.ts')) return [];
  const found: string[] = [];
  if (/^\s*\w+\.only\(/m.test(text)) found.push(`${path}: .only hides the other tests of the file`);
  for (const [, name] of text.matchAll(/^const (\w+) = suite\b/gm)) {
    if (!new RegExp(`^\\s*${name}\\.run\\(\\)`, 'm').test(text))
      found.push(`${path}: suite ${name} is never run`);
  }
  return found;
}

/** Rooms whose code is a function of its parameters, and what of the host each must not touch. */
const hostNames = [
  'console',
  'process',
  'Date',
  'performance',
  'crypto',
  'fetch',
  'globalThis',
  'global',
] as const;
const timerNames = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const;

function forbiddenNames(path: string): readonly string[] {
  if (/^src\/(base|hw|kernel)\//.test(path)) return [...hostNames, ...timerNames];
  if (/^src\/userland\/(task|border)\//.test(path)) return [...hostNames, ...timerNames];
  // The worker ends its own process at a crash point, and looks after its log between commits.
  if (path.startsWith('src/persist/store/')) return hostNames.filter((name) => name !== 'process');
  if (path.startsWith('src/persist/')) return [...hostNames, ...timerNames];
  return [];
}

/** Where `node` is a mention of a global name, not a property, a key, a type or a declaration. */
function mentionsGlobal(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent)) {
    return ts.isPropertyAssignment(parent) && parent.initializer === node;
  }
  return !(
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isTypeReferenceNode(parent)
  );
}

/** No clock, randomness, console or process of the host where effects come in as parameters. */
export function checkEffects(path: string, text: string): string[] {
  const names = forbiddenNames(path);
  if (names.length === 0 || !path.endsWith('.ts') || path.endsWith('.d.ts')) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const tell = (node: ts.Node, what: string) => {
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    found.push(`${path}:${line}: ${what} of the host; effects come in as parameters`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && names.includes(node.text) && mentionsGlobal(node)) tell(node, node.text);
    const isRandom =
      ts.isPropertyAccessExpression(node) &&
      node.expression.getText() === 'Math' &&
      node.name.text === 'random';
    if (isRandom) tell(node, 'Math.random');
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Nothing mutable at module scope below the rim: state has a module of its own, and an owner. */
export function checkModuleState(path: string, text: string): string[] {
  if (!/^src\/(base|hw|kernel|persist|userland\/(task|border))\//.test(path) || !path.endsWith('.ts'))
    return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    if (!ts.isVariableStatement(statement) || statement.declarationList.flags & ts.NodeFlags.Const) return [];
    const line = source.getLineAndCharacterOfPosition(statement.getStart()).line + 1;
    return [`${path}:${line}: a variable at module scope; state belongs to a module that lists it`];
  });
}

/** What documents promise: scripts of package.json, verbs of the command line, files and folders. */
export interface Promised {
  readonly scripts: readonly string[];
  readonly verbs: readonly string[];
  /** True when the path, relative to the project, exists. */
  readonly exists: (path: string) => boolean;
}

/** npm's own verbs that documents may name. */
const npmVerbs = new Set(['ci', 'test', 'start', 'run', 'install']);

/** Every `npm run X`, `perdure X` and folder or file named in code marks of a document exists. */
export function checkDocument(path: string, text: string, promised: Promised): string[] {
  const found: string[] = [];
  for (const [, name = ''] of text.matchAll(/npm run(?: -s)? ([\w:-]+)/g)) {
    if (!promised.scripts.includes(name)) found.push(`${path}: npm run ${name} is no script of package.json`);
  }
  for (const [, name = ''] of text.matchAll(/\bnpm (?!run\b)([a-z]+)\b/g)) {
    if (npmVerbs.has(name) && ['test', 'start'].includes(name) && !promised.scripts.includes(name)) {
      found.push(`${path}: npm ${name} is no script of package.json`);
    }
  }
  for (const [, name = ''] of text.matchAll(/(?:^|[`\s/])perdure ([a-z]+)\b(?=[^`\n]*(?:`|$))/gm)) {
    if (isCommand(text, name) && !promised.verbs.includes(name))
      found.push(`${path}: perdure ${name} is no verb`);
  }
  for (const [, name = ''] of text.matchAll(
    /`((?:src|test|docs|store|examples|scripts|bin|\.ci)\/[\w./-]*)`/g,
  )) {
    if (!promised.exists(name)) found.push(`${path}: ${name} does not exist`);
  }
  return found;
}

/** True when `perdure name` stands in code marks or at the start of a line of a code block, not in prose. */
function isCommand(text: string, name: string): boolean {
  return new RegExp(`\`[^\`\\n]*perdure ${name}\\b|^\\s*(?:\\$ )?(?:bin/)?perdure ${name}\\b`, 'm').test(
    text,
  );
}

/** ARCHITECTURE.md's code map names every folder of src, and each with one line. */
export function checkFolderMap(root: string, architecture: string): string[] {
  const rooms = projectFiles(root)
    .filter((path) => path.startsWith('src/') && path.split('/').length > 2)
    .map((path) => path.split('/').slice(0, 2).join('/'));
  return [...new Set(rooms)]
    .filter((room) => !architecture.includes(`\`${room}\``) && !architecture.includes(`\`${room}/`))
    .map((room) => `ARCHITECTURE.md: the code map misses ${room} (${basename(room)})`);
}

/** The text of a file, or null when there is none. */
export function readText(root: string, path: string): string | null {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null;
}
