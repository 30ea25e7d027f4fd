/**
 * Generates the C headers of the guest kit from `kernel/abi`, so that numbers and layouts are written down once.
 *
 * Invariants: the output is a pure function of the tables; every struct carries static asserts of its size and of
 * every offset; every entry of the table gets exactly one stub. The headers lie in `include/perdure`, are committed,
 * and a test compares them with what this file makes. Called by `build.ts` and the tests; never touches a file itself.
 *
 * A stub is one `ecall`: the kernel keeps the progress of a multi-stage call in the registers a0 to a7, t0 and t1, so
 * a stub says that all of them change and keeps nothing of its own in them.
 */
import { assert, present } from '../../base/assert.ts';
import type { Fields, Layout, Scalar } from '../../base/layout.ts';
import * as limits from '../../base/limits.ts';
import { causes, faults, outcomes } from '../../kernel/abi/codes.ts';
import { type EntryName, entries } from '../../kernel/abi/entries.ts';
import { type Entry, flavours, sensitivities } from '../../kernel/abi/entry.ts';
import * as memory from '../../kernel/abi/memory.ts';
import {
  condFlags,
  MUTEX_CEILING_SHIFT,
  mutexFlags,
  pendingBits,
  protection,
  states,
  threadFlags,
  typeNames,
  typeNumbers,
} from '../../kernel/abi/types.ts';

/** `waitingForReference` as C writes it: `waiting_for_reference`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function upperCase(name: string): string {
  return snakeCase(name).toUpperCase();
}

const scalarTypes: Readonly<Record<Scalar, string>> = {
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  u64: 'uint64_t',
  i64: 'int64_t',
};

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}

function header(file: string, summary: string, includes: readonly string[], body: string): string {
  const guard = `PERDURE_${file.replace('.h', '').toUpperCase()}_H`;
  const lines = includes.map((name) => `#include ${name}\n`).join('');
  return `/* ${summary}\n   Generated from src/kernel/abi by \`npm run guest:build\`: do not edit. */
#ifndef ${guard}
#define ${guard}

${lines}
#ifdef __cplusplus
extern "C" {
#endif

${body}
#ifdef __cplusplus
}
#endif

#endif
`;
}

function defines(prefix: string, table: Readonly<Record<string, number>>): string {
  return Object.entries(table)
    .map(([name, value]) => `#define ${prefix}${upperCase(name)} ${hexadecimal(value)}\n`)
    .join('');
}

/** A C struct with the fields of a layout and static asserts that the compiler placed them where the layout says. */
function struct(name: string, shape: Layout<Fields>): string {
  const fields = shape.places.map((place) => {
    const count = place.count === 0 ? '' : `[${place.count}]`;
    return `  ${scalarTypes[place.scalar]} ${snakeCase(place.name)}${count};\n`;
  });
  const asserts = shape.places.map(
    (place) =>
      `_Static_assert(offsetof(struct ${name}, ${snakeCase(place.name)}) == ${place.offset}, ` +
      `"${name}.${snakeCase(place.name)}");\n`,
  );
  return (
    `struct ${name} {\n${fields.join('')}};\n` +
    `_Static_assert(sizeof(struct ${name}) == ${shape.size}, "${name}");\n${asserts.join('')}\n`
  );
}

/** C++ spells the keyword otherwise. */
const staticAssert = '#ifdef __cplusplus\n#define _Static_assert static_assert\n#endif\n\n';

function codesHeader(): string {
  const body =
    '/* Outcomes: what a call returns. */\ntypedef uint64_t perdure_outcome;\n' +
    `${defines('PERDURE_', outcomes)}\n` +
    '/* Faults: programming errors, told to a keeper, never returned. */\n' +
    `${defines('PERDURE_FAULT_', faults)}\n` +
    '/* A processor exception is PERDURE_FAULT_PROCESSOR plus one of these. */\n' +
    defines('PERDURE_CAUSE_', causes);
  return header(
    'codes.h',
    'What a call returns, and what a keeper is told of a fault.',
    ['<stdint.h>'],
    body,
  );
}

function typesHeader(): string {
  const numbers = typeNames
    .map((name) => `#define PERDURE_TYPE_${upperCase(name)} ${typeNumbers[name]}\n`)
    .join('');
  const storage = typeNames
    .map(
      (name) =>
        `typedef struct {\n  uint8_t storage[PERDURE_OBJECT_SIZE];\n} ` +
        `__attribute__((aligned(PERDURE_OBJECT_SIZE))) perdure_${name};\n`,
    )
    .join('');
  const shapes = typeNames
    .map((name) => struct(`perdure_${name}_state`, states[name] as Layout<Fields>))
    .join('');
  const body =
    `${staticAssert}#define PERDURE_OBJECT_SIZE ${limits.OBJECT_SIZE}\n` +
    `#define PERDURE_PAGE_SIZE ${limits.PAGE_SIZE}\n` +
    `#define PERDURE_QUANTUM_TICKS ${limits.QUANTUM_TICKS}\n` +
    `#define PERDURE_PRIORITY_MAX ${limits.PRIORITY_MAX}\n` +
    `#define PERDURE_PRIORITY_DEFAULT ${limits.PRIORITY_DEFAULT}\n` +
    `#define PERDURE_SHORT_MESSAGE_BYTES ${limits.SHORT_MESSAGE_BYTES}\n` +
    `#define PERDURE_MESSAGE_REFERENCES_MAX ${limits.MESSAGE_REFERENCES_MAX}\n\n` +
    `/* Type numbers, as region_search and reference_type tell them. */\n${numbers}\n` +
    `/* Protection bits. */\n${defines('PERDURE_', protection)}\n` +
    `/* Bits of a thread's flags. */\n${defines('PERDURE_THREAD_', threadFlags)}\n` +
    `/* Bits of a thread's pending word. */\n${defines('PERDURE_PENDING_', pendingBits)}\n` +
    `/* Bits of a mutex's flags; with PRIORITY_CEILING, bits from MUTEX_CEILING_SHIFT on are the ceiling. */\n` +
    `${defines('PERDURE_MUTEX_', mutexFlags)}#define PERDURE_MUTEX_CEILING_SHIFT ${MUTEX_CEILING_SHIFT}\n` +
    `${defines('PERDURE_COND_', condFlags)}\n` +
    '/* Places for objects. An object belongs to its address: it is not in these bytes and must not be copied. */\n' +
    `${storage}\n/* Simple state, as get_state, set_state and peek_state use it. */\n${shapes}`;
  return header(
    'types.h',
    'The nine object types: numbers, places, exportable state.',
    ['<stddef.h>', '<stdint.h>'],
    body,
  );
}

function memoryHeader(): string {
  const page = Object.entries(memory.parentPage)
    .map(
      ([name, offset]) =>
        `#define PERDURE_PARENT_${upperCase(name)} (PERDURE_PARENT_PAGE + ${hexadecimal(offset)})\n`,
    )
    .join('');
  const body =
    `${staticAssert}${struct('perdure_item', memory.item as Layout<Fields>)}` +
    `${defines('PERDURE_ITEM_', memory.itemKinds)}\n` +
    `${struct('perdure_kernel_record', memory.kernelRecord as Layout<Fields>)}` +
    `${struct('perdure_fault_message', memory.faultMessage as Layout<Fields>)}` +
    `${struct('perdure_scheduler_message', memory.schedulerMessage as Layout<Fields>)}` +
    `${struct('perdure_handlers', memory.handlers as Layout<Fields>)}` +
    `${struct('perdure_saved_state', memory.savedState as Layout<Fields>)}` +
    `#define PERDURE_TICKS_PER_NANOSECOND ${memory.TICKS_PER_NANOSECOND}\n\n` +
    '/* The parent page: addresses of the objects that a program was given. */\n' +
    `#define PERDURE_PARENT_PAGE ${hexadecimal(memory.PARENT_PAGE)}\n${page}\n` +
    `${struct('perdure_parent_request', memory.parentRequest as Layout<Fields>)}` +
    `${defines('PERDURE_PARENT_OPERATION_', memory.parentOperations)}\n` +
    `/* Lives of the machine. */\n${defines('PERDURE_LIFE_', memory.lifeKinds)}\n` +
    `${struct('perdure_life', memory.life as Layout<Fields>)}` +
    '/* Where a program lies. */\n' +
    `#define PERDURE_STACK_END ${hexadecimal(memory.STACK_END)}\n` +
    `#define PERDURE_STACK_SIZE ${hexadecimal(memory.STACK_SIZE)}\n` +
    `#define PERDURE_PROGRAM_START ${hexadecimal(memory.PROGRAM_START)}\n` +
    `#define PERDURE_PROGRAM_END ${hexadecimal(memory.PROGRAM_END)}\n`;
  return header(
    'memory.h',
    'Places and shapes that kernel, servers and programs agree on.',
    ['<stddef.h>', '<stdint.h>'],
    body,
  );
}

/** Entries whose t0, t1, a5 and a6 count and address tables of references. */
export function carriesReferences(name: string): boolean {
  return /^ipc_(client|server)_.*(send|receive)|^ipc_(reply_|setup_)?wait_receive$/.test(name);
}

/** The C type of an argument, by its name: the same names mean the same things in all entries. */
function argumentType(entry: string, name: string): string {
  const [group] = entry.split('_') as [string];
  const operation = entry.slice(group.length + 1);
  if (name === 'state') {
    return `${operation === 'set_state' ? 'const ' : ''}struct perdure_${group}_state *`;
  }
  if (name === 'items') return 'struct perdure_item *';
  if (name === 'record') return 'struct perdure_kernel_record *';
  if (name === 'handlers' || name === 'saved') {
    const isRead = operation.startsWith('set_');
    return `${isRead ? 'const ' : ''}struct perdure_${name === 'saved' ? 'saved_state' : name} *`;
  }
  if (operation === 'move') return `perdure_${group} *`;
  if (name === 'send' || name === 'source') return 'const void *';
  if (name === 'receive') return 'void *';
  if (group === 'ipc' && name === 'port') return 'perdure_reference *';
  if (name.endsWith('Reference') || name === 'destination' || name === 'other') return 'perdure_reference *';
  if ((typeNames as readonly string[]).includes(name)) return `perdure_${name} *`;
  return 'uint64_t ';
}

interface Parameter {
  readonly text: string;
  readonly name: string;
}

/** One stub: a C function that puts the arguments into a0.., makes the call and stores the results. */
function stub(name: EntryName): string {
  const entry: Entry = entries[name];
  const references = carriesReferences(name);
  const parameters: Parameter[] = [];
  const before: string[] = [];
  const after: string[] = [];
  const outputs = new Set<number>([0]);
  const inputs = new Set<number>();

  entry.arguments.forEach((argument, index) => {
    const at = entry.results.indexOf(argument);
    assert(at === -1 || at + 1 === index, `generate: ${name} leaves ${argument} where it came`);
    inputs.add(index);
    if (argument.startsWith('unused')) {
      before.push(`  register uint64_t a${index} __asm__("a${index}") = 0;\n`);
      return;
    }
    const type = argumentType(name, argument);
    const c = snakeCase(argument);
    const inOut = at !== -1;
    parameters.push({ text: inOut ? `${type}*${c}` : `${type}${c}`, name: c });
    before.push(`  register uint64_t a${index} __asm__("a${index}") = (uint64_t)${inOut ? '*' : ''}${c};\n`);
    if (inOut) {
      outputs.add(index);
      after.push(`  *${c} = (${type.trimEnd()})a${index};\n`);
    }
  });
  entry.results.forEach((result, index) => {
    if (entry.arguments.includes(result)) return;
    const register = index + 1;
    const c = snakeCase(result);
    parameters.push({ text: `uint64_t *${c}`, name: c });
    outputs.add(register);
    if (!inputs.has(register)) before.push(`  register uint64_t a${register} __asm__("a${register}");\n`);
    after.push(`  if (${c}) *${c} = a${register};\n`);
  });
  if (!inputs.has(0)) before.unshift('  register uint64_t a0 __asm__("a0");\n');
  if (references) {
    parameters.push({ text: 'struct perdure_references *references', name: 'references' });
    if (!inputs.has(5)) {
      before.push('  register uint64_t a5 __asm__("a5") = references ? (uint64_t)references->send : 0;\n');
    }
    before.push(
      '  register uint64_t a6 __asm__("a6") = references ? (uint64_t)references->receive : 0;\n',
      '  register uint64_t t0 __asm__("t0") = references ? references->send_count : 0;\n',
      '  register uint64_t t1 __asm__("t1") = references ? references->receive_count : 0;\n',
    );
    after.push(
      `  if (references) {\n${inputs.has(5) ? '' : '    references->send = (perdure_reference **)a5;\n'}`,
      '    references->receive = (perdure_reference **)a6;\n',
      '    references->send_count = t0;\n    references->receive_count = t1;\n  }\n',
    );
  }
  const operands: string[] = [];
  const clobbers: string[] = [];
  for (let register = 0; register < 7; register += 1) {
    if (inputs.has(register) || (references && register >= 5)) operands.push(`"+r"(a${register})`);
    else if (outputs.has(register)) operands.push(`"=r"(a${register})`);
    else clobbers.push(`"a${register}"`);
  }
  if (references) operands.push('"+r"(t0)', '"+r"(t1)');
  else clobbers.push('"t0"', '"t1"');
  const list = parameters.map((parameter) => parameter.text).join(', ');
  return (
    `/* ${entry.class}: ${entry.summary} */\n` +
    `static inline perdure_outcome perdure_${name}(${list || 'void'}) {\n${before.join('')}` +
    `  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_${name.toUpperCase()};\n` +
    `  __asm__ volatile("ecall"\n                   : ${operands.join(', ')}, "+r"(a7)\n` +
    `                   :\n                   : ${clobbers.map((c) => `${c}, `).join('')}"memory");\n` +
    `${after.join('')}  return a0;\n}\n\n`
  );
}

/** The head of an entry's stub, as a declaration. */
export function prototype(name: EntryName): string {
  const head = /static inline ([^{]*) \{/.exec(stub(name))?.[1];
  return `${present(head, `generate: ${name} has a stub`)};`;
}

function entriesHeader(): string {
  const names = Object.keys(entries) as EntryName[];
  const numbers = names.map(
    (name) => `#define PERDURE_ENTRY_${name.toUpperCase()} ${hexadecimal(entries[name].number)}\n`,
  );
  const body =
    `${numbers.join('')}\n/* X(name, number) for each entry point, in the order of the table. */\n` +
    `#define PERDURE_FOR_EACH_ENTRY(X)${names.map((name) => ` \\\n  X(${name}, ${hexadecimal(entries[name].number)})`).join('')}\n\n` +
    `/* Flavours of a message, as wait_receive tells them. */\n${defines('PERDURE_FLAVOUR_', flavours)}\n` +
    `/* Sensitivities of thread_schedule. */\n${defines('PERDURE_SENSITIVITY_', sensitivities)}\n` +
    '/* Tables of references to send from and to receive into; after a call, what is left of them. */\n' +
    'struct perdure_references {\n  perdure_reference **send;\n  uint64_t send_count;\n' +
    '  perdure_reference **receive;\n  uint64_t receive_count;\n};\n\n' +
    '/* A parameter that is a pointer to a buffer, length or offset is advanced: afterwards it says what is left.\n' +
    '   `port` is a reference to a port; `portset` is a port set itself. */\n\n' +
    names.map(stub).join('');
  return header(
    'entries.h',
    'The entry points: numbers, and a stub for each.',
    ['<perdure/codes.h>', '<perdure/memory.h>', '<perdure/types.h>'],
    body,
  );
}

/** All generated headers: file name in `include/perdure` to text. */
export function generateHeaders(): ReadonlyMap<string, string> {
  return new Map([
    ['codes.h', codesHeader()],
    ['types.h', typesHeader()],
    ['memory.h', memoryHeader()],
    ['entries.h', entriesHeader()],
  ]);
}
