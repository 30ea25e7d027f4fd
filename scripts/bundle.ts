/**
 * Joins a module of dist/ and all that it imports into one file: a start takes a third of the time that way.
 *
 * Node spends about half a millisecond on each module, and a run needs two hundred. The modules are put one behind the
 * other, those that others need first; names of the top level that two modules have, or that one has and another takes
 * for the host's, get a number. Invariants: nothing else is changed, so what runs is what the compiler made, without its
 * comments; what this
 * cannot join (a circle, a default export, an import for its effects) ends the build. Called by build.ts alone.
 */
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

interface Module {
  readonly path: string;
  readonly file: ts.SourceFile;
}

/** A part of a module's text that is replaced. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

class Bundle {
  private readonly program: ts.Program;
  private readonly checker: ts.TypeChecker;
  private readonly modules: Module[] = [];
  private readonly visited = new Map<string, 'open' | 'done'>();
  private readonly names = new Map<ts.Symbol, string>();
  private readonly taken = new Set<string>();
  /** Imports from packages and Node by module and name: the name here. */
  private readonly outside = new Map<string, Map<string, string>>();
  /** Modules of which somebody takes all names at once. */
  private readonly spaces = new Map<string, string>();
  private readonly entry: string;
  private readonly joined: readonly string[];

  /** `joined` are modules that the entry imports when it runs, and that become part of the file. */
  constructor(entry: string, joined: readonly string[]) {
    this.entry = entry;
    this.joined = joined;
    this.program = ts.createProgram([entry, ...joined], {
      allowJs: true,
      noLib: true,
      types: [],
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ESNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
    });
    this.checker = this.program.getTypeChecker();
  }

  /** The text of the file that is to lie at `target`. */
  text(target: string): string {
    for (const path of [...this.joined, this.entry]) this.visit(path);
    this.chooseNames();
    const parts = this.modules.map((module) => this.textOf(module, target));
    const imports = [...this.outside].map(([from, names]) => importText(from, [...names]));
    return brief([...imports, ...parts, ...this.exports(), ''].join('\n'));
  }

  /** What the entry exports, the file exports. */
  private exports(): string[] {
    const file = this.program.getSourceFile(this.entry);
    const own = file === undefined ? undefined : this.checker.getSymbolAtLocation(file);
    const exported = own === undefined ? [] : this.checker.getExportsOfModule(own);
    if (exported.length === 0) return [];
    return [`export { ${exported.map((one) => `${this.exportedName(one)} as ${one.name}`).join(', ')} };`];
  }

  private fail(where: ts.Node, what: string): never {
    const file = where.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(where.getStart());
    throw new Error(`bundle: ${file.fileName}:${line + 1}: ${what}`);
  }

  private visit(path: string): void {
    const state = this.visited.get(path);
    if (state === 'done') return;
    if (state === 'open') throw new Error(`bundle: ${path} imports itself in the end`);
    const file = this.program.getSourceFile(path);
    if (file === undefined) throw new Error(`bundle: ${path} is missing`);
    this.visited.set(path, 'open');
    for (const statement of file.statements) {
      const imported = this.importedOf(statement);
      if (imported !== null) this.visit(imported);
    }
    this.visited.set(path, 'done');
    this.modules.push({ path, file });
  }

  /** The module of ours that the statement imports from, or null. */
  private importedOf(statement: ts.Statement): string | null {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return null;
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return null;
    if (!moduleSpecifier.text.startsWith('.')) return null;
    return join(dirname(statement.getSourceFile().fileName), moduleSpecifier.text);
  }

  /** The symbol that a name stands for, through imports; undefined for a member, a label, or what is the host's. */
  private symbolOf(name: ts.Identifier): ts.Symbol | undefined {
    const symbol = ts.isShorthandPropertyAssignment(name.parent)
      ? this.checker.getShorthandAssignmentValueSymbol(name.parent)
      : this.checker.getSymbolAtLocation(name);
    if (symbol === undefined) return undefined;
    // An exported name has two symbols: one inside of its module and one outside.
    if ((symbol.flags & ts.SymbolFlags.Alias) === 0) return this.checker.getExportSymbolOfSymbol(symbol);
    const aliased = this.checker.getAliasedSymbol(symbol);
    return (aliased.declarations?.length ?? 0) === 0 ? symbol : aliased;
  }

  /** Gives every name of a top level one that no other has. */
  private chooseNames(): void {
    for (const { file } of this.modules) this.walk(file, (name) => this.reserve(name));
    for (const { file } of this.modules) {
      for (const symbol of this.checker.getSymbolsInScope(file, ts.SymbolFlags.Value)) {
        const declaration = symbol.declarations?.[0];
        if (declaration?.getSourceFile() !== file || (symbol.flags & ts.SymbolFlags.Alias) !== 0) continue;
        this.names.set(this.checker.getExportSymbolOfSymbol(symbol), this.unused(symbol.name));
      }
    }
    for (const { file } of this.modules) {
      for (const statement of file.statements) {
        if (ts.isImportDeclaration(statement)) this.noteImport(statement);
      }
    }
  }

  private unused(wish: string): string {
    let name = wish;
    for (let number = 2; this.taken.has(name); number++) name = `${wish}$${number}`;
    this.taken.add(name);
    return name;
  }

  /** What no module declares is the host's, and keeps its name. So does what an import calls otherwise: it would be caught. */
  private reserve(name: ts.Identifier): void {
    if (name.text.includes('$')) this.fail(name, 'names with $ are for the bundle');
    if (isMember(name)) return;
    const symbol = this.symbolOf(name);
    if (symbol?.declarations === undefined) this.taken.add(name.text);
    if (ts.isImportSpecifier(name.parent) && name.parent.propertyName !== undefined) {
      this.taken.add(name.parent.propertyName.text);
    }
  }

  private walk(node: ts.Node, look: (name: ts.Identifier) => void): void {
    if (ts.isIdentifier(node)) look(node);
    ts.forEachChild(node, (child) => this.walk(child, look));
  }

  private textOf({ path, file }: Module, target: string): string {
    const edits: Edit[] = [];
    for (const statement of file.statements) this.unwrap(statement, edits);
    const inside = file.statements.filter((each) => !isJoint(each));
    for (const statement of inside) this.rename(statement, path, target, edits);
    edits.sort((a, b) => b.from - a.from);
    let text = file.text;
    for (const { from, to, text: other } of edits) text = text.slice(0, from) + other + text.slice(to);
    text = text.replace(/^\/\/# sourceMappingURL=.*$/m, '').trim();
    const space = this.spaces.get(path);
    return space === undefined ? text : `${text}\n${this.spaceText(file, space)}`;
  }

  /** Takes away imports and the word export. */
  private unwrap(statement: ts.Statement, edits: Edit[]): void {
    if (isJoint(statement)) {
      if (ts.isExportAssignment(statement)) this.fail(statement, 'a default export');
      edits.push({ from: statement.getStart(), to: statement.getEnd(), text: '' });
      return;
    }
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    for (const modifier of modifiers ?? []) {
      if (modifier.kind === ts.SyntaxKind.DefaultKeyword) this.fail(statement, 'a default export');
      if (modifier.kind !== ts.SyntaxKind.ExportKeyword) continue;
      edits.push({ from: modifier.getStart(), to: modifier.getEnd(), text: '' });
    }
  }

  private noteImport(statement: ts.ImportDeclaration): void {
    const { importClause, moduleSpecifier } = statement;
    if (importClause === undefined) this.fail(statement, 'an import for its effects');
    const own = this.importedOf(statement);
    const from = (moduleSpecifier as ts.StringLiteral).text;
    const bindings = importClause.namedBindings;
    if (bindings !== undefined && ts.isNamespaceImport(bindings)) {
      if (own === null) this.fail(statement, 'all names of a module that is not ours');
      if (!this.spaces.has(own)) this.spaces.set(own, this.unused(bindings.name.text));
      this.names.set(this.symbolOf(bindings.name) as ts.Symbol, this.spaces.get(own) as string);
      return;
    }
    if (own !== null) return;
    if (importClause.name !== undefined) this.noteOutside(from, 'default', importClause.name);
    for (const one of bindings?.elements ?? []) {
      this.noteOutside(from, (one.propertyName ?? one.name).text, one.name);
    }
  }

  private localOf(name: ts.Identifier): ts.Symbol {
    return this.checker.getSymbolAtLocation(name) ?? this.fail(name, 'a name without a meaning');
  }

  private noteOutside(from: string, exported: string, local: ts.Identifier): void {
    const names = this.outside.get(from) ?? new Map<string, string>();
    this.outside.set(from, names);
    const name = names.get(exported) ?? this.unused(local.text);
    names.set(exported, name);
    this.names.set(this.localOf(local), name);
    this.names.set(this.symbolOf(local) as ts.Symbol, name);
  }

  private rename(top: ts.Node, path: string, target: string, edits: Edit[]): void {
    const visit = (node: ts.Node): void => {
      if (ts.isMetaProperty(node)) {
        const member = node.parent;
        if (!ts.isPropertyAccessExpression(member) || member.name.text !== 'url')
          this.fail(node, 'import.meta other than its url');
        const place = `./${relative(dirname(target), path)}`;
        const text = `new URL('${place}', import.meta.url).href`;
        edits.push({ from: member.getStart(), to: member.getEnd(), text });
        return;
      }
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        this.joinImport(node, path, target, edits);
        return;
      }
      if (ts.isIdentifier(node)) this.renameOne(node, edits);
      else ts.forEachChild(node, visit);
    };
    visit(top);
  }

  private renameOne(node: ts.Identifier, edits: Edit[]): void {
    if (isMember(node)) return;
    const symbol = this.symbolOf(node);
    const name = symbol === undefined ? undefined : this.names.get(symbol);
    if (name === undefined || name === node.text) return;
    const { parent } = node;
    const isShort =
      ts.isShorthandPropertyAssignment(parent) ||
      (ts.isBindingElement(parent) &&
        parent.propertyName === undefined &&
        ts.isObjectBindingPattern(parent.parent));
    const text = isShort ? `${node.text}: ${name}` : name;
    edits.push({ from: node.getStart(), to: node.getEnd(), text });
  }

  /** An import while it runs: of a module that is joined, its names; of another, from where it lies. */
  private joinImport(node: ts.CallExpression, path: string, target: string, edits: Edit[]): void {
    const [argument] = node.arguments;
    if (argument === undefined || !ts.isStringLiteral(argument))
      this.fail(node, 'an import that is not a name');
    const imported = join(dirname(path), argument.text);
    const joined = this.modules.find((module) => module.path === imported);
    const text =
      joined === undefined
        ? `import('./${relative(dirname(target), imported)}')`
        : `Promise.resolve(${this.membersOf(joined.file)})`;
    edits.push({ from: node.getStart(), to: node.getEnd(), text });
  }

  private spaceText(file: ts.SourceFile, name: string): string {
    return `const ${name} = Object.freeze(${this.membersOf(file)});`;
  }

  private membersOf(file: ts.SourceFile): string {
    const own = this.checker.getSymbolAtLocation(file);
    const exported = own === undefined ? [] : this.checker.getExportsOfModule(own);
    return `{ ${exported.map((one) => `${one.name}: ${this.exportedName(one)}`).join(', ')} }`;
  }

  private exportedName(symbol: ts.Symbol): string {
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    const found = this.names.get(isAlias ? this.checker.getAliasedSymbol(symbol) : symbol);
    if (found === undefined) throw new Error(`bundle: ${symbol.name} is exported and has no place`);
    return found;
  }
}

/**
 * An import from outside: names there and here. Node's own modules are asked for by a call: for an import Node looks at
 * every name that they have, and so loads what nobody wants.
 */
function importText(from: string, names: readonly (readonly [string, string])[]): string {
  if (!from.startsWith('node:')) {
    const list = names.map(([own, here]) => (own === here ? own : `${own} as ${here}`));
    return `import { ${list.join(', ')} } from '${from}';`;
  }
  const found = `process.getBuiltinModule('${from}')`;
  const all = names.filter(([own]) => own === 'default').map(([, here]) => `const ${here} = ${found};`);
  const list = names.filter(([own]) => own !== 'default').map(([own, here]) => `${own}: ${here}`);
  return [...all, ...(list.length === 0 ? [] : [`const { ${list.join(', ')} } = ${found};`])].join('\n');
}

/** Without comments, and in ASCII: half as much to read, and an engine keeps one byte a character. */
function brief(text: string): string {
  const compilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    removeComments: true,
  };
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  if (outputText.includes('String.raw'))
    throw new Error('bundle: String.raw shows how a character is written');
  return outputText.replace(/[^\0-\x7f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** True for what only ties modules together. */
function isJoint(statement: ts.Statement): boolean {
  return (
    ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement) || ts.isExportAssignment(statement)
  );
}

/** True for a name that is looked up in an object, not in a scope. */
function isMember(name: ts.Identifier): boolean {
  const { parent } = name;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === name;
  if (ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent)) return parent.name === name;
  if (ts.isPropertyDeclaration(parent) || ts.isGetAccessor(parent) || ts.isSetAccessor(parent))
    return parent.name === name;
  if (ts.isBindingElement(parent)) return parent.propertyName === name;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return true;
  return ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent) || ts.isMetaProperty(parent);
}

/** The module `entry`, and all that it imports, as the text of one that is to lie at `target`. */
export function bundle(entry: string, joined: readonly string[], target: string): string {
  return new Bundle(entry, joined).text(target);
}
