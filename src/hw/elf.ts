/**
 * The loader of program files: static ELF64 for RISC-V, read into segments, entry and symbols.
 *
 * Invariants: a file is either read completely or refused with one ElfError that names the file, the header and the
 * fault; no offset, size or index of the file is trusted, so nothing else is ever thrown and no byte beyond the file is
 * read. System V ABI, chapters 4 and 5; RISC-V ELF psABI. Pure: called by whoever starts a program, runs nothing.
 */
import { joinHalves } from '../base/integer.ts';
import { USER_ADDRESS_END } from '../base/limits.ts';

/** The file cannot be loaded. The message reads `FILE: HEADER: FAULT`. */
export class ElfError extends Error {
  override readonly name = 'ElfError';
  readonly file: string;
  /** Which part of the file is wrong, such as `program header 2`. */
  readonly header: string;
  readonly fault: string;
  constructor(file: string, header: string, fault: string) {
    super(`${file}: ${header}: ${fault}`);
    this.file = file;
    this.header = header;
    this.fault = fault;
  }
}

export interface ElfSegment {
  /** Address in the program's space. */
  readonly address: number;
  /** What the file gives; a view of it. */
  readonly bytes: Uint8Array;
  /** Bytes in memory; what is beyond `bytes` is zeros. */
  readonly memorySize: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly address: number;
  /** Bytes; 0 when the file does not say. */
  readonly size: number;
  readonly kind: 'function' | 'object' | 'label';
}

export interface ElfProgram {
  readonly entry: number;
  /** In order of address, none overlapping another, none empty. */
  readonly segments: readonly ElfSegment[];
  /** Defined symbols of the program's memory, in order of address and name. */
  readonly symbols: readonly ElfSymbol[];
  /** Where the program headers lie in memory, or 0 when no segment contains them; and how many there are. */
  readonly headersAddress: number;
  readonly headerCount: number;
}

const FILE_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;

const MACHINE_RISCV = 243;
const TYPE_EXECUTABLE = 2;
const TYPE_SHARED = 3;
/** Flags of the psABI, "ELF header": registers x16 to x31 are not there; the floating-point ABI, of which 3 is quadruple. */
const FLAG_RVE = 8;
const FLAGS_FLOAT_ABI = 6;
const FLOAT_ABI_QUADRUPLE = 6;
/** The table of program headers has at most this many bytes, as in Linux (fs/binfmt_elf.c, load_elf_phdrs). */
const PROGRAM_HEADERS_BYTES_MAX = 65536;
/**
 * Names share their ends, and local symbols their names. So all names together may be this many times as long as their
 * string table, and this much longer for each symbol: far more than any linker makes, and not beyond any measure.
 */
const NAMES_TABLE_FACTOR = 8;
const NAMES_SYMBOL_BYTES = 64;
const segmentTypes = { load: 1, dynamic: 2, interpreter: 3 } as const;
const segmentFlags = { execute: 1, write: 2, read: 4 } as const;
const sectionTypes = { symbols: 2, strings: 3 } as const;
const symbolKinds: Readonly<Record<number, ElfSymbol['kind']>> = { 0: 'label', 1: 'object', 2: 'function' };
const SECTION_UNDEFINED = 0;

/** The file being read. */
interface Source {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A 64-bit field; one that is 2^53 or more is too large for anything in a file. */
function wide(s: Source, at: number, header: string, field: string): number {
  const value = joinHalves(s.view.getUint32(at, true), s.view.getUint32(at + 4, true));
  if (value === -1) throw new ElfError(s.file, header, `its ${field} is too large`);
  return value;
}

/** Requires `size` bytes at `offset` to lie in the file. */
function within(s: Source, offset: number, size: number, header: string, what: string): void {
  if (offset + size > s.bytes.length) {
    throw new ElfError(
      s.file,
      header,
      `${what} (${size} bytes at offset ${offset}) ends after the file (${s.bytes.length} bytes)`,
    );
  }
}

interface FileHeader {
  readonly entry: number;
  readonly programOffset: number;
  readonly programCount: number;
  readonly sectionOffset: number;
  readonly sectionCount: number;
}

function readFileHeader(s: Source): FileHeader {
  const { view, bytes, file } = s;
  const header = 'file header';
  const require = (fact: boolean, fault: string): void => {
    if (!fact) throw new ElfError(file, header, fault);
  };
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  require(bytes.length >= 4 && magic.every((byte, i) => bytes[i] === byte), 'this is no ELF file');
  require(bytes.length >= FILE_HEADER_SIZE, `the file has only ${bytes.length} bytes`);
  require(view.getUint8(4) === 2, 'it is not 64-bit (ELF class 2)');
  require(view.getUint8(5) === 1, 'it is not little endian');
  require(view.getUint8(6) === 1, `its ELF version is ${view.getUint8(6)}, not 1`);
  const machine = view.getUint16(18, true);
  require(machine === MACHINE_RISCV, `it is for machine ${machine}, not for RISC-V (${MACHINE_RISCV})`);
  const type = view.getUint16(16, true);
  const advice = type === TYPE_SHARED ? '; link it with -static -no-pie' : '';
  require(type ===
    TYPE_EXECUTABLE, `it is no static executable (type ${type}, not ${TYPE_EXECUTABLE})${advice}`);
  require(view.getUint32(20, true) === 1, `its object version is ${view.getUint32(20, true)}, not 1`);
  const flags = view.getUint32(48, true);
  require((flags & FLAG_RVE) === 0, 'it is built for 16 registers (RVE)');
  require((flags & FLAGS_FLOAT_ABI) !== FLOAT_ABI_QUADRUPLE, 'it is built for quadruple floating point (Q)');
  const programCount = view.getUint16(56, true);
  require(programCount > 0, 'it has no program headers');
  const programHeadersSize = programCount * PROGRAM_HEADER_SIZE;
  require(programHeadersSize <=
    PROGRAM_HEADERS_BYTES_MAX, `it has too many program headers (${programCount})`);
  const entrySize = view.getUint16(54, true);
  require(entrySize === PROGRAM_HEADER_SIZE, `its program headers have ${entrySize} bytes, not 56`);
  const sectionOffset = wide(s, 40, header, 'section header offset');
  const sectionCount = sectionOffset === 0 ? 0 : view.getUint16(60, true);
  const sectionSize = view.getUint16(58, true);
  require(sectionCount === 0 ||
    sectionSize === SECTION_HEADER_SIZE, `its section headers have ${sectionSize} bytes, not 64`);
  const programOffset = wide(s, 32, header, 'program header offset');
  within(s, programOffset, programHeadersSize, header, 'the table of program headers');
  within(s, sectionOffset, sectionCount * SECTION_HEADER_SIZE, header, 'the table of section headers');
  return { entry: wide(s, 24, header, 'entry'), programOffset, programCount, sectionOffset, sectionCount };
}

function readSegments(s: Source, fileHeader: FileHeader): { segments: ElfSegment[]; headersAddress: number } {
  const { file, bytes, view } = s;
  const segments: (ElfSegment & { readonly header: string })[] = [];
  let headersAddress = 0;
  for (let index = 0; index < fileHeader.programCount; index++) {
    const at = fileHeader.programOffset + index * PROGRAM_HEADER_SIZE;
    const header = `program header ${index}`;
    const type = view.getUint32(at, true);
    if (type === segmentTypes.interpreter || type === segmentTypes.dynamic) {
      throw new ElfError(file, header, 'the program is dynamically linked; link it with -static');
    }
    if (type !== segmentTypes.load) continue;
    const flags = view.getUint32(at + 4, true);
    const offset = wide(s, at + 8, header, 'offset');
    const address = wide(s, at + 16, header, 'address');
    const fileSize = wide(s, at + 32, header, 'size in the file');
    const memorySize = wide(s, at + 40, header, 'size in memory');
    if (memorySize < fileSize) throw new ElfError(file, header, 'it is larger in the file than in memory');
    within(s, offset, fileSize, header, 'the segment');
    if (address + memorySize > USER_ADDRESS_END) {
      throw new ElfError(
        file,
        header,
        `it ends above the user's addresses (0x${USER_ADDRESS_END.toString(16)})`,
      );
    }
    if (memorySize === 0) continue;
    const headersEnd = fileHeader.programOffset + fileHeader.programCount * PROGRAM_HEADER_SIZE;
    if (fileHeader.programOffset >= offset && headersEnd <= offset + fileSize) {
      headersAddress = address + fileHeader.programOffset - offset;
    }
    segments.push({
      header,
      address,
      bytes: bytes.subarray(offset, offset + fileSize),
      memorySize,
      readable: (flags & segmentFlags.read) !== 0,
      writable: (flags & segmentFlags.write) !== 0,
      executable: (flags & segmentFlags.execute) !== 0,
    });
  }
  if (segments.length === 0) throw new ElfError(file, 'program headers', 'there is no segment to load');
  // They should be in order of address (System V ABI, "Program Header"); linker scripts leave them as they were named.
  segments.sort((a, b) => a.address - b.address);
  segments.forEach((segment, index) => {
    const before = segments[index - 1];
    if (before === undefined || before.address + before.memorySize <= segment.address) return;
    throw new ElfError(file, segment.header, `it overlaps the segment of ${before.header}`);
  });
  const { entry } = fileHeader;
  const code = segments.find((g) => g.executable && entry >= g.address && entry < g.address + g.memorySize);
  if (code === undefined || entry % 2 !== 0) {
    throw new ElfError(file, 'file header', `its entry 0x${entry.toString(16)} is in no executable segment`);
  }
  return { segments: segments.map(({ header: _, ...segment }) => segment), headersAddress };
}

interface Section {
  readonly header: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
}

function readSection(s: Source, fileHeader: FileHeader, index: number): Section {
  const header = `section header ${index}`;
  const at = fileHeader.sectionOffset + index * SECTION_HEADER_SIZE;
  const section: Section = {
    header,
    type: s.view.getUint32(at + 4, true),
    offset: wide(s, at + 24, header, 'offset'),
    size: wide(s, at + 32, header, 'size'),
    link: s.view.getUint32(at + 40, true),
    entrySize: wide(s, at + 56, header, 'entry size'),
  };
  within(s, section.offset, section.size, header, 'the section');
  return section;
}

/** The text at an offset of a string table, up to its zero byte. */
function readString(s: Source, strings: Section, offset: number, owner: string): string {
  const start = strings.offset + offset;
  const end = s.bytes.subarray(0, strings.offset + strings.size).indexOf(0, start);
  if (offset >= strings.size || end === -1) {
    throw new ElfError(s.file, owner, 'its name is not in the string table');
  }
  return new TextDecoder().decode(s.bytes.subarray(start, end));
}

function readSymbolSection(s: Source, fileHeader: FileHeader, section: Section, symbols: ElfSymbol[]): void {
  const { file, view } = s;
  if (section.entrySize !== SYMBOL_SIZE || section.size % SYMBOL_SIZE !== 0) {
    throw new ElfError(file, section.header, 'its symbols do not have 24 bytes each');
  }
  if (section.link >= fileHeader.sectionCount) {
    throw new ElfError(file, section.header, `its string table, section ${section.link}, does not exist`);
  }
  const strings = readSection(s, fileHeader, section.link);
  if (strings.type !== sectionTypes.strings) {
    throw new ElfError(file, section.header, `section ${section.link} is no string table`);
  }
  let namesLeft = strings.size * NAMES_TABLE_FACTOR + (section.size / SYMBOL_SIZE) * NAMES_SYMBOL_BYTES;
  for (let index = 0; index < section.size / SYMBOL_SIZE; index++) {
    const at = section.offset + index * SYMBOL_SIZE;
    const kind = symbolKinds[view.getUint8(at + 4) & 15];
    const isDefined = view.getUint16(at + 6, true) !== SECTION_UNDEFINED;
    if (kind === undefined || !isDefined) continue;
    const name = readString(s, strings, view.getUint32(at, true), `${section.header}, symbol ${index}`);
    namesLeft -= name.length;
    if (namesLeft < 0) {
      throw new ElfError(file, section.header, 'its names overlap so much that they are longer than can be');
    }
    const address = joinHalves(view.getUint32(at + 8, true), view.getUint32(at + 12, true));
    const size = joinHalves(view.getUint32(at + 16, true), view.getUint32(at + 20, true));
    // Constants that the linker keeps as symbols may be anything; mapping symbols ($x, $d) name nothing.
    const isAddress = address >= 0 && size >= 0 && address + size <= USER_ADDRESS_END;
    if (isAddress && name !== '' && !name.startsWith('$')) symbols.push({ name, address, size, kind });
  }
}

function readSymbols(s: Source, fileHeader: FileHeader): ElfSymbol[] {
  const symbols: ElfSymbol[] = [];
  let found: Section | null = null;
  for (let index = 0; index < fileHeader.sectionCount; index++) {
    const at = fileHeader.sectionOffset + index * SECTION_HEADER_SIZE;
    if (s.view.getUint32(at + 4, true) !== sectionTypes.symbols) continue;
    const section = readSection(s, fileHeader, index);
    // A file has at most one (System V ABI, "Sections"); more of them over the same bytes would take any time.
    if (found !== null)
      throw new ElfError(s.file, section.header, `it is a second symbol table, after ${found.header}`);
    found = section;
    readSymbolSection(s, fileHeader, section, symbols);
  }
  return symbols.sort((a, b) => a.address - b.address || (a.name < b.name ? -1 : 1));
}

/** Reads a program file; `file` is its name for errors. Throws ElfError. The result's segments are views of `bytes`. */
export function parseElf(bytes: Uint8Array, file: string): ElfProgram {
  const source: Source = {
    file,
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
  const fileHeader = readFileHeader(source);
  const { segments, headersAddress } = readSegments(source, fileHeader);
  return {
    entry: fileHeader.entry,
    segments,
    symbols: readSymbols(source, fileHeader),
    headersAddress,
    headerCount: fileHeader.programCount,
  };
}

/**
 * The symbol that an address belongs to: the last at or below it, unless it has a size and ends before the address.
 * Of several at one address a function is preferred.
 */
export function symbolAt(symbols: readonly ElfSymbol[], address: number): ElfSymbol | null {
  let found: ElfSymbol | null = null;
  for (const symbol of symbols) {
    if (symbol.address > address) break;
    if (symbol.size > 0 && address >= symbol.address + symbol.size) continue;
    if (found === null || symbol.address > found.address || symbol.kind === 'function') found = symbol;
  }
  return found;
}
