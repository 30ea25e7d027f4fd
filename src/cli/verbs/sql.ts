/**
 * `perdure sql`: asks an image in SQL, also while a machine runs it: one query, those of standard input, a prompt on a
 * terminal, or one again and again after every commit.
 *
 * Any SQLite client can ask much of the same; this verb adds what SQL cannot do by itself (docs/database.md).
 */

import { ExitCode, usageError } from '../errors.ts';
import { bufferWriter, jsonLine, type Writer } from '../output.ts';
import { askImage } from '../sql/ask.ts';
import { toCsv } from '../sql/csv.ts';
import { splitStatements } from '../sql/statements.ts';
import { type Answer, objectsOf, writeTable } from '../table.ts';
import type { Invocation } from '../verb.ts';
import { type ImageAt, parseImageAt } from '../when.ts';

export async function run(invocation: Invocation): Promise<number> {
  const [operand, query] = invocation.operands as [string, string | undefined];
  const image = parseImageAt(operand, invocation.cwd);
  const { stdout } = invocation;
  const show = (answer: Answer, writer: Writer = stdout): void => write(invocation, answer, writer);
  if (invocation.options.watch === true) return await watch(invocation, image, query);
  if (query !== undefined) {
    show(askImage(image, query));
    return ExitCode.done;
  }
  const { stdin } = process;
  if (stdin.isTTY !== true || !stdout.isTerminal) {
    let text = '';
    for await (const chunk of stdin.setEncoding('utf8')) text += String(chunk);
    const { statements, rest } = splitStatements(text);
    for (const statement of rest === '' ? statements : [...statements, rest])
      show(askImage(image, statement));
    return ExitCode.done;
  }
  // Looked at before the prompt appears, so that a wrong image is refused at once.
  askImage(image, 'SELECT 1');
  const { historyFileOf, prompt } = await import('../sql/prompt.ts');
  await prompt({
    input: stdin,
    output: process.stdout,
    historyFile: historyFileOf(invocation.env),
    ask: (text) => askImage(image, text),
    show,
    say: (text) => invocation.stderr.write(text),
  });
  return ExitCode.done;
}

function write({ json, options }: Invocation, answer: Answer, writer: Writer): void {
  if (json) {
    writer.write(jsonLine(objectsOf(answer)));
  } else if (options.csv === true) writer.write(toCsv(answer));
  else writeTable(writer, answer);
}

async function watch(invocation: Invocation, image: ImageAt, query: string | undefined): Promise<number> {
  if (query === undefined) throw usageError('--watch needs a QUERY', 'perdure sql --watch IMAGE QUERY');
  if (image.when !== null && image.when !== 'HEAD') {
    throw usageError(`${image.name}@${image.when} never changes`, 'watch the image itself');
  }
  const { stdout } = invocation;
  let height = 0;
  const answer = (): void => {
    const buffer = bufferWriter();
    write(invocation, askImage(image, query), buffer);
    const text = buffer.text();
    // On a terminal the cursor goes back to where the last answer began, and what was there is cleared.
    if (stdout.isTerminal && height > 0) stdout.write(`\u001b[${height}A\u001b[J`);
    stdout.write(stdout.isTerminal || invocation.json ? text : `${text}\n`);
    height = text.split('\n').length - 1;
  };
  // A query that is wrong, or no image, ends it before anything is watched.
  askImage(image, query);
  const stop = new AbortController();
  const leave = (): void => stop.abort();
  process.once('SIGINT', leave);
  process.once('SIGTERM', leave);
  const { watchImage } = await import('../sql/watch.ts');
  await watchImage(image.file, { nowMs: () => performance.now(), answer, stop: stop.signal });
  process.off('SIGINT', leave);
  process.off('SIGTERM', leave);
  return ExitCode.done;
}
