/**
 * A failing attack, cut down to the steps that are needed and described in lines that can be read. Called by hostile.test.ts
 * and by the long campaign (hostile-main.ts).
 */
import { entryNameOf } from '../../src/kernel/abi/entry-names.ts';
import type { Step } from './hostile-arena.ts';
import { type Attack, type Report, runAttack, StepError } from './hostile-campaign.ts';

function failureOf(attack: Attack): { message: string; index: number } | null {
  try {
    runAttack(attack);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { message, index: error instanceof StepError ? error.index : attack.steps.length };
  }
}

/** The fewest steps that still fail in the same way, found by leaving out ever smaller parts. */
export function shrink(attack: Attack, triesMax = 400): Attack {
  const first = failureOf({ ...attack, checkEvery: 1 });
  if (first === null) return attack;
  let steps = attack.steps.slice(0, first.index + 1);
  // The kind of failure: the message less its numbers.
  const kind = first.message.replaceAll(/[0-9a-f]*\d[0-9a-f]*/g, '#').slice(0, 40);
  let tries = 0;
  for (let size = Math.ceil(steps.length / 2); size >= 1 && tries < triesMax; size = Math.floor(size / 2)) {
    for (let at = 0; at < steps.length && tries < triesMax; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      const failure = failureOf({ ...attack, steps: fewer, checkEvery: 1 });
      tries += 1;
      const isSame = failure?.message.replaceAll(/[0-9a-f]*\d[0-9a-f]*/g, '#').slice(0, 40) === kind;
      if (failure !== null && isSame) steps = fewer.slice(0, failure.index + 1);
      else at += size;
    }
  }
  return { ...attack, steps, checkEvery: 1 };
}

/** A step as a line that can be read. */
export function describeStep(step: Step): string {
  if (step.kind === 'rebuild') return 'everything is rebuilt in a fresh kernel';
  if (step.kind === 'state') {
    const words = step.words.map(
      (word) => `${word.isFlip ? 'flip' : 'word'} ${word.index} ${word.value.toString(16)}`,
    );
    return `set_state ${step.type} ${step.slab}:${step.offset.toString(16)} [${words.join(', ')}] links ${step.references.map((r) => r.toString(16)).join(' ')}${step.isStarted ? ' started' : ''}`;
  }
  const [, , , , , , , number] = step.registers;
  const values = step.registers.filter((_, i) => i !== 7).map((value) => value.toString(16));
  return `worker ${step.worker} priority ${step.priority}${step.isPatient ? ' patient' : ''}: ${entryNameOf(Number(number)) ?? `entry ${(number ?? 0n).toString(16)}`}(${values.join(', ')})`;
}

/** Runs the attack and, when it fails, shrinks it and says how to see it again. */
export function runOrExplain(attack: Attack): Report {
  try {
    return runAttack(attack);
  } catch (error) {
    const small = shrink(attack);
    const lines = small.steps.map((step) => `  ${describeStep(step)}`);
    console.log(
      `hostile: seed ${attack.seed} fails; shrunk to ${small.steps.length} steps:\n${lines.join('\n')}\n${again(attack)}`,
    );
    throw failureError(small, error);
  }
}

function failureError(small: Attack, fallback: unknown): unknown {
  try {
    runAttack(small);
  } catch (error) {
    return error instanceof StepError ? error.cause : error;
  }
  return fallback;
}

/** The command that runs the attack again. */
export function again(attack: Attack): string {
  return `again: npm run hostile -- --seed ${attack.seed} --calls 1 --steps ${attack.wanted}`;
}
