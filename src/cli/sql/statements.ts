/**
 * Where one statement of SQL ends and the next begins: at a `;` outside quotes and comments.
 *
 * Pure. Used by the prompt, which asks on until a statement is whole, and for what comes from standard input.
 */

/** Whole statements without their `;`, and what is left over (white space and comments alone are nothing). */
export function splitStatements(text: string): {
  readonly statements: readonly string[];
  readonly rest: string;
} {
  const statements: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; ) {
    const end = skip(text, at);
    if (text[at] === ';') {
      const statement = text.slice(start, at);
      if (!isNothing(statement)) statements.push(statement.trim());
      start = end;
    }
    at = end;
  }
  const rest = text.slice(start);
  return { statements, rest: isNothing(rest) ? '' : rest };
}

const closings: Readonly<Record<string, string>> = {
  "'": "'",
  '"': '"',
  '`': '`',
  '[': ']',
  '--': '\n',
  '/*': '*/',
};

/** The index behind the quoted text, comment or character that begins at `at`. */
function skip(text: string, at: number): number {
  const opening = [text.slice(at, at + 2), text.charAt(at)].find((word) => closings[word] !== undefined);
  if (opening === undefined) return at + 1;
  const closing = closings[opening] as string;
  const found = text.indexOf(closing, at + opening.length);
  return found < 0 ? text.length : found + closing.length;
}

function isNothing(text: string): boolean {
  return text.replaceAll(/--[^\n]*(\n|$)|\/\*[\s\S]*?(\*\/|$)/g, '').trim() === '';
}
