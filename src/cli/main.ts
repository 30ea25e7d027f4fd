/**
 * The entry point of `perdure`: gives the command line its surroundings and the process its exit code.
 *
 * Started by bin/perdure; never imported. A reader of stdout that goes away (`| head`) ends it with exit 74.
 */
import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { dispatch } from './dispatch.ts';
import { tuneEngine } from './engine.ts';
import { ExitCode } from './errors.ts';
import { streamWriter } from './output.ts';

const KEEP_COMPILED_MS = 1000;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(ExitCode.inputOutput);
});

// Node keeps what it compiled when it ends, but a machine may be killed and should go on the sooner for that.
setTimeout(flushCompileCache, KEEP_COMPILED_MS).unref();
tuneEngine(process.versions.v8, setFlagsFromString);
process.exitCode = await dispatch(process.argv.slice(2), {
  stdout: streamWriter(process.stdout, process.env),
  stderr: streamWriter(process.stderr, process.env),
  env: process.env,
  cwd: process.cwd(),
});
