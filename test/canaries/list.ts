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
    find: 'for (let i = 0; i < changes.pageCount; i++) {',
    replace: 'for (let i = 0; i < changes.pageCount - 1; i++) {',
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
    file: 'src/cli/machine/inputs.ts',
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
    find: 'if (!isPage(row.content, number, entry)) {',
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
  {
    name: 'a commit is acknowledged before it is made',
    file: 'src/persist/store/committer.ts',
    find: "phase('commit-before');\n    image.commit();",
    replace: "this.acknowledge(facts.generation, hash);\n    phase('commit-before');\n    image.commit();",
    test: 'test/persist/store-crash.test.ts',
  },
  {
    name: 'the side file has a generation before it is committed',
    file: 'src/persist/store/committer.ts',
    find: "phase('commit-before');\n    image.commit();",
    replace: "this.side.acknowledge(facts.generation);\n    phase('commit-before');\n    image.commit();",
    test: 'test/persist/store-crash.test.ts',
  },
  {
    name: 'a page that is not in the file is dropped from memory',
    file: 'src/kernel/objects/region-pages.ts',
    find: 'if (page.isTaskMemory || page.pins > 0 || isPageChanged(page)) return outcomes.busy;',
    replace: 'if (page.isTaskMemory || page.pins > 0) return outcomes.busy;',
    test: 'test/persist/roundtrip.test.ts',
  },
  {
    name: 'restart does not verify the records',
    file: 'src/persist/store/restart.ts',
    find: 'if (!sha256(row.body).equals(expected)) {',
    replace: 'if (row.body.length === 0) {',
    test: 'test/persist/store-damage.test.ts',
  },
  {
    name: 'a step of the clock is no row',
    file: 'src/cli/machine/inputs.ts',
    find: "rows.push({ kind: 'clock', data: wordBytes(target) });",
    replace: '',
    test: 'test/system/law7.test.ts',
  },
  {
    name: 'a second owner is let in',
    file: 'src/persist/store/side.ts',
    find: "database.pragma('locking_mode = EXCLUSIVE');",
    replace: '',
    test: 'test/persist/store.test.ts',
  },
  {
    name: 'the check before a commit is skipped',
    file: 'src/cli/machine/runner.ts',
    find: 'kernel.checkChanged(objects.map(({ serial }) => Number(serial)));',
    replace: '',
    test: 'test/system/check.test.ts',
  },
  {
    name: 'the spread check of everything is skipped',
    file: 'src/cli/machine/runner.ts',
    find: 'if (this.parts.kernel.checkSome(steps)) this.checkPasses += 1;',
    replace: 'this.checkPasses += 1;',
    test: 'test/system/check.test.ts',
  },
  {
    name: 'folding writes a page as it was before',
    file: 'src/persist/store/folder.ts',
    find: 'if (entry !== null && entry.generation >= trace.newest) return false;',
    replace: 'if (entry !== null) return false;',
    test: 'test/persist/store.test.ts',
  },
  {
    name: 'a nested collector loses what it had not collected when the machine is restarted',
    file: 'src/persist/pickle.ts',
    find: 'for (let at = size; at < object.state.length; at += item.size) {',
    replace: 'for (let at = size; at < size; at += item.size) {',
    test: 'test/persist/roundtrip.test.ts',
  },
  {
    name: 'what was read before the lock counts whoever wrote since',
    file: 'src/persist/store/open.ts',
    find: 'if (early === null || !translate(path, () => isSame(reader, early)))',
    replace: 'if (early === null)',
    test: 'test/persist/store-readers.test.ts',
  },
  {
    name: 'thinning deletes what a kept generation is read from',
    file: 'src/persist/store/thinner.ts',
    find: 'if (oldest === undefined || this.endOfEpoch(0) > floor) return false;',
    replace: 'if (oldest === undefined) return false;',
    test: 'test/persist/history.test.ts',
  },
  {
    name: 'a page that comes anew into the shadow is compared with the one that left',
    file: 'src/persist/store/committer.ts',
    find: 'if (isMiss) shadow.page(slot).fill(0);',
    replace: '',
    test: 'test/persist/store-readers.test.ts',
  },
  {
    name: 'a damaged generation is offered',
    file: 'src/persist/store/undamaged.ts',
    find: 'if (!isFine(() => history.readPage(number, generation))) return number;',
    replace: 'history.head;',
    test: 'test/persist/store-damage.test.ts',
  },
];
