/** K.19: a stock client asks a machine that runs, and the image of one that was killed. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testNeeding } from '../tools/needs.ts';
import { scratchFolder } from '../tools/scratch.ts';
import { perdure, program } from './perdure.ts';

type Row = Readonly<Record<string, number | string | null>>;

function ask(image: string, question: string): Row[] {
  const text = execFileSync('sqlite3', ['-readonly', '-json', image, question], { encoding: 'utf8' });
  return text.trim() === '' ? [] : (JSON.parse(text) as Row[]);
}

/** Threads by state, objects by type, pages, and the newest checkpoint, as a person would ask. */
function askAll(image: string): { threads: number; types: string[]; pages: number; generation: number } {
  const threads = ask(image, 'SELECT state, pc, sp, a0 FROM thread');
  const types = ask(image, 'SELECT DISTINCT type FROM object ORDER BY type').map((row) => String(row.type));
  const pages = ask(image, 'SELECT sum(pages) AS pages FROM page_summary');
  const checkpoints = ask(
    image,
    'SELECT generation, tick, pause_us FROM checkpoint ORDER BY generation DESC LIMIT 1',
  );
  for (const { pc, sp } of threads)
    assert.ok(Number.isInteger(pc) && Number.isInteger(sp), 'registers are integers');
  return {
    threads: threads.length,
    types,
    pages: Number(pages[0]?.pages ?? 0),
    generation: Number(checkpoints[0]?.generation ?? 0),
  };
}

const stock = testNeeding(test, 'sqlite3');

stock('a stock client sees threads, objects, pages and checkpoints, live and after SIGKILL', async () => {
  const cwd = scratchFolder();
  const image = path.join(cwd, 'image.db');
  const live: ReturnType<typeof askAll>[] = [];
  let lastLookMs = 0;
  const machine = await perdure(['run', 'image.db', program('transcript'), '1000000'], {
    cwd,
    onOutput: (_text, kill) => {
      if (Date.now() - lastLookMs < 1500) return;
      lastLookMs = Date.now();
      live.push(askAll(image));
      if (live.length === 4) kill('SIGKILL');
    },
  });
  assert.is(machine.signal, 'SIGKILL', machine.stderr);
  const dead = askAll(image);
  for (const seen of [...live.slice(-2), dead]) {
    assert.ok(seen.threads >= 4, `${seen.threads} threads`);
    assert.ok(seen.pages > 0, `${seen.pages} pages`);
    for (const type of ['cond', 'mapping', 'mutex', 'port', 'reference', 'space', 'thread']) {
      assert.ok(seen.types.includes(type), `${type} among ${seen.types}`);
    }
  }
  assert.ok((live.at(-1)?.generation ?? 0) > (live[1]?.generation ?? 0), 'the machine went on meanwhile');
  assert.ok(dead.generation >= (live.at(-1)?.generation ?? 0));
});

test.run();
