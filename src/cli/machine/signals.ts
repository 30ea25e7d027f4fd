/**
 * Ctrl-C and SIGTERM: the first takes a last checkpoint and leaves; after it the system's own answer is in force again, so
 * that a second one ends the process at once, whatever it is waiting for, and that is as safe as `kill -9`.
 *
 * SIGHUP and all others are not touched: they end the process like `kill -9`, or not at all under nohup.
 * Installed by `perdure run` while the machine runs; before and after that a signal ends the process as it would any other.
 */
import { ExitCode } from '../errors.ts';

/** What a process answers that left for one of them after its last checkpoint. */
const exitOf = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated } as const;
type StopSignal = keyof typeof exitOf;

/** One key press may arrive twice: npm and others hand on to their child what the terminal has sent it already. */
const SAME_MS = 100;

export interface Signals {
  /** The exit code for the signal that came. */
  readonly exit: ExitCode;
  /** The system's own answers are in force again. */
  release(): void;
}

/** `stop` is called once, at the first signal. */
export function handleSignals(stop: () => void): Signals {
  let exit: ExitCode = ExitCode.interrupted;
  let timer: NodeJS.Timeout | null = null;
  const release = (): void => {
    if (timer !== null) clearTimeout(timer);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (timer !== null) return;
    exit = exitOf[signal as StopSignal];
    // Without a listener the system ends the process, also while this thread waits for a slow disk.
    timer = setTimeout(release, SAME_MS);
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get exit() {
      return exit;
    },
    release,
  };
}
