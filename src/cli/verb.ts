/**
 * What a verb is: its row of the table, and what it gets when it is called.
 *
 * Types and the words for the groups only. Imported by the table (verbs.ts), by parser, help and every verb.
 */
import type { StoreThread } from '../persist/store/thread.ts';
import type { ExitCode } from './errors.ts';
import type { Writer } from './output.ts';

/** What a verb gets: the checked command line and the process's surroundings. */
export interface Invocation {
  readonly verb: string;
  /** By camel-case name (`--stop-at` is `stopAt`), as the row's kinds say. */
  readonly options: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly operands: readonly string[];
  /** Results as JSON on stdout; for a verb whose stdout is the guest's, as the last line of stderr. */
  readonly json: boolean;
  /** Only results and errors. */
  readonly quiet: boolean;
  /** Number of -v. */
  readonly verbosity: number;
  /** Results go here. */
  readonly stdout: Writer;
  /** Words go here. */
  readonly stderr: Writer;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  /** The store's thread, started while everything else was loaded; not for every verb. */
  readonly thread?: StoreThread;
}

interface OptionBase {
  /** Long name without dashes, words joined by `-`. */
  readonly name: string;
  /** A letter that may stand instead, `-n`. */
  readonly letter?: string;
  readonly summary: string;
}

/** One option of a verb. `placeholder` stands for its value in help. */
export type OptionRow = OptionBase &
  (
    | { readonly kind: 'switch' }
    | { readonly kind: 'text'; readonly placeholder: string; readonly default?: string }
    | { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default?: string }
    | {
        /** A whole number below 2^53. */
        readonly kind: 'integer';
        readonly placeholder: string;
        readonly min: number;
        readonly max?: number;
        readonly default?: number;
      }
    | {
        /** A decimal number. */
        readonly kind: 'number';
        readonly placeholder: string;
        readonly min: number;
        readonly max?: number;
        readonly default?: number;
      }
    | {
        /** Bytes, written with a suffix K, M or G (powers of 1024) or none. */
        readonly kind: 'size';
        readonly placeholder: string;
        readonly min: number;
        readonly max: number;
        readonly default?: number;
      }
  );

export type VerbGroup = 'live' | 'look' | 'change' | 'care' | 'about';

/** The module of a verb. */
export interface VerbModule {
  run(invocation: Invocation): Promise<number>;
}

export interface VerbRow {
  readonly name: string;
  /** Loads the verb's module, when the verb is called and not before. */
  readonly load: () => Promise<VerbModule>;
  readonly group: VerbGroup;
  /** One line. */
  readonly summary: string;
  /** Two command lines with what they do. */
  readonly examples: readonly [Example, Example];
  /** As help shows them, such as `IMAGE [PROGRAM.elf [ARGS...]]`. */
  readonly operands: string;
  readonly operandsMin: number;
  readonly operandsMax: number;
  /** From this operand on, what begins with `-` belongs to the guest; null: it is a misplaced option everywhere. */
  readonly guestFrom: number | null;
  readonly options: readonly OptionRow[];
  /** The exits that this verb can have, besides done and those that every verb has (usage, invariantBroken). */
  readonly exits: readonly (keyof typeof ExitCode)[];
  /** True when the exit code may also be the guest's own. */
  readonly guestStatus: boolean;
}

export interface Example {
  readonly command: string;
  readonly meaning: string;
}

/** The words for the groups, in the order of help. */
export const verbGroups: Readonly<Record<VerbGroup, string>> = {
  live: 'Live',
  look: 'Look',
  change: 'Change',
  care: 'Care',
  about: 'About',
};
