/**
 * N.19: spaces nested ten deep. Each level sees its memory through a window onto a region of the level below; a program
 * in the tenth runs, faults to its pager, and talks to a server in the first, whatever is taken apart meanwhile.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Assembler, a0, s0, s1, s2, s3, t1, t2, zero } from './assembler.ts';
import { nest } from './nest.ts';
import { assertSame, resultOf, runInSlices, runRebuilding } from './rebuild.ts';
import { DATA, own, PROGRAM, SLAB_SIZE, World } from './world.ts';

const GATE = PROGRAM + own.gate;
const SET = PROGRAM + 0x100;
const SERVER = 2 * SLAB_SIZE;
const CLIENT = SLAB_SIZE;

function build(world: World, levels: number): number {
  // The server answers each word with its square.
  const server = new Assembler().li(s2, DATA).call('ipc_wait_receive', SET, 0, 0, DATA, 8);
  server.label('got').ld(t2, s2).mul(t2, t2, t2).sd(t2, s2, 16);
  server.call('ipc_reply_wait_receive', SET, DATA + 16, 8, DATA, 8).j('got');
  world.addProgram(2, server);
  world.make(SERVER, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', SERVER + 0x100, SERVER + 0x140);
  world.setState('port', SERVER + 0x120, { alias: 3 }, [SERVER + 0x140]);
  world.must('port_reference', SERVER + 0x120, SERVER + 0x160);
  // The client asks for ten squares, adds them up over pages that come on demand, and locks a mutex of its own.
  const client = new Assembler()
    .li(s1, 10)
    .li(s2, DATA)
    .li(s3, 0)
    .call('mutex_lock', PROGRAM + 0x180);
  client
    .label('loop')
    .sd(s1, s2)
    .li(a0, PROGRAM + 0x160)
    .mv(11, s2)
    .li(12, 8)
    .addi(13, s2, 8)
    .li(14, 8);
  client.invoke('ipc_call').ld(t1, s2, 8).add(s3, s3, t1).li(t2, 4096).add(s2, s2, t2);
  client
    .addi(s1, s1, -1)
    .bne(s1, zero, 'loop')
    .call('mutex_unlock', PROGRAM + 0x180)
    .sd(s3, s2)
    .mv(s0, a0);
  client.end(GATE);
  world.addProgram(1, client);
  world.make(CLIENT, { 352: 'reference', 384: 'mutex' });
  world.must('reference_copy', SERVER + 0x160, CLIENT + 0x160);
  return nest(world, levels);
}

test('a program ten spaces deep runs, faults and calls a server in the first; so does it when all is rebuilt', () => {
  const plain = new World();
  build(plain, 10);
  plain.finish();
  assert.is(Number(plain.thread(CLIENT).x[s3]), 385);
  assert.is(Number(plain.thread(CLIENT).x[s1]), 0);
  assert.ok(plain.served >= 10, 'its pages came on demand');
  plain.kernel.check();
  const expected = resultOf(plain);
  const sliced = new World();
  build(sliced, 10);
  runInSlices(sliced, () => 7);
  assertSame(resultOf(sliced), expected, 'in slices of 7');
  const rebuilt = new World();
  build(rebuilt, 10);
  assert.ok(runRebuilding(rebuilt) > 20);
  assertSame(resultOf(rebuilt), expected, 'rebuilt after every entry');
});

test('what a program costs in ticks does not depend on how deep it is, down to ten spaces', () => {
  const ticks = [1, 5, 10].map((levels) => {
    const world = new World();
    build(world, levels);
    world.finish();
    return world.kernel.tick();
  });
  assert.equal(ticks, [ticks[0], ticks[0], ticks[0]]);
});

test('a region in the middle that allows less is felt at the top at once, and a space in the middle that ends too', () => {
  const world = new World();
  const objects = build(world, 10);
  world.run(500);
  world.must('region_protect', objects + 5 * 0x100 + 0x40, 5);
  world.finish();
  assert.ok(Number(world.thread(CLIENT).x[s1]) > 0, 'it may no longer write, and stands at its fault');
  world.must('space_destroy', objects + 3 * 0x100);
  world.kernel.check();
});

test.run();
