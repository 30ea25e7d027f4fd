/**
 * Guards that nothing else misses: each test fails when one line of the kernel is left out that the hostile campaign, whose
 * arena has no such shape, and the models do not see.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causes, faults } from '../../src/kernel/abi/codes.ts';
import type { EntryName } from '../../src/kernel/abi/entries.ts';
import { threadFlags } from '../../src/kernel/abi/types.ts';
import { Assembler } from './assembler.ts';
import { CODE, DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const WINDOW = 0x4000_0000;
const SHOWN = 4 * SLAB_SIZE + 0x1_0000;

/** A program that makes one call through a window with all rights onto a bottom region that has only these. */
function through(rights: number, name: EntryName, ...args: readonly number[]): World {
  const world = new World();
  const base = world.addProgram(1, new Assembler().call(name, ...args).end(PROGRAM + own.gate));
  const custody = 4 * SLAB_SIZE;
  world.write(SHOWN, new Uint8Array(64).fill(7));
  world.make(custody, { 0: 'region', 32: 'reference', 64: 'mapping' });
  world.setState('region', custody, { startAddress: SHOWN, size: 0x1_0000, protection: rights }, [
    world.reference('space'),
  ]);
  world.must('region_reference', custody, custody + 32);
  const view = { startAddress: WINDOW, size: 0x1_0000, protection: 7 };
  world.setState('mapping', custody + 64, view, [custody + 32, base + own.spaceReference]);
  world.finish(1_000_000, 100);
  return world;
}

function faultOf(world: World): number {
  const thread = world.thread(SLAB_SIZE + own.thread);
  return (Number(thread.flags) & threadFlags.faulting) === 0 ? 0 : Number(thread.faultCode);
}

test('the kernel writes for a program only where the last region lets it', () => {
  const refused = through(1, 'kernel_record', WINDOW);
  assert.is(faultOf(refused), faults.processor + causes.storePageFault);
  assert.equal([...refused.read(SHOWN, 64)], new Array(64).fill(7));
  assert.is(faultOf(through(3, 'kernel_record', WINDOW)), 0);
});

test('the kernel reads for a program only where the last region lets it', () => {
  const refused = through(0, 'ipc_send', PROGRAM + own.output, WINDOW, 8);
  assert.is(faultOf(refused), faults.processor + causes.loadPageFault);
  assert.equal(refused.output, []);
  const allowed = through(1, 'ipc_send', PROGRAM + own.output, WINDOW, 8);
  assert.is(faultOf(allowed), 0);
  assert.is(allowed.output.length, 1);
});

test('a client learns how much of its room the answer has taken', () => {
  const world = new World();
  const code = new Assembler();
  code
    .label('client')
    .call('ipc_call', PROGRAM + 0x160, DATA, 8, DATA + 0x100, 64)
    .end(PROGRAM + own.gate);
  code
    .label('server')
    .call('ipc_wait_receive', PROGRAM + 0x100, 0, 0, DATA + 0x200, 64)
    .call('ipc_reply', 0, DATA + 0x300, 24)
    .end(PROGRAM + own.gate);
  const base = world.addProgram(1, code, { pc: CODE + code.at('client') });
  world.make(base, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', base + 0x100, base + 0x140);
  world.setState('port', base + 0x120, { alias: 5 }, [base + 0x140]);
  world.must('port_reference', base + 0x120, base + 0x160);
  world.addThread(base, 0x300, { pc: CODE + code.at('server') });
  const seen: (readonly bigint[])[] = [];
  world.onGate = () => ({ bytes: new Uint8Array(0) });
  for (let i = 0; i < 5_000 && seen.length === 0; i += 1) {
    world.run(1);
    const { x, pc } = world.thread(base + own.thread) as unknown as { x: readonly bigint[]; pc: bigint };
    // Behind the call: what it left in a0, a3 and a4.
    if (x[10] === 0n && x[17] !== undefined && pc > BigInt(CODE + code.at('client') + 4) && x[14] !== 64n) {
      if (x[14] !== 0n) seen.push([x[13] as bigint, x[14] as bigint]);
    }
  }
  assert.equal(seen[0], [BigInt(DATA + 0x100 + 24), 40n]);
});

test.run();
