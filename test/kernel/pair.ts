/**
 * Two programs in two spaces, one of which serves a port that the other can name: where many conversations begin.
 *
 * Called by tests of the kernel; makes a world of its own each time.
 */
import type { Assembler } from './assembler.ts';
import { PROGRAM, SLAB_SIZE, World } from './world.ts';

export const CLIENT = SLAB_SIZE;
export const SERVER = 2 * SLAB_SIZE;
/** Addresses in each program: its port set, and its reference to the server's port. */
export const SET = PROGRAM + 0x100;
export const PORT = PROGRAM + 0x160;

/** A client and a server in two spaces; the server runs first (it has the higher priority) and waits. */
export function pair(client: Assembler, server: Assembler): World {
  const world = new World();
  world.addProgram(2, server, { priority: 20 });
  world.make(SERVER, { 256: 'portset', 288: 'port', 320: 'reference', 352: 'reference' });
  world.must('portset_reference', SERVER + 0x100, SERVER + 0x140);
  world.setState('port', SERVER + 0x120, { alias: 1 }, [SERVER + 0x140]);
  world.must('port_reference', SERVER + 0x120, SERVER + 0x160);
  world.addProgram(1, client);
  world.make(CLIENT, { 352: 'reference' });
  world.must('reference_copy', SERVER + 0x160, CLIENT + 0x160);
  return world;
}
