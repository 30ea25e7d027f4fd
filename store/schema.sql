-- The image format of Perdure, version 4: tables.
--
-- An image is one SQLite file that holds a machine which can go on after its host process was killed at any moment.
-- Read it with any SQLite client, for example `sqlite3 -readonly IMAGE 'SELECT * FROM thread'`; the views that make it
-- readable are in views.sql. Never write into it: every row that a restart reads is covered by hashes, and a changed
-- one is reported as damage.
--
-- Words. A *generation* is the number of a checkpoint. A *page* is 4096 bytes of the store segment, the address space
-- that all memory of the machine is mapped from; page n begins at address n * 4096. An *object* is one of the kernel's
-- nine types; it lies at an address of the segment and has a serial number that is never used again.
--
-- How a checkpoint gets in. A commit inserts one packed `record` (everything that changed); the newest one, at most a second
-- newer than `head`, is the state. Later,
-- in the background, records are *folded*: objects, checkpoints, journal and output into their tables within a second,
-- pages into `page` when some megabytes have come together or the machine is idle or stops. So `page` and `map` show
-- generation head.pages_folded, the other tables head.objects_folded; after a clean stop both are the newest.
--
-- 64-bit words are SIGNED integers: an unsigned word above 2^63 - 1 shows as a negative number. Hexadecimal:
-- printf('%x', word).

-- Facts about the image as a whole: 'id' (hex, made at creation), 'created' (ms since 1970), 'keep' (the ladder of
-- history, as --keep takes it; absent: the default), 'forked' (JSON: image and generation it was forked from).
CREATE TABLE image (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The one row that authenticates everything a restart reads: the tables, and where the chain of records goes on from.
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- Newest committed generation when the row was written; 0 before the first. It is written when something is folded or history
  -- changes, at the first commit of a life and at a clean stop. The newest of all: SELECT max(generation) FROM record.
  generation INTEGER NOT NULL,
  -- SHA-256 of the record of that generation.
  record_hash BLOB NOT NULL,
  -- `page` and `map` show this generation (single pages may be newer: see the generation in the map).
  pages_folded INTEGER NOT NULL,
  -- `object`, `output`, `checkpoint`, `journal` show this generation.
  objects_folded INTEGER NOT NULL,
  -- The map's root: generation of its last change, and 16 bytes of hash; see `map`.
  map_generation INTEGER NOT NULL,
  map_hash BLOB NOT NULL,
  -- Number of rows of `object`, and the sum of their hashes modulo 2^128, little endian.
  object_count INTEGER NOT NULL,
  object_sum BLOB NOT NULL,
  -- The same for `object_block`.
  object_block_count INTEGER NOT NULL,
  object_block_sum BLOB NOT NULL,
  -- The same for `output`.
  output_count INTEGER NOT NULL,
  output_sum BLOB NOT NULL,
  -- SHA-256 over `program` and `symbol`.
  program_hash BLOB NOT NULL,
  -- History. Kept generations from history_floor on can be read. Rows of `record` up to history_through, and all rows of
  -- `reverse`, are counted here, with the sum of their hashes modulo 2^128; newer records are proved by their chain.
  history_floor INTEGER NOT NULL,
  history_through INTEGER NOT NULL,
  history_count INTEGER NOT NULL,
  history_sum BLOB NOT NULL,
  -- 1 when the last owner closed the image: everything is folded, no log and no side file belong to it.
  closed INTEGER NOT NULL,
  -- SHA-256 over the image's id and all the columns above.
  authentication BLOB NOT NULL
) STRICT;

-- One packed record for each kept generation, with everything that changed since the kept one before it. docs/format.md
-- has the layout. Records that are not folded, and the newest, make up the head. A record contains its parent's hash, so
-- the chain back from the newest, whose hash is in its row, proves each of them and meets head.record_hash, until history is
-- thinned: then `hash` and the head's sum do.
CREATE TABLE record (
  generation INTEGER PRIMARY KEY,
  -- The record holds what changed in generations since + 1 to `generation`; more than one when history was thinned.
  since INTEGER NOT NULL,
  -- SHA-256 of the body.
  hash BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- What folding overwrote, for reading older generations: a packed record whose pages and objects lead back. The first time in
-- an epoch that a page or object is folded, its content before that is put here. Rows with a higher id are undone first.
CREATE TABLE reverse (
  id INTEGER PRIMARY KEY,
  -- Generation at which the epoch of this row began: rows of earlier epochs are not needed from there on.
  epoch INTEGER NOT NULL,
  -- Records newer than this lead from the content in this row to later generations.
  base INTEGER NOT NULL,
  -- SHA-256 of the body.
  hash BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- One row for each kept generation, and for the newest thousand.
CREATE TABLE checkpoint (
  generation INTEGER PRIMARY KEY,
  -- The generation that it went on from; differs from generation - 1 only for a restore.
  parent INTEGER NOT NULL,
  -- Guest time: ticks (4 ticks are a nanosecond), and the host's wall clock in ms since 1970, at the demarcation.
  tick INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  -- How long the machine stood still for it, microseconds of host time.
  pause_us INTEGER NOT NULL,
  page_count INTEGER NOT NULL,
  object_count INTEGER NOT NULL,
  -- Bytes of the packed record.
  byte_count INTEGER NOT NULL,
  -- 1 for the last checkpoint of a clean stop.
  clean INTEGER NOT NULL,
  -- SHA-256 of the packed record.
  hash BLOB NOT NULL,
  -- Of the kernel record: counters of the next ticket, turn and serial; wall clock (ns) at tick 0. Its generator, and the state
  -- of the border tasks, are in the record alone: as columns they would be half of what a checkpoint's row writes.
  next_ticket INTEGER NOT NULL,
  next_turn INTEGER NOT NULL,
  next_serial INTEGER NOT NULL,
  wall_base INTEGER NOT NULL
) STRICT;

-- Names that a person gave to generations (`perdure tag`). A tagged generation is kept whatever the ladder and its size say.
-- The one table that others write than the machine that runs; no restart reads it.
CREATE TABLE tag (
  name TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  -- Milliseconds since 1970.
  created_ms INTEGER NOT NULL,
  message TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Pages that are not all zeros. `pad` only fills the row's own part, so that `content` lies in one overflow page and a
-- change of content rewrites that page alone. The page's generation and hash are in `map`.
CREATE TABLE page (
  number INTEGER PRIMARY KEY,
  pad BLOB NOT NULL,
  content BLOB NOT NULL
) STRICT;

-- The map: a tree of hashes over the pages, 256 children a block, 24 bytes a child: generation (8 bytes, little endian)
-- and 16 bytes of SHA-256. Level 0 blocks describe pages (block = page number / 256), level n + 1 blocks describe level
-- n blocks; the root is block 0 of level 3. A child of 24 zero bytes is absent: its pages are zeros. A block without a
-- present child has no row.
CREATE TABLE map (
  -- level * 2^32 + block
  id INTEGER PRIMARY KEY,
  entries BLOB NOT NULL
) STRICT;

-- Kernel objects by address. `state` is a JSON object with the fields of the type (docs/format.md); `links` a JSON object
-- with null, {"address", "serial"} or {"name"} for each link. A link whose serial is not that of the object at its
-- address is null: its target was destroyed. `generation` is the one that changed the object last.
CREATE TABLE object (
  address INTEGER PRIMARY KEY,
  serial INTEGER NOT NULL,
  type TEXT NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (json_valid(state)),
  links TEXT NOT NULL CHECK (json_valid(links)),
  hash BLOB NOT NULL
) STRICT;

-- The same objects once more, packed, for a restart: it reads these and not the rows above, which are for people. Block n has the
-- objects at addresses 512 n to 512 n + 511, in the order of addresses; docs/format.md has the layout. Each of the two tables
-- stands in for the other when that is damaged; `perdure check` compares them.
CREATE TABLE object_block (
  id INTEGER PRIMARY KEY,
  content BLOB NOT NULL,
  -- First 16 bytes of the content's SHA-256.
  hash BLOB NOT NULL
) STRICT;

-- Programs that were loaded, with the file they came from and their symbols.
CREATE TABLE program (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  hash BLOB NOT NULL,
  elf BLOB NOT NULL,
  arguments TEXT NOT NULL CHECK (json_valid(arguments))
) STRICT;

CREATE TABLE symbol (
  program INTEGER NOT NULL REFERENCES program (id),
  -- Order in the file.
  sequence INTEGER NOT NULL,
  name TEXT NOT NULL,
  address INTEGER NOT NULL,
  size INTEGER NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (program, sequence)
) STRICT, WITHOUT ROWID;

-- In which function is this address?
CREATE INDEX symbol_address ON symbol (program, address);

-- What came in from outside, at the demarcation of its generation, in order: 'input', 'clock', 'seed', 'wall', 'resume'.
CREATE TABLE journal (
  generation INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  kind TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (generation, sequence)
) STRICT, WITHOUT ROWID;

-- Output that is committed but not certain to have reached its sink. `offset` counts the sink's bytes from its start.
CREATE TABLE output (
  sink TEXT NOT NULL,
  offset INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (sink, offset)
) STRICT, WITHOUT ROWID;

-- One row for each run of a host process over this image.
CREATE TABLE life (
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  -- Milliseconds since 1970.
  started INTEGER NOT NULL,
  -- Newest generation when it began.
  generation INTEGER NOT NULL
) STRICT;
