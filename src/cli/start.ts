/**
 * The command line, once it is loaded: gives it its surroundings and the process its exit code.
 *
 * Called by main.ts alone. A reader of stdout that goes away (`| head`) ends it with exit 74.
 */
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { StoreThread } from '../persist/store/thread.ts';
import { dispatch } from './dispatch.ts';
import { tuneEngine } from './engine.ts';
import { ExitCode } from './errors.ts';
import { streamWriter } from './output.ts';

const KEEP_COMPILED_MS = 1000;

/** Runs the command line of the process. `thread` is one that waits for an image, or null. */
export async function start(thread: StoreThread | null): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(ExitCode.inputOutput);
  });

  // Node keeps what it compiled when it ends, but a machine may be killed and should go on the sooner for that.
  setTimeout(flushCompileCache, KEEP_COMPILED_MS).unref();
  // A machine that goes on does it itself, later.
  if (thread === null) tuneEngine(process.versions.v8, setFlagsFromString);
  process.exitCode = await dispatch(process.argv.slice(2), {
    stdout: streamWriter(process.stdout, process.env),
    stderr: streamWriter(process.stderr, process.env),
    env: process.env,
    cwd: process.cwd(),
    ...(thread === null ? {} : { thread }),
  });
}
