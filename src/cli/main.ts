/**
 * The entry point of `perdure`: starts the store's thread if there will be an image to run, and then loads everything else.
 *
 * Started by bin/perdure; never imported. What was built is the same in other words (scripts/build.ts).
 */
import { startThread } from '../persist/store/thread.ts';

const thread = process.argv[2] === 'run' ? startThread() : null;
const { start } = await import('./start.ts');
await start(thread);
