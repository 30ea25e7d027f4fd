/**
 * Which life of the operating system this is: a store tells a loss of power from a file that was tampered with by it.
 *
 * Linux names each start of the system; elsewhere it stays unknown, and a log that was cut short is refused whatever
 * the reason. Called by verbs that open an image to write.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { StoreEffects } from '../../persist/store/options.ts';

/** The identifier of random(4), or '' when the system does not say. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** What a store of this process works with. */
export function storeEffects(): StoreEffects {
  return { wallMs: () => Date.now(), randomBytes, pid: process.pid, bootId: bootId() };
}
