/**
 * A checkpoint of an assembled machine, for tests that run one without a process: taken at once, whatever has changed.
 */
import type { Assembly } from '../../src/cli/machine/assemble.ts';

/** Saves all that changed; the output since the last time. */
export function demarcate(parts: Assembly): Uint8Array | null {
  let bytes: Uint8Array | null = null;
  parts.server.demarcate({
    tick: parts.kernel.tick(),
    wallMs: 0,
    journal: [],
    border: (generation) => {
      const output = parts.output.demarcate(generation);
      bytes = output?.bytes ?? null;
      return {
        state: {
          output: parts.output.state(),
          input: parts.input.state(),
          lives: parts.lives.state(),
          outputOrigin: 0,
          outputProof: null,
          inputPlace: null,
        },
        output,
        outputConfirmed: 0,
      };
    },
    check: (objects) => parts.kernel.checkChanged(objects.map(({ serial }) => Number(serial))),
    force: true,
    clean: false,
    nowUs: () => 0,
  });
  return bytes;
}
