/**
 * A small parent: runs one program under the real kernel, in memory that it pages in on demand.
 *
 * One user task is everything a program needs outside: the region its memory is mapped from and its pager, its output
 * and input ports, and the parent it reports its end to. No file, no checkpoint: the tests of the programs use it to
 * see them alone with the kernel. Answers at once, except input that is not there yet, for which clients queue.
 */
import { readFileSync } from 'node:fs';
import { present } from '../../src/base/assert.ts';
import { zeroRecord } from '../../src/base/layout.ts';
import { OBJECT_SIZE, PAGE_SIZE, PRIORITY_DEFAULT, QUANTUM_TICKS } from '../../src/base/limits.ts';
import { createMachine } from '../../src/hw/create.ts';
import { parseElf } from '../../src/hw/elf.ts';
import { outcomes } from '../../src/kernel/abi/codes.ts';
import { type EntryName, entries } from '../../src/kernel/abi/entries.ts';
import * as memory from '../../src/kernel/abi/memory.ts';
import { protection, states } from '../../src/kernel/abi/types.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { type Answer, type Processor, type Request, taskMemory } from '../../src/userland/task/task.ts';
import { type OptOut, rebuildsAfterEntry } from '../kernel/every-entry.ts';
import { tierOfTests } from '../tools/tier.ts';
import { runRestarted } from './restarted.ts';

/** What the program's memory is mapped from lies from address 0 of the task's space: place = program address + this. */
const PROGRAM_PLACE = 0x1_0000_0000;
const STACK_PLACE = 0x8000_0000;
const PARENT_PAGE_PLACE = 0x7000_0000;
const CUSTODY_PLACE = 0x7001_0000;
/** Where on the parent page a reference to the server of `Conditions.serve` lies. */
const SERVER_REFERENCE = 0x100;
const REGION_SIZE = 2 ** 40;

const aliases = { pager: 1, trouble: 2, output: 3, input: 4, parent: 5 } as const;
type Alias = keyof typeof aliases;

export interface Conditions {
  /** It is not restarted after every entry when all others are, for a reason of the list. */
  readonly optOut?: OptOut;
  readonly args: readonly string[];
  readonly input?: string;
  /** Ticks a call of `Kernel.run` may take: what is cut off in between must not matter. */
  readonly sliceTicks?: number;
  /** Ticks after which the program is thought to hang. */
  readonly tickLimit?: number;
  /** Makes one more server; a reference to the port that it gives lies on the parent page, at 0x100. */
  readonly serve?: (kernel: Kernel) => { readonly task: Processor; readonly port: number };
  /**
   * Answers requests to the parent that are not its own, inside the client's entry. An address of the program's static or
   * heap memory is `programPlace` less than the task's address of the same byte.
   */
  readonly answerRequest?: (request: Uint8Array, task: Processor, programPlace: number) => Uint8Array;
}

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  /** Of the machine's clock, at the end. */
  readonly tick: bigint;
  readonly kernel: Kernel;
}

function isExit(view: DataView): boolean {
  return memory.parentRequest.read(view, 0).operation === BigInt(memory.parentOperations.exit);
}

/** Runs the program until it ends. Throws when it faults, hangs or waits for what never comes. */
export function runProgram(file: string, conditions: Conditions): Ended {
  // In the mode of test/kernel/every-entry.ts each entry is made in a machine of its own.
  if (rebuildsAfterEntry && conditions.optOut === undefined)
    return runRestarted(file, conditions, tierOfTests());
  const program = parseElf(readFileSync(file), file);
  const tier = tierOfTests();
  const machine = createMachine(64 * 1024 * 1024, tier.options);
  const kernel = new Kernel(machine);
  const contents = new Map<number, Uint8Array>();
  const put = (place: number, bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i += 1) {
      const page = Math.floor((place + i) / PAGE_SIZE);
      const content = contents.get(page) ?? new Uint8Array(PAGE_SIZE);
      content[(place + i) % PAGE_SIZE] = bytes[i] ?? 0;
      contents.set(page, content);
    }
  };
  for (const segment of program.segments) put(PROGRAM_PLACE + segment.address, segment.bytes);
  const stackPointer = putStack(put, conditions.args);

  const input = new TextEncoder().encode(conditions.input ?? '');
  let inputTaken = 0;
  const output: Uint8Array[] = [];
  let status: number | null = null;
  let trouble = '';

  const task: Processor = kernel.createTask({ memoryPages: 4 });
  const base = task.memoryAddress;
  const place = (index: number): number => base + taskMemory.free + index * OBJECT_SIZE;
  const call = (name: EntryName, ...args: number[]): void => {
    const outcome = task.call(entries[name].number, ...args);
    if (outcome !== outcomes.success) throw new Error(`parent: ${name} gave 0x${outcome.toString(16)}`);
  };
  const stateOffset = PAGE_SIZE;
  const state = base + stateOffset;
  const pageOffset = 2 * PAGE_SIZE;

  const portset = place(0);
  const region = place(1);
  const [setReference, ownSpace, regionReference] = [place(2), place(3), place(4)];
  const portOf = (alias: Alias): number => place(10 + 2 * aliases[alias]);
  const portReference = (alias: Alias): number => place(11 + 2 * aliases[alias]);

  const receive = (request: Request): Answer => {
    const view = new DataView(request.bytes.buffer, request.bytes.byteOffset, request.bytes.byteLength);
    switch (request.alias) {
      case aliases.pager: {
        const address = Number(memory.faultMessage.read(view, 0).address);
        const page = Math.floor(address / PAGE_SIZE);
        const content = contents.get(page);
        if (content !== undefined) task.memory.set(content, pageOffset);
        call('region_supply', region, page * PAGE_SIZE, content === undefined ? 0 : base + pageOffset);
        return { bytes: new Uint8Array(0) };
      }
      case aliases.output:
        output.push(request.bytes.slice());
        return { bytes: new Uint8Array(new BigUint64Array([BigInt(request.bytes.length)]).buffer) };
      case aliases.input: {
        const bytes = input.slice(inputTaken, inputTaken + request.answerLength);
        inputTaken += bytes.length;
        return { bytes };
      }
      case aliases.parent:
        if (conditions.answerRequest !== undefined && !isExit(view)) {
          return { bytes: conditions.answerRequest(request.bytes.slice(), task, PROGRAM_PLACE) };
        }
        status = Number(BigInt.asIntN(64, memory.parentRequest.read(view, 0).argument));
        task.giveUpSlice();
        return 'never';
      default: {
        const fault = memory.faultMessage.read(view, 0);
        trouble = `fault 0x${fault.code.toString(16)} at 0x${fault.pc.toString(16)}, address 0x${fault.address.toString(16)}`;
        task.giveUpSlice();
        return 'never';
      }
    }
  };

  call('portset_create', portset);
  for (const reference of [setReference, ownSpace, regionReference]) call('reference_create', reference);
  call('portset_reference', portset, setReference);
  for (const alias of Object.keys(aliases) as Alias[]) {
    call('port_create', portOf(alias));
    states.port.write(task.memoryView, stateOffset, { hash: 0n, serial: 0n, alias: BigInt(aliases[alias]) });
    call('port_set_state', portOf(alias), state, setReference);
    call('reference_create', portReference(alias));
    call('port_reference', portOf(alias), portReference(alias));
  }
  call('space_reference', base + taskMemory.space, ownSpace);
  call('region_create', region);
  states.region.write(task.memoryView, stateOffset, {
    ...zeroRecord(states.region),
    size: BigInt(REGION_SIZE),
    protection: 7n,
  });
  call('region_set_state', region, state, ownSpace, portReference('pager'));
  call('region_reference', region, regionReference);
  task.serve(portset, { receive });

  // The program's objects. Its own are on the parent page; its space and mappings are in the parent's custody.
  const onParentPage = (offset: number): number => PARENT_PAGE_PLACE + offset;
  const space = CUSTODY_PLACE;
  call('space_create', space);
  call('space_set_state', space, 0, portReference('trouble'));
  call('reference_create', onParentPage(memory.parentPage.spaceReference));
  call('space_reference', space, onParentPage(memory.parentPage.spaceReference));
  let mappingCount = 0;
  const map = (start: number, target: number, size: number, bits: number): void => {
    mappingCount += 1;
    const mapping = CUSTODY_PLACE + mappingCount * OBJECT_SIZE;
    call('mapping_create', mapping);
    states.mapping.write(task.memoryView, stateOffset, {
      ...zeroRecord(states.mapping),
      regionOffset: BigInt(target),
      startAddress: BigInt(start),
      size: BigInt(size),
      protection: BigInt(bits),
    });
    call(
      'mapping_set_state',
      mapping,
      state,
      regionReference,
      onParentPage(memory.parentPage.spaceReference),
    );
  };
  const { read, write, execute } = protection;
  for (const segment of program.segments) {
    const bits = read | (segment.writable ? write : 0) | (segment.executable ? execute : 0);
    const end = segment.writable ? memory.PROGRAM_END : segment.address + segment.memorySize;
    const size = Math.ceil((end - segment.address) / PAGE_SIZE) * PAGE_SIZE;
    map(segment.address, PROGRAM_PLACE + segment.address, size, bits);
  }
  map(memory.STACK_END - memory.STACK_SIZE, STACK_PLACE, memory.STACK_SIZE, read | write);
  map(memory.PARENT_PAGE, PARENT_PAGE_PLACE, PAGE_SIZE, read | write);
  for (const alias of ['output', 'input', 'parent'] as const) {
    const reference = onParentPage(memory.parentPage[`${alias}Reference`]);
    call('reference_create', reference);
    call('reference_copy', portReference(alias), reference);
  }
  if (conditions.serve !== undefined) {
    const served = conditions.serve(kernel);
    kernel.grant(served.task, served.port, task, onParentPage(SERVER_REFERENCE));
  }
  const thread = onParentPage(memory.parentPage.thread);
  call('thread_create', thread);
  const registers = zeroRecord(states.thread);
  registers.x[2] = BigInt(stackPointer);
  states.thread.write(task.memoryView, stateOffset, {
    ...registers,
    threadAddress: BigInt(memory.PARENT_PAGE + memory.parentPage.thread),
    priority: BigInt(PRIORITY_DEFAULT),
    quantumLeft: BigInt(QUANTUM_TICKS),
    reservation: 0xffff_ffff_ffff_ffffn,
    pc: BigInt(program.entry),
  });
  call('thread_set_state', thread, state, onParentPage(memory.parentPage.spaceReference));

  const end = conditions.tickLimit ?? 2_000_000_000;
  while (status === null) {
    tier.turn(machine);
    const ended = kernel.run(conditions.sliceTicks ?? 1_000_000);
    if (trouble !== '') throw new Error(`parent: the program has a ${trouble}`);
    if (kernel.tick() > BigInt(end)) throw new Error('parent: the program hangs');
    if (ended !== 'idle' || status !== null) continue;
    kernel.stepClock(present(kernel.nextDeadline(), 'parent: somebody sleeps when nobody runs'));
  }
  kernel.check();
  const stdout = output.map((bytes) => new TextDecoder('latin1').decode(bytes)).join('');
  return { status, stdout, tick: kernel.tick(), kernel };
}

/** Arguments below STACK_END, as on Linux; returns the stack pointer. */
function putStack(put: (place: number, bytes: Uint8Array) => void, args: readonly string[]): number {
  let pointer = memory.STACK_END;
  const placeOf = (address: number): number => STACK_PLACE + address - (memory.STACK_END - memory.STACK_SIZE);
  const addresses = args.map((argument) => {
    const bytes = new TextEncoder().encode(`${argument}\0`);
    pointer -= bytes.length;
    put(placeOf(pointer), bytes);
    return BigInt(pointer);
  });
  const vector = new BigUint64Array([BigInt(args.length), ...addresses, 0n, 0n, 0n, 0n]);
  pointer = Math.floor((pointer - vector.byteLength) / 16) * 16;
  put(placeOf(pointer), new Uint8Array(vector.buffer));
  return pointer;
}
