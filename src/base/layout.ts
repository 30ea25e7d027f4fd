/**
 * Record layouts, declared once as data: offsets, sizes, typed reading and writing.
 *
 * Invariants: little endian; every field lies at a multiple of its own size (a declaration that would need hidden
 * padding is refused, so padding is always a named `reserved` field); a record's size is a multiple of its widest
 * field. Everything that crosses the kernel's border or reaches the file is one of these. Holds no state.
 */
import { assert } from './assert.ts';

/** The scalar kinds of a field. 64-bit ones are bigints in TypeScript, the others numbers. */
export type Scalar = 'u8' | 'u16' | 'u32' | 'u64' | 'i64';
/** A field is one scalar, or `[scalar, count]` for an array of them. */
export type Field = Scalar | readonly [Scalar, number];
export type Fields = Readonly<Record<string, Field>>;

type ScalarValue<S extends Scalar> = S extends 'u64' | 'i64' ? bigint : number;
type FieldValue<F extends Field> = F extends Scalar
  ? ScalarValue<F>
  : F extends readonly [infer S extends Scalar, number]
    ? ScalarValue<S>[]
    : never;
/** The value of a record: one property a field. */
export type RecordOf<F extends Fields> = { -readonly [K in keyof F]: FieldValue<F[K]> };

export interface FieldPlace {
  readonly name: string;
  readonly scalar: Scalar;
  /** Number of elements; 0 for a plain scalar. */
  readonly count: number;
  /** Bytes from the start of the record. */
  readonly offset: number;
}

export interface Layout<F extends Fields> {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly places: readonly FieldPlace[];
  /** Byte offset of each field. */
  readonly offset: { readonly [K in keyof F]: number };
  read(view: DataView, base: number): RecordOf<F>;
  write(view: DataView, base: number, record: RecordOf<F>): void;
}

const scalarSize: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8 };

function readScalar(view: DataView, at: number, scalar: Scalar): number | bigint {
  switch (scalar) {
    case 'u8':
      return view.getUint8(at);
    case 'u16':
      return view.getUint16(at, true);
    case 'u32':
      return view.getUint32(at, true);
    case 'u64':
      return view.getBigUint64(at, true);
    case 'i64':
      return view.getBigInt64(at, true);
  }
}

function writeScalar(view: DataView, at: number, scalar: Scalar, value: number | bigint): void {
  switch (scalar) {
    case 'u8':
      view.setUint8(at, value as number);
      break;
    case 'u16':
      view.setUint16(at, value as number, true);
      break;
    case 'u32':
      view.setUint32(at, value as number, true);
      break;
    case 'u64':
      view.setBigUint64(at, value as bigint, true);
      break;
    case 'i64':
      view.setBigInt64(at, value as bigint, true);
      break;
  }
}

/** Places fields one after another and refuses a declaration that would need hidden padding. */
function place(name: string, fields: Fields): { places: FieldPlace[]; size: number } {
  const places: FieldPlace[] = [];
  let offset = 0;
  let widest = 1;
  for (const [fieldName, field] of Object.entries(fields)) {
    const scalar = typeof field === 'string' ? field : field[0];
    const count = typeof field === 'string' ? 0 : field[1];
    const size = scalarSize[scalar];
    assert(offset % size === 0, `layout ${name}: field ${fieldName} is aligned to its size`);
    places.push({ name: fieldName, scalar, count, offset });
    widest = Math.max(widest, size);
    offset += size * (typeof field === 'string' ? 1 : count);
  }
  assert(offset % widest === 0, `layout ${name}: its size is a multiple of its widest field`);
  return { places, size: offset };
}

/** Declares a record layout. Throws an InvariantError when the fields would need hidden padding. */
export function layout<const F extends Fields>(name: string, fields: F): Layout<F> {
  const { places, size } = place(name, fields);
  const offset = Object.fromEntries(places.map((p) => [p.name, p.offset]));
  return {
    name,
    size,
    places,
    offset: offset as { readonly [K in keyof F]: number },
    read(view, base) {
      const record: Record<string, unknown> = {};
      for (const p of places) {
        if (p.count === 0) record[p.name] = readScalar(view, base + p.offset, p.scalar);
        else {
          const step = scalarSize[p.scalar];
          record[p.name] = Array.from({ length: p.count }, (_, i) =>
            readScalar(view, base + p.offset + i * step, p.scalar),
          );
        }
      }
      return record as RecordOf<F>;
    },
    write(view, base, record) {
      for (const p of places) {
        const value = (record as Record<string, unknown>)[p.name];
        if (p.count === 0) writeScalar(view, base + p.offset, p.scalar, value as number | bigint);
        else {
          const elements = value as readonly (number | bigint)[];
          assert(elements.length === p.count, `layout ${name}: ${p.name} has ${p.count} elements`);
          const step = scalarSize[p.scalar];
          elements.forEach((element, i) => {
            writeScalar(view, base + p.offset + i * step, p.scalar, element);
          });
        }
      }
    },
  };
}

/** A record with every field zero, to be filled in. */
export function zeroRecord<F extends Fields>(shape: Layout<F>): RecordOf<F> {
  return shape.read(new DataView(new ArrayBuffer(shape.size)), 0);
}
