/**
 * The border's state as it comes out of a file: checked before anybody believes it.
 *
 * Written by hand and not with a schema library, because every resume passes here and loading one costs more than the
 * rest of the reading. Members that it does not know are left alone. Called by whoever reads a checkpoint's border.
 */
import { DamageError } from '../../persist/store/contract.ts';
import type { BorderState } from './assemble.ts';

type Members = Readonly<Record<string, unknown>>;

function fail(what: string): never {
  throw new DamageError(`the state of the border: ${what}`);
}

function members(value: unknown, name: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`${name} is no object`);
  return value as Members;
}

function count(of: Members, name: string): void {
  if (!Number.isSafeInteger(of[name]) || (of[name] as number) < 0) fail(`${name} is no count`);
}

function text(of: Members, name: string, pattern: RegExp): void {
  const value = of[name];
  if (typeof value !== 'string' || !pattern.test(value)) fail(`${name} is not written as expected`);
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const hexBytes = /^(?:[0-9a-f]{2})*$/;
const hexNumber = /^0x[0-9a-f]{1,16}$/;

function checkEnded(ended: unknown): void {
  if (ended === null) return;
  const of = members(ended, 'ended');
  if (of.kind === 'exit') count(of, 'status');
  else if (of.kind === 'trap') {
    count(of, 'signal');
    count(of, 'code');
    text(of, 'address', hexNumber);
    text(of, 'pc', hexNumber);
  } else fail('ended has an unknown kind');
}

/** Reads the JSON text of a checkpoint. Throws DamageError. */
export function readBorder(json: string): BorderState {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    fail('it is no JSON');
  }
  const border = members(value, 'it');
  count(members(border.output, 'output'), 'taken');
  const input = members(border.input, 'input');
  count(input, 'taken');
  text(input, 'unread', base64);
  if (typeof input.ended !== 'boolean') fail('input.ended is no truth value');
  const lives = members(border.lives, 'lives');
  count(lives, 'count');
  count(lives, 'told');
  if ((lives.told as number) > (lives.count as number)) fail('more lives were told than there were');
  text(lives, 'life', hexBytes);
  count(border, 'outputOrigin');
  if (border.outputProof !== null) {
    const proof = members(border.outputProof, 'outputProof');
    count(proof, 'end');
    count(proof, 'bytes');
    if ((proof.bytes as number) > (proof.end as number)) fail('outputProof looks at more than there is');
    text(proof, 'hash', hexBytes);
  }
  if (border.inputPlace !== null) {
    const place = members(border.inputPlace, 'inputPlace');
    text(place, 'inode', /^\d{1,20}$/);
    count(place, 'offset');
    text(place, 'proof', hexBytes);
  }
  checkEnded(border.ended);
  return value as BorderState;
}
