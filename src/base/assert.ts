/**
 * Assertions: what stops the machine when one of its own invariants does not hold.
 *
 * Invariant: assertions stay on in every build. A message states the fact that should hold, module first.
 * Called by every room. Never used for a guest's fault (a value) or an operator's mistake (an exit code).
 */

/** Thrown when an invariant of Perdure itself is broken; the entry point turns it into exit code 70. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Stops with an InvariantError unless `fact` holds; `statement` says the fact in the positive, module first. */
export function assert(fact: boolean, statement: string): asserts fact {
  if (!fact) throw new InvariantError(statement);
}

/** Returns `value`, which is known to be there; `statement` says why. */
export function present<T>(value: T | null | undefined, statement: string): T {
  if (value === null || value === undefined) throw new InvariantError(statement);
  return value;
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never, where: string): never {
  throw new InvariantError(`${where}: unexpected ${String(value)}`);
}
