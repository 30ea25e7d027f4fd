/**
 * The thread that copies the write-ahead log into the file while commits go on.
 *
 * Waits until it is asked, copies what is in the log then (PASSIVE: it waits for nobody and nobody for it), tells how far it
 * came, and wakes the worker. Invariants: it never writes a transaction; its error is told and ends it. Started by `log.ts` when
 * the log first becomes large. This file is the rim: it has the kill.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import { control } from './channel.ts';
import { type CopierData, copierWords, LOG_FRAME_BYTES } from './log.ts';
import { toPlain } from './plain-error.ts';
import { openCopier } from './schema.ts';

const { path, durability, crashPoint, shared, storeControl, port } = workerData as CopierData & {
  readonly port: MessagePort;
};
const words = new Int32Array(shared);
const storeWords = new Int32Array(storeControl);

/** The death that a test has ordered. */
function makePhase(): (label: 'copy-before' | 'copy-after') => void {
  let visits = 0;
  return (label) => {
    if (crashPoint?.label === label && ++visits === crashPoint.visit) process.kill(process.pid, 'SIGKILL');
  };
}

const phase = makePhase();

function tell(word: number, value: number): void {
  Atomics.store(words, word, value);
  Atomics.notify(words, word);
  Atomics.add(storeWords, control.wake, 1);
  Atomics.notify(storeWords, control.wake);
}

function copyWhenAsked(): void {
  const database = openCopier(path, durability);
  try {
    for (let answered = 0; ; ) {
      Atomics.wait(words, copierWords.asked, answered);
      answered = Atomics.load(words, copierWords.asked);
      if (Atomics.load(words, copierWords.end) !== 0) return;
      phase('copy-before');
      const [row] = database.pragma('wal_checkpoint(PASSIVE)') as { checkpointed: number }[];
      phase('copy-after');
      Atomics.store(words, copierWords.copied, Math.max(0, row?.checkpointed ?? 0) * LOG_FRAME_BYTES);
      tell(copierWords.answered, answered);
    }
  } finally {
    database.close();
  }
}

try {
  copyWhenAsked();
} catch (error) {
  port.postMessage(toPlain(path, error));
} finally {
  tell(copierWords.ended, 1);
  port.close();
}
