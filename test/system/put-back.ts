/**
 * Loaded before the command line (`node --import`): an image that is opened says of its head what PERDURE_ORIGIN says,
 * `restored` or `forked`, as one would that was put back or copied. Tests only.
 */
import type { Head } from '../../src/persist/store/contract.ts';
import { OpenStore } from '../../src/persist/store/store.ts';

const origin = process.env.PERDURE_ORIGIN as 'restored' | 'forked';
const hooked = OpenStore.prototype as unknown as { listen: (this: { head: Head | null }) => void };
const { listen } = hooked;

hooked.listen = function marked(): void {
  // Called at the end of the opening, and again later.
  if (this.head !== null && this.head.origin === undefined) this.head = { ...this.head, origin };
  listen.call(this);
};
