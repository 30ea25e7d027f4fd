/**
 * What the model expects to be seen of its threads and things, and how that differs from what was seen.
 */
import { threadFlags } from '../../../src/kernel/abi/types.ts';
import type { Model } from './model.ts';
import { notices } from './notices.ts';
import { type Command, live, THREADS, type Thing } from './things.ts';
import type { ModelWorld, Seen, SeenResult } from './world.ts';

function placeOf(thing: Thing | null): number {
  return live(thing)?.place ?? -1;
}

/** The flags of a thread, as they come out. */
function flagsOf(thread: Thing): number {
  const { client, server } = thread;
  const set: readonly (readonly [boolean, number])[] = [
    [thread.isStopped, threadFlags.stopped],
    [thread.isEnabled, threadFlags.exceptionsEnabled],
    [client.isSender, threadFlags.clientSender],
    [server.isSender, threadFlags.serverSender],
    [thread.fault !== null, threadFlags.faulting],
    [server.isRequest, threadFlags.clientIdempotent],
    [thread.isPutOff, threadFlags.serverIdempotent],
    [client.over === 'ended', threadFlags.serverEnded],
    [client.over === 'broken', threadFlags.serverBroken],
    [server.over === 'ended', threadFlags.clientEnded],
    [server.over === 'broken', threadFlags.clientBroken],
    [client.isParked, threadFlags.serverParked],
    [server.isParked, threadFlags.clientParked],
  ];
  return set.reduce((sum, [isSet, bit]) => sum + (isSet ? bit : 0), 0);
}

function wordsOf(thread: Thing): Record<string, number> {
  const { trap, interrupt, clientAlert, serverAlert } = thread.handlers;
  const bits = [trap, interrupt, clientAlert, serverAlert];
  return {
    waitsAt: placeOf(thread.waitsAt),
    client: placeOf(thread.server.peer),
    server: placeOf(thread.client.peer),
    flags: flagsOf(thread),
    pending: notices.reduce((sum, name, i) => sum + (thread.pending[name] ? 1 << i : 0), 0),
    priority: thread.priority,
    handlers: bits.reduce((sum, bit, i) => sum + (bit ? 1 << i : 0), 0),
  };
}

function resultOf(thread: Thing): SeenResult | null {
  // Stopped while it waited for a keeper that is gone now: it stays at its fault.
  if (thread.fault !== null && live(thread.waitsAt) === null) {
    return { kind: 'fault', code: thread.fault.code, registers: {} };
  }
  if (thread.step !== 'sleep') return null;
  const { result } = thread;
  return result.kind === 'outcome' ? result : { kind: result.kind, code: result.code, registers: {} };
}

function textOf(result: SeenResult | null, names: readonly string[]): string {
  if (result === null) return 'waits';
  const registers = names.map((name) => `${name} ${result.registers[name]}`);
  return `${result.kind} 0x${result.code.toString(16)} ${registers.join(', ')}`;
}

/** Names flags, so that a difference can be read. */
function flagNames(flags: number): string {
  return Object.entries(threadFlags)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
    .join(' ');
}

function compareThread(thread: Thing, seen: Seen, received: readonly (number | null)[]): string[] {
  const wrong: string[] = [];
  const result = resultOf(thread);
  const names = Object.keys(result?.registers ?? {});
  const expected = textOf(result, names);
  const found = textOf(seen.result, names);
  if (expected !== found) wrong.push(`${found}; the model says ${expected}`);
  for (const [word, value] of Object.entries(wordsOf(thread))) {
    const other = seen.words[word] ?? -1;
    if (other === value) continue;
    const text = word === 'flags' ? [flagNames(other), flagNames(value)] : [other, value];
    wrong.push(`${word} ${text[0]}; the model says ${text[1]}`);
  }
  received.forEach((word, i) => {
    if (word !== null && word !== seen.received[i])
      wrong.push(`received ${seen.received[i]} as word ${i}; the model says ${word}`);
  });
  return wrong.map((text) => `thread ${thread.slot}: ${text}`);
}

/** What get_state and peek_state say of the thing. */
function lookOf(thing: Thing): Record<string, number> {
  const { flags, alias, offset, start, size, bits } = thing;
  const window = { startAddress: start, size, protection: bits };
  const hash = thing.hash === null ? {} : { hash: thing.hash };
  const space = { 'link space': placeOf(thing.space) };
  switch (thing.type) {
    case 'mutex':
      return { ...hash, flags, locked: thing.owner === null ? 0 : 1, 'link owner': placeOf(thing.owner) };
    case 'cond':
      return { ...hash, 'link inheritor': placeOf(thing.inheritor) };
    case 'mapping':
      return { ...hash, ...window, regionOffset: offset, ...space, 'link region': placeOf(thing.region) };
    case 'region':
      return { ...hash, ...window, ...space, 'link keeper': placeOf(thing.keeper) };
    case 'port':
      return { ...hash, alias, 'link portset': placeOf(thing.set) };
    case 'portset':
      return hash;
    case 'space':
      return { ...hash, 'link keeper': placeOf(thing.keeper), 'link scheduler': -1 };
    case 'reference':
      return { 'link target': placeOf(thing.target) };
    case 'thread': {
      const { waitsAt, client, server, pending, priority } = wordsOf(thing) as Record<
        'waitsAt' | 'client' | 'server' | 'pending' | 'priority',
        number
      >;
      const words = { flags: flagsOf(thing), pending, priority };
      return {
        ...hash,
        ...words,
        ...space,
        'link waitingFor': waitsAt,
        'link client': client,
        'link server': server,
      };
    }
  }
}

/** What `look` and `get_handlers` said, when they were the command and succeeded. */
function compareLook(model: Model, world: ModelWorld, command: Command): string[] {
  const thread = model.threads[command.thread];
  const isDone = thread?.step === 'sleep' && thread.result.kind === 'outcome' && thread.result.code === 0;
  if (!isDone) return [];
  if (command.verb === 'get_handlers') {
    const bits = world.handlersOf(command.thread);
    return bits === wordsOf(thread).handlers ? [] : [`get_handlers says ${bits}`];
  }
  const thing = model.places[command.a] ?? null;
  if (command.verb !== 'look' || thing === null) return [];
  const seen = world.looked(command, thing.type);
  // A thread sees itself in the middle of its call.
  const expected = thing === thread ? {} : lookOf(thing);
  return Object.entries(expected)
    .filter(([name, value]) => seen[name] !== value)
    .map(
      ([name, value]) => `${thing.type} at ${thing.place}: ${name} ${seen[name]}; the model says ${value}`,
    );
}

/** All that differs after a command. */
export function differences(model: Model, world: ModelWorld, command: Command): string[] {
  const wrong: string[] = [];
  if (command.verb !== 'rebuild') {
    wrong.push(...compareLook(model, world, command));
    const log = world.log();
    if (log.join() !== model.log.join())
      wrong.push(`the order was ${log.join(' ')}; the model says ${model.log.join(' ')}`);
  }
  for (let slot = 0; slot < THREADS; slot += 1) {
    const thread = model.threads[slot] ?? null;
    if (thread === null || !thread.isAlive) continue;
    wrong.push(...compareThread(thread, world.see(slot, model), model.received[slot] ?? []));
  }
  return wrong;
}
