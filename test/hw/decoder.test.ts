/** The decoder's tables: every compressed code that stands for an instruction has an operation that does it. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decoderTable } from '../../src/hw/decoder.ts';
import { compressible, expandCompressed } from '../../src/hw/instructions/compressed.ts';
import { buckets, findInstruction, instructions } from '../../src/hw/instructions/table.ts';
import { operations } from '../../src/hw/layout.ts';

test('the list of instructions with compressed codes is what all 65,536 codes expand to', () => {
  const found = { written: new Set<string>(), discarded: new Set<string>() };
  for (let code = 0; code < 0x1_0000; code++) {
    const expansion = expandCompressed(code);
    if (expansion === 0) continue;
    const name = findInstruction(expansion)?.name ?? 'nothing';
    found[(expansion & 0xf80) === 0 ? 'discarded' : 'written'].add(name);
  }
  for (const kind of ['written', 'discarded'] as const) {
    assert.equal([...compressible[kind]].sort(), [...found[kind]].sort());
  }
});

test('every code that stands for an instruction has an operation of its length', () => {
  // Without one it would be decoded for ever.
  const lengths = new Map<number, number>(
    decoderTable.variants.map(({ operation, length }) => [operation, length]),
  );
  lengths.set(operations.nothingCompressed, 2);
  for (let code = 0; code < 0x1_0000; code++) {
    const expansion = expandCompressed(code);
    if (expansion === 0) continue;
    const name = findInstruction(expansion)?.name ?? '';
    const discards = (expansion & 0xf80) === 0 ? 2 : 0;
    const operation = decoderTable.operationsOf.get(name)?.[discards + 1];
    assert.is(lengths.get(operation ?? 0), 2, `${code.toString(16)}: ${name}`);
  }
});

test('a bucket has exactly the rows that an encoding in it can match', () => {
  const told = 0x707c;
  buckets.forEach((bucket, number) => {
    const bits = ((number & 31) << 2) | ((number >>> 5) << 12);
    const expected = instructions.filter(({ mask, match }) => ((bits ^ match) & mask & told) === 0);
    assert.equal(
      bucket.map(({ name }) => name),
      expected.map(({ name }) => name),
    );
  });
});

test.run();
