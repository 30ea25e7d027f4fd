/**
 * `perdure check`: is the image whole? As a restart looks, or with --deep every page and every row of history too.
 *
 * Only reads, one snapshot; also beside a running machine. What is wrong is a line each, and the exit code is 1.
 */

import { DamageError } from '../../persist/store/contract.ts';
import { StoreError } from '../../persist/store/errors.ts';
import { withHistory } from '../../persist/store/history.ts';
import { readPrograms } from '../../persist/store/programs.ts';
import { openLooker } from '../../persist/store/schema.ts';
import { differencesOfTables } from '../../persist/store/surviving-objects.ts';
import { ExitCode } from '../errors.ts';
import { lookForUndamaged } from '../offer.ts';
import { jsonLine } from '../output.ts';
import type { Invocation } from '../verb.ts';
import { parseImageAt } from '../when.ts';

interface Found {
  readonly generation: number;
  readonly generationsKept: number;
  readonly objects: number;
  readonly pages: number;
  readonly lost: readonly string[];
}

export function run(invocation: Invocation): Promise<number> {
  const { name, file } = parseImageAt(invocation.operands[0] as string, invocation.cwd);
  const isDeep = invocation.options.deep === true;
  const found = checkImage(file, isDeep);
  const { stdout } = invocation;
  if (invocation.json) stdout.write(jsonLine({ image: name, deep: isDeep, ...found }));
  else if (found.lost.length > 0) for (const line of found.lost) stdout.write(`${line}\n`);
  else if (!invocation.quiet) {
    const how = isDeep ? 'every page and all of history read' : 'as a restart looks; --deep reads everything';
    stdout.write(
      `${name} is whole: generation ${found.generation}, ${found.pages} pages, ${found.objects} objects, ${found.generationsKept} generations kept (${how})\n`,
    );
  }
  return Promise.resolve(found.lost.length > 0 ? ExitCode.foundWrong : ExitCode.done);
}

/** Throws StoreError when there is no image. */
export function checkImage(file: string, isDeep: boolean): Found {
  const reader = openLooker(file);
  try {
    return withHistory(reader, (history) => {
      const { head } = history;
      const objects = history.objects(head.generation).length;
      const pages = history.pageNumbers(head.generation);
      history.unconfirmedOutput();
      readPrograms(reader, head.programHash);
      const unlike = differencesOfTables(reader, head);
      const lost = isDeep ? [...unlike, ...history.damagedPages().words, ...history.lostRows()] : unlike;
      const generationsKept = history.generations().length;
      return { generation: head.generation, generationsKept, objects, pages: pages.length, lost };
    });
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    return { generation: 0, generationsKept: 0, objects: 0, pages: 0, lost: lossesOf(file, error) };
  } finally {
    reader.close();
  }
}

function lossesOf(file: string, error: DamageError): string[] {
  try {
    return [...new Set([error.message, ...(lookForUndamaged(file)?.losses ?? [])])];
  } catch (worse) {
    if (worse instanceof StoreError) return [error.message, worse.message];
    throw worse;
  }
}
