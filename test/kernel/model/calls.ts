/**
 * Which call a command is, and what it comes to in the reference model: one row for each verb.
 */
import { faults } from '../../../src/kernel/abi/codes.ts';
import type { TypeName } from '../../../src/kernel/abi/types.ts';
import { access } from './memory.ts';
import { alert, disconnect, putLink, shortMessage, speak, takeLink } from './messages.ts';
import { type Came, callOf, done, Model } from './model.ts';
import { post, returnFromHandler, takePending } from './notices.ts';
import {
  broadcast,
  condWait,
  create,
  destroy,
  hashOf,
  lock,
  move,
  ofReference,
  protectAt,
  setState,
  signal,
  trylock,
  unlock,
  withNamed,
  withReference,
} from './objects.ts';
import {
  type Call,
  type Command,
  faultOf,
  live,
  type MessageVerb,
  messageVerbs,
  newThing,
  outcome,
  type Phase,
  SPACES,
  THREADS,
  type Thing,
  WORDS_MAX,
} from './things.ts';
import { dropUnserved, putIn, stop, takeFault, takeOut } from './threads.ts';

export const setTypes: Readonly<Record<string, TypeName>> = {
  set_mutex: 'mutex',
  set_cond: 'cond',
  set_mapping: 'mapping',
  set_region: 'region',
  set_port: 'port',
  set_portset: 'portset',
  set_space: 'space',
  set_reference: 'reference',
};

/** The type that the command's entry point is for. */
export function typeOf(m: Model, command: Command): TypeName {
  const { verb, type, isFitting, a } = command;
  const set = setTypes[verb];
  if (set !== undefined) return set;
  const fitting = isFitting ? (m.places[a]?.type ?? type) : type;
  if (verb === 'protect') return fitting === 'region' ? 'region' : 'mapping';
  // Mappings cannot be referenced.
  if (verb === 'reference' && fitting === 'mapping') return 'mutex';
  return fitting;
}

/** The priority that `start` and `remake` give. */
export function priorityOf(value: number): number {
  return [12, 16, 16, 20][value % 4] as number;
}

/** What `set_handlers` sets, by bits: trap, interrupt, client alert, server alert. */
export function handlersOf(value: number): number {
  return [0, 14, 15, 2, 14, 1][value % 6] as number;
}

/** How many words a message has, and how many there is room for; whether references go along. */
export function shapeOf(command: Command): { words: number; room: number; sends: boolean; takes: boolean } {
  const { verb, value } = command;
  const isShort = verb === 'send' || verb === 'call' || verb.startsWith('reply');
  const sends = verb.includes('send') || isShort;
  const takes = verb.includes('receive') || verb === 'call';
  return {
    words: sends ? value % (WORDS_MAX + 1) : 0,
    room: takes ? ([3, 2, 3, 1, 0][Math.floor(value / 4) % 5] as number) : 0,
    sends: sends && !isShort && Math.floor(value / 20) % 3 === 0,
    takes: takes && !isShort && Math.floor(value / 60) % 2 === 0,
  };
}

export function makeCall(m: Model, command: Command): Call {
  const { verb, value, b, c } = command;
  const type = typeOf(m, command);
  const { words, room, sends, takes } = shapeOf(command);
  return callOf(command, {
    type,
    side:
      verb.startsWith('server') || verb.includes('wait_receive') || verb === 'reply' ? 'server' : 'client',
    rest: verb in messageVerbs ? [...(messageVerbs[verb as MessageVerb] as readonly Phase[])] : [],
    send: Array.from({ length: words }, (_, i) => wordOf(value, i)),
    room,
    sendsReference: sends ? b : -1,
    takesReference: takes ? c : -1,
  });
}

/** The words of a message: the first is 0 now and then, which tells a keeper's client to give up. */
export function wordOf(value: number, index: number): number {
  return value % 8 === 1 ? 0 : value * 4 + index;
}

/** False for what would end the program: it is left out. */
export function mayMake(m: Model, command: Command): boolean {
  // Where the programs live.
  return !(command.verb === 'destroy' && m.places[command.a]?.hasMemory === true);
}

export function makeModel(): Model {
  const m = new Model(perform, takeFault, returnFromHandler);
  const put = (type: TypeName, place: number, fields: Partial<Thing>): Thing => {
    const thing = Object.assign(newThing(type, place, null), fields);
    m.places[place] = thing;
    return thing;
  };
  const spaces = Array.from({ length: SPACES }, (_, i) =>
    put('space', THREADS + i, { hasMemory: true, flags: i }),
  );
  for (let slot = 0; slot < THREADS; slot += 1) {
    m.threads[slot] = put('thread', slot, {
      slot,
      space: spaces[slot % SPACES] as Thing,
      isStopped: false,
      status: 'waits',
      ...firstOf(slot),
    });
  }
  return m;
}

/** What the threads are like in the beginning. */
export function firstOf(slot: number): Pick<Thing, 'priority' | 'isEnabled' | 'handlers'> {
  const priority = [16, 16, 16, 12, 20][slot] as number;
  const isEnabled = slot < 3;
  return { priority, isEnabled, handlers: handlersFrom(isEnabled ? 14 : 0) };
}

export function handlersFrom(bits: number): Thing['handlers'] {
  return {
    trap: (bits & 1) !== 0,
    interrupt: (bits & 2) !== 0,
    clientAlert: (bits & 4) !== 0,
    serverAlert: (bits & 8) !== 0,
  };
}

/** A thread, whatever it does, is made to make the call. */
export function makeCommand(m: Model, command: Command): void {
  const thread = m.threads[command.thread] ?? null;
  if (command.verb === 'rebuild' || thread === null) return;
  const call = makeCall(m, command);
  m.begin(thread, call);
  dropUnserved(m, thread, live(thread.server.peer));
  takePending(m, thread);
  m.run();
}

function perform(m: Model, thread: Thing, call: Call): Came {
  const { command, type } = call;
  const { verb, a, b, value } = command;
  if (call.isLock) return withNamed(m, b, 'mutex', (mutex) => lock(m, thread, mutex));
  if (verb in messageVerbs) return speak(m, thread, call);
  if (verb in setTypes) return withNamed(m, a, type, (thing) => setState(m, thing, call));
  switch (verb) {
    case 'create':
      return create(m, a, type, hashOf(value));
    case 'destroy':
      return withNamed(m, a, type, (thing) => {
        const came = destroy(m, thread, thing);
        if (came === null || came.kind === 'fault') return came;
        m.finish(thread, came);
        takePending(m, thread);
        return null;
      });
    case 'move':
      return withNamed(m, a, type, (thing) => move(m, thread, thing, b));
    case 'reference':
      return type === 'reference'
        ? ofReference(m, { ...call, command: { ...command, verb: 'copy' } })
        : refer(m, call);
    case 'look':
      return withNamed(m, a, type, () => done);
    case 'copy':
    case 'compare':
    case 'check':
    case 'type':
    case 'hash':
      return ofReference(m, call);
    case 'protect':
      return protectAt(m, call);
    case 'load':
      return access(m, thread, call, 1);
    case 'store':
      return access(m, thread, call, 2);
    case 'lock':
      return withNamed(m, a, 'mutex', (mutex) => lock(m, thread, mutex));
    case 'trylock':
      return withNamed(m, a, 'mutex', (mutex) => trylock(thread, mutex));
    case 'unlock':
      return withNamed(m, a, 'mutex', (mutex) => unlock(m, thread, mutex));
    case 'wait':
      return condWait(m, thread, call);
    case 'signal':
      return withNamed(m, a, 'cond', (cond) => signal(m, cond));
    case 'broadcast':
      return withNamed(m, a, 'cond', (cond) => broadcast(m, cond));
    case 'send':
    case 'call':
      return shortMessage(m, thread, call);
    case 'client_disconnect':
    case 'server_disconnect':
      return disconnect(m, thread, call.side);
    case 'client_alert':
    case 'server_alert':
      return alert(m, thread, call.side);
    case 'get_client':
      return withReference(m, a, (reference) => takeLink(thread, 'server', reference));
    case 'set_client':
      return withReference(m, a, (reference) => putLink(m, thread, 'server', reference));
    case 'get_server':
      return withReference(m, a, (reference) => takeLink(thread, 'client', reference));
    case 'set_server':
      return withReference(m, a, (reference) => putLink(m, thread, 'client', reference));
    default:
      return ofThreads(m, thread, call);
  }
}

function refer(m: Model, call: Call): Came {
  const { a, b } = call.command;
  return withNamed(m, a, call.type, (thing) =>
    withReference(m, b, (reference) => {
      reference.target = thing;
      return done;
    }),
  );
}

function ofThreads(m: Model, thread: Thing, call: Call): Came {
  const { verb, a, value } = call.command;
  switch (verb) {
    case 'self':
      return outcome(0, { a1: thread.slot });
    case 'enable':
      thread.isEnabled = true;
      m.finish(thread, done);
      takePending(m, thread);
      return null;
    case 'disable':
      thread.isEnabled = false;
      return done;
    case 'get_handlers':
      return done;
    case 'set_handlers':
      thread.handlers = handlersFrom(handlersOf(value));
      m.finish(thread, done);
      takePending(m, thread);
      return null;
    case 'interrupt':
      return withNamed(m, a, 'thread', (other) => {
        if (other === thread) return faultOf(faults.self);
        post(m, other, 'interrupt');
        return done;
      });
    case 'stop':
      return withNamed(m, a, 'thread', (other) => {
        if (other === thread) return faultOf(faults.self);
        stop(other);
        return done;
      });
    case 'start':
    case 'remake':
      return program(m, thread, call);
    default:
      throw new Error(`model: ${verb}`);
  }
}

/** start: get_state, set_state as running. remake: destroy and create in between. A call each time the thread runs. */
function program(m: Model, thread: Thing, call: Call): Came {
  const { verb, a, value } = call.command;
  const steps = verb === 'start' ? ['get', 'set'] : ['get', 'destroy', 'create', 'set'];
  const step = steps[call.stage];
  if (step === 'create') {
    const came = create(m, a, 'thread', null);
    call.stage += came?.kind === 'fault' ? 0 : 1;
    return came?.kind === 'fault' ? came : null;
  }
  return withNamed(m, a, 'thread', (other) => {
    if (other === thread) return faultOf(faults.self);
    if (step === 'get') {
      stop(other);
      call.taken = takeOut(other);
    } else if (step === 'destroy') destroy(m, thread, other);
    else {
      if (!other.isStopped) return faultOf(faults.raceCondition);
      putIn(m, other, call.taken as Thing, priorityOf(value));
      return done;
    }
    call.stage += 1;
    takePending(m, thread);
    return null;
  });
}
