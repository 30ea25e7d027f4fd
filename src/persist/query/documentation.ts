/**
 * The functions and tables of `perdure sql` that SQL does not have by itself: how each is called, and an example that works.
 *
 * Data only: docs/database.md is made from it, and tests run every example and compare the names with those registered.
 */

export interface QueryExtension {
  readonly name: string;
  /** Arguments, optional ones in brackets. */
  readonly call: string;
  readonly meaning: string;
  /** A whole query. */
  readonly example: string;
}

export const queryFunctions: readonly QueryExtension[] = [
  {
    name: 'page_content',
    call: 'page_content(number [, when])',
    meaning: 'the 4096 bytes of a page of the store segment',
    example: 'SELECT number, hex(substr(page_content(number), 1, 8)) FROM page_place LIMIT 3',
  },
  {
    name: 'memory',
    call: 'memory(address, length [, space [, when]])',
    meaning: 'bytes of an address space; NULL when not all of them are mapped',
    example: "SELECT hex(memory(symbol_address('main'), 16))",
  },
  {
    name: 'memory_integer',
    call: 'memory_integer(address, bytes [, space [, when]])',
    meaning: 'a signed integer of 1, 2, 4 or 8 bytes',
    example: "SELECT memory_integer(symbol_address('main'), 4)",
  },
  {
    name: 'memory_unsigned',
    call: 'memory_unsigned(address, bytes [, space [, when]])',
    meaning: 'an unsigned integer of 1, 2 or 4 bytes (8 bytes stay signed, as all words in SQL are)',
    example: "SELECT printf('%08x', memory_unsigned(symbol_address('main'), 4))",
  },
  {
    name: 'memory_float',
    call: 'memory_float(address, bytes [, space [, when]])',
    meaning: 'a floating-point number of 4 or 8 bytes',
    example: 'SELECT memory_float(sp, 8) FROM thread',
  },
  {
    name: 'memory_text',
    call: 'memory_text(address [, space [, when]])',
    meaning: 'text up to the byte 0, at most 64 KiB of it',
    example: 'SELECT memory_text(memory_integer(sp, 8)) FROM thread LIMIT 1',
  },
  {
    name: 'symbol',
    call: 'symbol(name [, index [, bytes [, when]]])',
    meaning:
      'the value of a variable of 1, 2, 4 or 8 bytes as a signed integer, of a longer one its bytes; with index or bytes, that element of an array',
    example: "SELECT symbol('main', 0, 2)",
  },
  {
    name: 'symbol_address',
    call: 'symbol_address(name)',
    meaning: 'where a function or variable lies; NULL when there is none',
    example: "SELECT printf('0x%x', symbol_address('main'))",
  },
  {
    name: 'symbol_name',
    call: 'symbol_name(address [, program])',
    meaning: 'the function or variable at an address, such as main+0x10',
    example: 'SELECT symbol_name(pc), symbol_name(ra) FROM thread',
  },
  {
    name: 'space_of',
    call: 'space_of(program)',
    meaning: 'the address of the space that a program was started in',
    example: 'SELECT start_address, rights FROM memory_map WHERE space = space_of(1)',
  },
];

export const queryTables: readonly QueryExtension[] = [
  {
    name: 'page_numbers',
    call: 'page_numbers',
    meaning: 'numbers of the pages that are not all zeros',
    example: 'SELECT count(*) FROM page_numbers',
  },
  {
    name: 'object_difference',
    call: 'object_difference(first, second)',
    meaning:
      'objects made, changed or gone from one WHEN to another: address, type, change, and the fields that differ before and after, as JSON',
    example: "SELECT printf('0x%x', address), type, change FROM object_difference('HEAD~3', 'HEAD')",
  },
  {
    name: 'page_difference',
    call: 'page_difference(first, second)',
    meaning:
      'pages that differ: number, change, owner, bytes that differ, first and last address of them, the symbol at the first',
    example: "SELECT number, owner, bytes, symbol FROM page_difference('HEAD~3', 'HEAD')",
  },
  {
    name: 'page_write',
    call: 'page_write(number)',
    meaning:
      'the kept checkpoints in which a page was written: generation, tick, wall_ms, pc and function of the first write',
    example: 'SELECT w.generation, w.function FROM page_place AS p, page_write(p.number) AS w LIMIT 5',
  },
];

/** Every table and view has a twin that shows another WHEN. */
export const pastTables: QueryExtension = {
  name: 'VIEW_at',
  call: 'thread_at(when), object_at(when), ... for every view, and for object, page, checkpoint and journal',
  meaning: 'the table or view as it was at WHEN',
  example:
    "SELECT now.retired - past.retired AS instructions FROM thread AS now JOIN thread_at('HEAD~3') AS past USING (address)",
};
