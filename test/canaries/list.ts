/**
 * The canaries: deliberately broken builds, each of which a test must catch.
 *
 * A canary replaces one piece of text that stands exactly once in one file; `test` is the test file (a filter of the
 * runner) that must then fail. Run by test/canaries/run.ts.
 */
export interface Canary {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly test: string;
}

export const canaries: readonly Canary[] = [
  {
    name: 'output is released before its checkpoint has committed',
    file: 'src/userland/border/console.ts',
    find: 'if (next.generation > committed) return;',
    replace: 'if (next.generation > committed + 1_000_000) return;',
    test: 'test/userland/console.test.ts',
  },
  {
    name: 'one dirty page is skipped',
    file: 'src/persist/checkpoint.ts',
    find: 'for (const { number, pc } of changes.pages) {',
    replace: 'for (const { number, pc } of changes.pages.slice(0, -1)) {',
    test: 'test/persist/roundtrip.test.ts',
  },
  {
    name: 'a stale link is accepted',
    file: 'src/persist/pickle.ts',
    find: 'return inventory.get(link.address)?.serial === link.serial;',
    replace: 'return inventory.has(link.address);',
    test: 'test/persist/roundtrip.test.ts',
  },
  {
    name: 'an input row is dropped',
    file: 'src/cli/machine/runner.ts',
    find: "rows.push({ kind: 'input', data: bytes });\n      input.enter(bytes);",
    replace: 'if (bytes.length < 4) input.enter(bytes);',
    test: 'test/system/run.test.ts',
  },
  {
    name: 'waiters are restored in another order',
    file: 'src/kernel/objects/thread.ts',
    find: 'thread.ticket = inRange(ticket, k.nextTicket) ? ticket : 0;',
    replace: 'thread.ticket = inRange(ticket, k.nextTicket) ? k.nextTicket - ticket : 0;',
    test: 'test/kernel/modes.test.ts',
  },
  {
    name: "a page's hash is not checked",
    file: 'src/persist/store/pages.ts',
    find: 'if (!pageHash(number, entry.generation, row.content).equals(entry.hash)) {',
    replace: 'if (row.content.length === 0) {',
    test: 'test/persist/store-damage.test.ts',
  },
  {
    name: 'translated code counts an instruction too few',
    file: 'src/hw/translator/region.ts',
    find: 'const count = retiredBy(node);',
    replace: 'const count = Math.max(retiredBy(node) - 1, 0);',
    test: 'test/hw/tiers.test.ts',
  },
  {
    name: 'translated code outlives a write',
    file: 'src/hw/translator/cache.ts',
    find: 'range.from < to && from < range.to',
    replace: 'range.from > to',
    test: 'test/hw/tiers-code.test.ts',
  },
];
