-- The image format of Perdure, version 3: views for reading. Plain SQL for any SQLite client from 3.38 on.
--
-- They show the tables as schema.sql describes them: objects and checkpoints at most a second old while a machine runs,
-- pages at most one fold old, everything exact after a clean stop. 64-bit words are signed; printf('%x', pc) shows hex.

-- Where every link of every object leads. `to_address` is null when the link is null or its target was destroyed;
-- `external` is the name of something outside the image.
CREATE VIEW link AS
SELECT o.address, o.type, l.key AS name, t.address AS to_address, t.type AS to_type,
  l.value ->> 'name' AS external
FROM object AS o, json_each(o.links) AS l
LEFT JOIN object AS t
  ON t.address = l.value ->> 'address' AND t.serial = l.value ->> 'serial';

-- Threads: what they do, what they wait for, and all their registers. `ticket` is the order among those that wait for
-- the same thing, `deadline` the tick at which a sleeper wakes. `entry` is the number in a7: the call that a waiting
-- thread is in.
CREATE VIEW thread AS
SELECT o.address, o.serial, o.generation,
  CASE
    WHEN (o.state ->> 'flags') & 1 THEN 'stopped'
    WHEN (o.state ->> 'flags') & 16 THEN 'faulting'
    WHEN w.address IS NOT NULL OR o.links ->> '$.waitingFor.name' IS NOT NULL THEN 'waiting'
    WHEN o.state ->> 'deadline' <> 0 THEN 'sleeping'
    ELSE 'runnable'
  END AS state,
  w.address AS waiting_for,
  coalesce(w.type, o.links ->> '$.waitingFor.name') AS waiting_for_type,
  s.address AS space,
  o.state ->> 'priority' AS priority, o.state ->> 'turn' AS turn,
  o.state ->> 'quantumLeft' AS quantum_left, o.state ->> 'ticket' AS ticket,
  o.state ->> 'deadline' AS deadline, o.state ->> 'flags' AS flags,
  o.state ->> 'faultCode' AS fault_code, o.state ->> 'faultAddress' AS fault_address,
  o.state ->> 'retired' AS retired, o.state ->> 'threadAddress' AS thread_address,
  o.state ->> '$.x[17]' AS entry,
  o.state ->> 'pc' AS pc,
  o.state ->> '$.x[1]' AS ra, o.state ->> '$.x[2]' AS sp, o.state ->> '$.x[3]' AS gp, o.state ->> '$.x[4]' AS tp,
  o.state ->> '$.x[5]' AS t0, o.state ->> '$.x[6]' AS t1, o.state ->> '$.x[7]' AS t2,
  o.state ->> '$.x[8]' AS s0, o.state ->> '$.x[9]' AS s1,
  o.state ->> '$.x[10]' AS a0, o.state ->> '$.x[11]' AS a1, o.state ->> '$.x[12]' AS a2, o.state ->> '$.x[13]' AS a3,
  o.state ->> '$.x[14]' AS a4, o.state ->> '$.x[15]' AS a5, o.state ->> '$.x[16]' AS a6, o.state ->> '$.x[17]' AS a7,
  o.state ->> '$.x[18]' AS s2, o.state ->> '$.x[19]' AS s3, o.state ->> '$.x[20]' AS s4, o.state ->> '$.x[21]' AS s5,
  o.state ->> '$.x[22]' AS s6, o.state ->> '$.x[23]' AS s7, o.state ->> '$.x[24]' AS s8, o.state ->> '$.x[25]' AS s9,
  o.state ->> '$.x[26]' AS s10, o.state ->> '$.x[27]' AS s11,
  o.state ->> '$.x[28]' AS t3, o.state ->> '$.x[29]' AS t4, o.state ->> '$.x[30]' AS t5, o.state ->> '$.x[31]' AS t6,
  o.state ->> 'fcsr' AS fcsr,
  -- Floating-point registers f0 to f31 as a JSON array of their bits.
  o.state -> 'f' AS f
FROM object AS o
LEFT JOIN object AS w
  ON w.address = o.links ->> '$.waitingFor.address' AND w.serial = o.links ->> '$.waitingFor.serial'
LEFT JOIN object AS s
  ON s.address = o.links ->> '$.space.address' AND s.serial = o.links ->> '$.space.serial'
WHERE o.type = 'thread';

-- Who waits for what, in the order in which they will be served.
CREATE VIEW waiter AS
SELECT waiting_for AS address, waiting_for_type AS type,
  row_number() OVER (PARTITION BY waiting_for ORDER BY ticket) AS place,
  address AS thread, ticket, entry
FROM thread WHERE state = 'waiting' AND waiting_for IS NOT NULL;

-- Address spaces, with the number of their threads and mappings.
CREATE VIEW space AS
SELECT o.address, o.serial, o.generation,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'keeper') AS keeper,
  (SELECT count(*) FROM object AS t WHERE t.type = 'thread'
    AND t.links ->> '$.space.address' = o.address AND t.links ->> '$.space.serial' = o.serial) AS threads,
  (SELECT count(*) FROM object AS m WHERE m.type = 'mapping'
    AND m.links ->> '$.space.address' = o.address AND m.links ->> '$.space.serial' = o.serial) AS mappings
FROM object AS o WHERE o.type = 'space';

-- Ports, the port set that serves each, and the number of clients that wait at it.
CREATE VIEW port AS
SELECT o.address, o.serial, o.generation, o.state ->> 'alias' AS alias,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'portset') AS portset,
  (SELECT count(*) FROM waiter AS w WHERE w.address = o.address) AS waiters
FROM object AS o WHERE o.type = 'port';

-- Port sets, with the number of their ports and of the servers that wait in them.
CREATE VIEW portset AS
SELECT o.address, o.serial, o.generation,
  (SELECT count(*) FROM object AS p WHERE p.type = 'port'
    AND p.links ->> '$.portset.address' = o.address AND p.links ->> '$.portset.serial' = o.serial) AS ports,
  (SELECT count(*) FROM waiter AS w WHERE w.address = o.address) AS waiters
FROM object AS o WHERE o.type = 'portset';

-- Mutexes: locked or not, by which thread, and how many wait.
CREATE VIEW mutex AS
SELECT o.address, o.serial, o.generation, o.state ->> 'locked' AS locked,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'owner') AS owner,
  (SELECT count(*) FROM waiter AS w WHERE w.address = o.address) AS waiters
FROM object AS o WHERE o.type = 'mutex';

-- Condition variables, and how many wait.
CREATE VIEW cond AS
SELECT o.address, o.serial, o.generation,
  (SELECT count(*) FROM waiter AS w WHERE w.address = o.address) AS waiters
FROM object AS o WHERE o.type = 'cond';

-- Mappings: a window of `size` bytes at `start_address` of `space` onto `region_offset` of `region`.
-- Protection: 1 read, 2 write, 4 execute.
CREATE VIEW mapping AS
SELECT o.address, o.serial, o.generation,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'space') AS space,
  o.state ->> 'startAddress' AS start_address, o.state ->> 'size' AS size,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'region') AS region,
  (SELECT external FROM link WHERE address = o.address AND name = 'region') AS region_name,
  o.state ->> 'regionOffset' AS region_offset, o.state ->> 'protection' AS protection
FROM object AS o WHERE o.type = 'mapping';

-- Regions: `size` bytes at `start_address` of `space`, offered to others.
CREATE VIEW region AS
SELECT o.address, o.serial, o.generation,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'space') AS space,
  o.state ->> 'startAddress' AS start_address, o.state ->> 'size' AS size,
  o.state ->> 'protection' AS protection,
  (SELECT to_address FROM link WHERE address = o.address AND name = 'keeper') AS keeper
FROM object AS o WHERE o.type = 'region';

-- References and what they point at.
CREATE VIEW reference AS
SELECT o.address, o.serial, o.generation, l.to_address AS target, l.to_type AS target_type, l.external
FROM object AS o JOIN link AS l ON l.address = o.address AND l.name = 'target'
WHERE o.type = 'reference';

-- How many objects of each type there are.
CREATE VIEW object_summary AS
SELECT type, count(*) AS objects, max(generation) AS newest_generation FROM object GROUP BY type;

-- The newest checkpoints first, with times that people read.
CREATE VIEW checkpoint_recent AS
SELECT generation, tick, tick / 4 AS guest_ns,
  strftime('%Y-%m-%dT%H:%M:%f', wall_ms / 1000.0, 'unixepoch') || 'Z' AS wall_time,
  pause_us, page_count, object_count, byte_count, tag, clean, lower(hex(hash)) AS hash
FROM checkpoint ORDER BY generation DESC;

-- Pages with the place they have in the memory of their program. Slab k holds what parent page, stack and memory of the
-- k-th program are mapped from. `address` is where the program sees the page.
CREATE VIEW page_place AS
SELECT number, number >> 22 AS slab,
  CASE
    WHEN number >> 22 = 0 THEN 'server'
    WHEN number & 0x3fffff = 0 THEN 'parent page'
    WHEN number & 0x3fffff < 0x800 THEN 'other'
    WHEN number & 0x3fffff < 0x1000 THEN 'stack'
    ELSE 'memory'
  END AS kind,
  CASE
    WHEN number >> 22 = 0 THEN NULL
    WHEN number & 0x3fffff = 0 THEN 0x3ff0000000
    WHEN number & 0x3fffff < 0x800 THEN NULL
    WHEN number & 0x3fffff < 0x1000 THEN 0x3f00000000 - (0x1000 - (number & 0x3fffff)) * 4096
    ELSE ((number & 0x3fffff) - 0x1000) * 4096
  END AS address
FROM page;

-- Memory that is not zeros, by program.
CREATE VIEW page_summary AS
SELECT slab, kind, count(*) AS pages, count(*) * 4096 AS bytes, min(address) AS first_address,
  max(address) + 4095 AS last_address
FROM page_place GROUP BY slab, kind;

-- Programs with the size of their files, without the files.
CREATE VIEW program_summary AS
SELECT p.id, p.name, p.arguments, length(p.elf) AS elf_bytes, lower(hex(p.hash)) AS hash,
  (SELECT count(*) FROM symbol AS s WHERE s.program = p.id) AS symbols
FROM program AS p;

-- The journal as text where it is text.
CREATE VIEW journal_text AS
SELECT generation, sequence, kind, length(data) AS bytes,
  CASE WHEN kind = 'input' THEN CAST(data AS TEXT) ELSE lower(hex(data)) END AS data
FROM journal;

-- What a restart would find.
CREATE VIEW state AS
SELECT coalesce((SELECT max(generation) FROM record), 0) AS generation, h.pages_folded, h.objects_folded, h.object_count AS objects,
  (SELECT count(*) FROM page) AS pages, (SELECT count(*) FROM record) AS records, h.closed,
  (SELECT pid FROM life ORDER BY id DESC LIMIT 1) AS newest_pid,
  (SELECT value FROM image WHERE key = 'id') AS image
FROM head AS h;
