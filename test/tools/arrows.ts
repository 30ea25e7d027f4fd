/**
 * The check of the arrows between the rooms: runs dependency-cruiser with the project's rules over a tree.
 *
 * Invariant: a run that looked at no module is a failure (the tool itself exits 0 then). `node test/tools/arrows.ts`
 * is `npm run check:arrows`; arrows.test.ts also runs it over trees with planted violations.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const tool = join(project, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const rules = join(project, '.dependency-cruiser.cjs');

interface Report {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { from: string; to: string; rule: { name: string; severity: string } }[];
  };
}

export interface Arrows {
  readonly moduleCount: number;
  /** One line a violation: rule, importer, imported. */
  readonly violations: readonly string[];
}

/** Looks at src, test, examples and scripts below `root`. Throws when the tool itself fails or saw no module. */
export function checkArrows(root: string): Arrows {
  const folders = ['src', 'test', 'examples', 'scripts'].filter((folder) => existsSync(join(root, folder)));
  const ran = spawnSync(process.execPath, [tool, '--config', rules, '--output-type', 'json', ...folders], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  let report: Report;
  try {
    report = JSON.parse(ran.stdout);
  } catch {
    throw new Error(`arrows: dependency-cruiser gave no report (exit ${ran.status}): ${ran.stderr}`);
  }
  const { totalCruised, violations } = report.summary;
  if (totalCruised === 0) throw new Error(`arrows: no module was looked at below ${folders.join(', ')}`);
  return {
    moduleCount: totalCruised,
    violations: violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { moduleCount, violations } = checkArrows(project);
  for (const violation of violations) console.error(violation);
  console.log(`arrows: ${moduleCount} modules, ${violations.length} violations`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
