/**
 * What a handler of an entry point returns inside the kernel.
 *
 * Values from 0 to 0xff are outcomes and from 0x100 on faults (`abi/codes.ts`); the negative ones below never leave the
 * kernel. Holds no state and no code that acts.
 */
export const results = {
  /** The caller waits, or its registers were already rewritten: nothing more to do. The entry is charged. */
  blocked: -1,
  /** A page is needed that is not there; `KernelState.fault` says which and for whom. Nothing was changed. */
  absent: -2,
  /** A user task wants control before it can answer. Nothing was changed. */
  service: -3,
  /** A stage was committed: the caller's registers hold the rest of the call. */
  stage: -4,
} as const;

/** True for programming errors, which are delivered as exceptions. */
export function isFault(result: number): boolean {
  return result >= 0x100;
}
