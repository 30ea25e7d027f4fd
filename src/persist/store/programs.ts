/**
 * The programs of an image: their files, arguments and symbols.
 *
 * Invariant: head.program_hash covers all of them, in order. Written by the worker in a transaction of its own, before
 * the first checkpoint that uses the program; read and verified at restart.
 */
import type Database from 'better-sqlite3';
import { sha256 } from './bytes.ts';
import type { ProgramRow } from './contract.ts';
import { DamageError } from './contract.ts';
import type { OpenImage } from './image.ts';
import { parsed } from './restart.ts';
import { programsHash } from './rows.ts';

interface ProgramColumns {
  id: number;
  name: string;
  hash: Buffer;
  elf: Buffer;
  arguments: string;
}
type SymbolColumns = ProgramRow['symbols'][number];

/** All programs as the tables have them, unverified. */
function loadPrograms(database: Database.Database): ProgramRow[] {
  const symbols = database.prepare<[number], SymbolColumns>(
    'SELECT name, address, size, kind FROM symbol WHERE program = ? ORDER BY sequence',
  );
  const rows = database.prepare<[], ProgramColumns>('SELECT * FROM program ORDER BY id').all();
  return rows.map((row) => ({
    name: row.name,
    hash: row.hash,
    elf: row.elf,
    arguments: JSON.parse(row.arguments) as string[],
    symbols: symbols.all(row.id),
  }));
}

/** All programs, verified. Throws DamageError. */
export function readPrograms(database: Database.Database, expected: Buffer): ProgramRow[] {
  const programs = parsed('a row of programs', () => loadPrograms(database));
  for (const program of programs) {
    if (!sha256(program.elf).equals(program.hash)) {
      throw new DamageError(`program '${program.name}': its file does not match its hash`);
    }
  }
  if (!programsHash(programs).equals(expected)) {
    throw new DamageError('the rows of programs or symbols do not match the head');
  }
  return programs;
}

/** Hash of the programs as the tables have them; null when they cannot be read, or a file is not the one it should be. */
export function computedProgramsHash(database: Database.Database): Buffer | null {
  try {
    const programs = loadPrograms(database);
    return programs.every(({ elf, hash }) => sha256(elf).equals(hash)) ? programsHash(programs) : null;
  } catch {
    return null;
  }
}

/** Adds a program and commits. */
export function writeProgram(image: OpenImage, program: ProgramRow): void {
  const { database, head } = image;
  image.begin();
  const { lastInsertRowid: id } = database
    .prepare('INSERT INTO program (name, hash, elf, arguments) VALUES (?, ?, ?, ?)')
    .run(
      program.name,
      Buffer.from(program.hash),
      Buffer.from(program.elf),
      JSON.stringify(program.arguments),
    );
  const insert = database.prepare(
    'INSERT INTO symbol (program, sequence, name, address, size, kind) VALUES (?, ?, ?, ?, ?, ?)',
  );
  program.symbols.forEach((symbol, sequence) => {
    insert.run(id, sequence, symbol.name, symbol.address, symbol.size, symbol.kind);
  });
  head.programHash = programsHash(loadPrograms(database));
  image.headTable.write(head);
  image.commit();
}

/** Removes programs of a creation that died before its first checkpoint. */
export function forgetPrograms(image: OpenImage): void {
  const { database, head } = image;
  if (database.prepare('SELECT count(*) FROM program').pluck().get() === 0) return;
  image.begin();
  database.exec('DELETE FROM symbol; DELETE FROM program');
  head.programHash = programsHash([]);
  image.headTable.write(head);
  image.commit();
}
