/** A subject (modes.ts): a program of the bare runner. Also what all subjects share. */
import { createBareProgram } from '../../../src/hw/bare.ts';
import { parseElf } from '../../../src/hw/elf.ts';
import { at } from '../../../src/hw/layout.ts';
import type { Machine, Tier } from '../../../src/hw/machine.ts';
import { EARLY, generator, RAM_BYTES } from '../bench.ts';
import type { Subject } from './modes.ts';

/** Positions of events: up to `every` or twice that apart, at times close together; the same for a seed in every mode. */
export function eventsOf(seed: number, every: number): (position: number) => number {
  const positions = [0];
  const random = generator(seed * 31_337 + 11);
  return (position) => {
    while ((positions.at(-1) as number) <= position) {
      const gap = random(3) === 0 ? random(16) : random(2 * every);
      positions.push((positions.at(-1) as number) + 1 + gap);
    }
    return positions.find((candidate) => candidate > position) as number;
  };
}

/** What the modification log says, as a note; empties it. */
export function drain(machine: Machine): string {
  const entries: string[] = [];
  machine.log.drain((frame, low, high) => entries.push(`${frame}@${high.toString(16)}.${low.toString(16)}`));
  return `log ${entries.join(' ')}`;
}

/** A program file on the bare runner. Its output and, at random positions, its modification log are noted. */
export function bareSubject(elf: Uint8Array, seed: number): (tier: Tier) => Subject {
  return (tier) => {
    const notes: string[] = [];
    let inputLeft = 3;
    const bare = createBareProgram(parseElf(elf, 'subject.elf'), {
      ramBytes: RAM_BYTES,
      arguments: ['subject.elf', '7'],
      environment: [],
      ticksPerNanosecond: 4,
      wallBaseNs: 0n,
      random: new Uint8Array(16),
      tier,
      heat: EARLY,
      effects: {
        write: (_, bytes) => notes.push(`wrote ${Buffer.from(bytes).toString('hex')}`),
        read: () => Buffer.from(inputLeft-- > 0 ? `line ${inputLeft}\n` : ''),
      },
    });
    if (bare === null) throw new Error('the program does not fit in RAM');
    const { machine } = bare;
    return {
      machine,
      notes,
      space: () => ({ root: machine.view.getUint32(at.rootFrame, true), asid: 1 }),
      run(count) {
        const end = bare.run(count);
        if (end.kind === 'budget') return false;
        notes.push(
          JSON.stringify(end, (_, v) => (typeof v === 'bigint' ? v.toString(16) : v)),
          drain(machine),
        );
        return true;
      },
      nextEvent: eventsOf(seed, 700),
      event: (position) => notes.push(`${position}: ${drain(machine)}`),
    };
  };
}
