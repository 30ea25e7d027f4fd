/*
 * Preflight: says in one clear line that this Node is too old, and what to do, before a newer syntax can fail.
 * Runs under any Node (so: plain syntax, no import). Called first by the npm scripts; does nothing else.
 */
const major = Number(process.versions.node.split('.')[0]);
if (!(major >= 24)) {
  process.stderr.write(
    'perdure: needs Node 24 or newer, this is ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '). Run `npm ci` without --omit=optional, which brings its own Node, or install Node 24.\n',
  );
  process.exit(69);
}
if (process.platform === 'win32') {
  process.stderr.write('perdure: Windows is not supported. Use Linux or macOS (or Linux inside Windows).\n');
  process.exit(69);
}
