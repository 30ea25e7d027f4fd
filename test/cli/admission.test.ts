/**
 * Files that `perdure run` is told to write, and that are something else already: refused before anything is changed.
 */
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Admission, admit } from '../../src/cli/machine/admission.ts';
import { scratchFolder } from '../tools/scratch.ts';

const nothing = { program: null, isFresh: false, out: null, report: null, trace: null, stats: null };

test('one file is not given two purposes, whatever its names are', () => {
  const at = (name: string): string => path.join(folder, name);
  const folder = scratchFolder();
  fs.writeFileSync(at('image.db'), 'image');
  fs.writeFileSync(at('out.txt'), 'out');
  fs.linkSync(at('out.txt'), at('hard'));
  fs.symlinkSync(at('image.db'), at('soft'));
  const refused = (more: Partial<Admission>, told: RegExp): void => {
    assert.throws(
      () => admit({ ...nothing, image: at('image.db'), ...more }),
      (error: { exit: number; message: string }) => error.exit === 64 && told.test(error.message),
      String(told),
    );
  };
  refused({ out: at('image.db') }, /--out .*: it is the image itself/);
  refused({ stats: at('soft') }, /--stats .*: it is the image itself/);
  refused({ report: at('image.db-wal') }, /--report .*: it is a file of the image/);
  refused({ out: at('out.txt'), trace: at('hard') }, /--trace .*: it is --out/);
  refused({ report: at('new'), stats: at('new') }, /--stats .*: it is --report/);
  assert.is(
    admit({ ...nothing, image: at('image.db'), out: '/dev/null', report: '/dev/null', stats: at('new') }),
    false,
    'a device may be named twice',
  );
  assert.is(fs.readFileSync(at('out.txt'), 'utf8'), 'out');
});

test.run();
