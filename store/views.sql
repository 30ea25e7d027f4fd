-- The image format of Perdure, version 4: views for reading. Plain SQL for any SQLite client from 3.38 on.
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

-- Threads: what they do, in which function, what they wait for, their counters, and all their registers. `ticket` is the
-- order among those that wait for the same thing, `deadline` the tick at which a sleeper wakes, `entry` the number in a7:
-- the call that a waiting thread is in (docs/entries.md). `program` is the slab that the thread lies in; `function` the
-- program's symbol at or before pc, NULL when the thread runs other code than that program's.
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
  s.address AS space, o.address >> 34 AS program,
  (SELECT f.name FROM symbol AS f
    WHERE f.program = o.address >> 34 AND f.address <= o.state ->> 'pc' AND f.kind = 'function'
    ORDER BY f.address DESC LIMIT 1) AS function,
  o.state ->> 'priority' AS priority, o.state ->> 'turn' AS turn,
  o.state ->> 'quantumLeft' AS quantum_left, o.state ->> 'ticket' AS ticket,
  o.state ->> 'deadline' AS deadline, o.state ->> 'flags' AS flags,
  o.state ->> 'faultCode' AS fault_code, o.state ->> 'faultAddress' AS fault_address,
  -- Counters: instructions, calls of the kernel, exceptions, page faults that a keeper answered, calls that were
  -- cancelled, bytes that calls copied.
  o.state ->> 'retired' AS retired, o.state ->> 'entryCount' AS entry_count,
  o.state ->> 'exceptionCount' AS exception_count, o.state ->> 'pageFaultCount' AS page_fault_count,
  o.state ->> 'cancelCount' AS cancel_count, o.state ->> 'copiedBytes' AS copied_bytes,
  o.state ->> 'threadAddress' AS thread_address,
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

-- How many threads wait for what.
CREATE VIEW waiter_count AS
SELECT address, type, count(*) AS waiters FROM waiter GROUP BY address, type;

-- Address spaces, with the number of their threads and mappings; the keeper is the port that is told of faults.
CREATE VIEW space AS
SELECT o.address, o.serial, o.generation, o.address >> 34 AS program,
  k.address AS keeper, o.links ->> '$.keeper.name' AS keeper_name,
  coalesce(t.threads, 0) AS threads, coalesce(m.mappings, 0) AS mappings
FROM object AS o
LEFT JOIN object AS k ON k.address = o.links ->> '$.keeper.address' AND k.serial = o.links ->> '$.keeper.serial'
LEFT JOIN (
  SELECT CAST(links ->> '$.space.address' AS INTEGER) AS space, CAST(links ->> '$.space.serial' AS INTEGER) AS serial, count(*) AS threads
  FROM object WHERE type = 'thread' GROUP BY 1, 2
) AS t ON t.space = o.address AND t.serial = o.serial
LEFT JOIN (
  SELECT CAST(links ->> '$.space.address' AS INTEGER) AS space, CAST(links ->> '$.space.serial' AS INTEGER) AS serial, count(*) AS mappings
  FROM object WHERE type = 'mapping' GROUP BY 1, 2
) AS m ON m.space = o.address AND m.serial = o.serial
WHERE o.type = 'space';

-- Ports, the port set that serves each, and the number of clients that wait at it. `alias` is the server's word for it.
CREATE VIEW port AS
SELECT o.address, o.serial, o.generation, o.state ->> 'alias' AS alias, p.address AS portset,
  coalesce(w.waiters, 0) AS waiters
FROM object AS o
LEFT JOIN object AS p ON p.address = o.links ->> '$.portset.address' AND p.serial = o.links ->> '$.portset.serial'
LEFT JOIN waiter_count AS w ON w.address = o.address
WHERE o.type = 'port';

-- Port sets, with the number of their ports and of the servers that wait in them.
CREATE VIEW portset AS
SELECT o.address, o.serial, o.generation, coalesce(p.ports, 0) AS ports, coalesce(w.waiters, 0) AS waiters
FROM object AS o
LEFT JOIN (
  SELECT CAST(links ->> '$.portset.address' AS INTEGER) AS portset, CAST(links ->> '$.portset.serial' AS INTEGER) AS serial, count(*) AS ports
  FROM object WHERE type = 'port' GROUP BY 1, 2
) AS p ON p.portset = o.address AND p.serial = o.serial
LEFT JOIN waiter_count AS w ON w.address = o.address
WHERE o.type = 'portset';

-- Mutexes: locked or not, by which thread, and how many wait.
CREATE VIEW mutex AS
SELECT o.address, o.serial, o.generation, o.state ->> 'locked' AS locked, t.address AS owner,
  coalesce(w.waiters, 0) AS waiters
FROM object AS o
LEFT JOIN object AS t ON t.address = o.links ->> '$.owner.address' AND t.serial = o.links ->> '$.owner.serial'
LEFT JOIN waiter_count AS w ON w.address = o.address
WHERE o.type = 'mutex';

-- Condition variables, and how many wait.
CREATE VIEW cond AS
SELECT o.address, o.serial, o.generation, coalesce(w.waiters, 0) AS waiters
FROM object AS o LEFT JOIN waiter_count AS w ON w.address = o.address
WHERE o.type = 'cond';

-- Mappings: a window of `size` bytes at `start_address` of `space` onto `region_offset` of `region`. `region_name` is
-- 'segment' where a program's own memory is mapped: then the offset is an address of the store segment.
-- Protection: 1 read, 2 write, 4 execute.
CREATE VIEW mapping AS
SELECT o.address, o.serial, o.generation, s.address AS space,
  o.state ->> 'startAddress' AS start_address, o.state ->> 'size' AS size,
  r.address AS region, o.links ->> '$.region.name' AS region_name,
  o.state ->> 'regionOffset' AS region_offset, o.state ->> 'protection' AS protection
FROM object AS o
LEFT JOIN object AS s ON s.address = o.links ->> '$.space.address' AND s.serial = o.links ->> '$.space.serial'
LEFT JOIN object AS r ON r.address = o.links ->> '$.region.address' AND r.serial = o.links ->> '$.region.serial'
WHERE o.type = 'mapping';

-- Regions: `size` bytes at `start_address` of `space`, offered to others.
CREATE VIEW region AS
SELECT o.address, o.serial, o.generation, s.address AS space,
  o.state ->> 'startAddress' AS start_address, o.state ->> 'size' AS size,
  o.state ->> 'protection' AS protection, k.address AS keeper
FROM object AS o
LEFT JOIN object AS s ON s.address = o.links ->> '$.space.address' AND s.serial = o.links ->> '$.space.serial'
LEFT JOIN object AS k ON k.address = o.links ->> '$.keeper.address' AND k.serial = o.links ->> '$.keeper.serial'
WHERE o.type = 'region';

-- References and what they point at.
CREATE VIEW reference AS
SELECT o.address, o.serial, o.generation, t.address AS target, t.type AS target_type,
  o.links ->> '$.target.name' AS external
FROM object AS o
LEFT JOIN object AS t ON t.address = o.links ->> '$.target.address' AND t.serial = o.links ->> '$.target.serial'
WHERE o.type = 'reference';

-- The memory map of every space: what is mapped where, with which rights, and what is behind it.
CREATE VIEW memory_map AS
SELECT m.space, m.start_address, m.start_address + m.size - 1 AS end_address,
  CASE WHEN m.protection & 1 THEN 'r' ELSE '-' END || CASE WHEN m.protection & 2 THEN 'w' ELSE '-' END ||
    CASE WHEN m.protection & 4 THEN 'x' ELSE '-' END AS rights,
  coalesce(m.region_name, 'region') AS behind, m.region, r.space AS region_space,
  CASE WHEN m.region_name IS NULL THEN r.start_address + m.region_offset ELSE m.region_offset END AS behind_address,
  m.address AS mapping
FROM mapping AS m LEFT JOIN region AS r ON r.address = m.region
WHERE m.space IS NOT NULL
ORDER BY m.space, m.start_address;

-- Every stretch of the store segment that a space sees: through its mappings, the regions behind them, the mappings of
-- their spaces, and so on (at most 64 deep). Rights are those that all of them leave.
CREATE VIEW memory_window AS
WITH RECURSIVE step AS MATERIALIZED (
  SELECT m.address AS mapping, m.space, m.start_address AS start, m.size,
    CASE WHEN m.region_name IS NULL THEN r.space END AS next_space,
    CASE WHEN m.region_name IS NULL THEN r.start_address + m.region_offset ELSE m.region_offset END AS next_start,
    m.protection & coalesce(r.protection, 7) AS protection
  FROM mapping AS m LEFT JOIN region AS r ON r.address = m.region
  WHERE m.space IS NOT NULL AND m.size > 0 AND (m.region_name IS NOT NULL OR r.space IS NOT NULL)
), walk(space, mapping, start, size, next_space, next_start, protection, depth) AS (
  SELECT space, mapping, start, size, next_space, next_start, protection, 1 FROM step
  UNION ALL
  SELECT w.space, w.mapping, w.start + max(s.start - w.next_start, 0),
    min(s.start + s.size, w.next_start + w.size) - max(s.start, w.next_start),
    s.next_space, s.next_start + max(w.next_start - s.start, 0), w.protection & s.protection, w.depth + 1
  FROM walk AS w JOIN step AS s ON s.space = w.next_space
    AND s.start < w.next_start + w.size AND s.start + s.size > w.next_start
  WHERE w.depth < 64
)
SELECT space, start AS start_address, size, next_start AS segment_address, protection, mapping, depth
FROM walk WHERE next_space IS NULL;

-- Rights: which space can reach which object. `via` is the step before: the mapping through which the object lies in the
-- space's memory, the reference that points at it, or the region in whose memory it lies. To see a whole chain, look
-- for `via` as the object of another row of the same space. What others may send it in messages is not counted.
CREATE VIEW rights AS
WITH RECURSIVE seen AS MATERIALIZED (SELECT * FROM memory_window),
part AS MATERIALIZED (
  -- Stretches of the segment that a region offers.
  SELECT r.address AS region, w.segment_address + max(r.start_address - w.start_address, 0) AS segment_address,
    min(r.start_address + r.size, w.start_address + w.size) - max(r.start_address, w.start_address) AS size
  FROM region AS r JOIN seen AS w ON w.space = r.space
    AND w.start_address < r.start_address + r.size AND w.start_address + w.size > r.start_address
), reach(space, object, type, how, via) AS (
  SELECT w.space, o.address, o.type, 'memory', w.mapping
  FROM seen AS w JOIN object AS o
    ON o.address >= w.segment_address AND o.address < w.segment_address + w.size
  UNION
  SELECT r.space, t.address, t.type, 'reference', r.object
  FROM reach AS r JOIN object AS f ON f.address = r.object AND r.type = 'reference'
    JOIN object AS t ON t.address = f.links ->> '$.target.address' AND t.serial = f.links ->> '$.target.serial'
  UNION
  SELECT r.space, o.address, o.type, 'region', r.object
  FROM reach AS r JOIN part AS p ON p.region = r.object AND r.type = 'region' AND r.how = 'reference'
    JOIN object AS o ON o.address >= p.segment_address AND o.address < p.segment_address + p.size
)
SELECT space, object, type, how, via FROM reach;

-- How many objects of each type there are.
CREATE VIEW object_summary AS
SELECT type, count(*) AS objects, max(generation) AS newest_generation FROM object GROUP BY type;

-- The newest checkpoints first, with times that people read and the names that they gave.
CREATE VIEW checkpoint_recent AS
SELECT generation, tick, tick / 4 AS guest_ns,
  strftime('%Y-%m-%dT%H:%M:%f', wall_ms / 1000.0, 'unixepoch') || 'Z' AS wall_time,
  pause_us, page_count, object_count, byte_count,
  (SELECT group_concat(name, ', ') FROM (SELECT name FROM tag WHERE tag.generation = checkpoint.generation ORDER BY name)) AS tag,
  clean, lower(hex(hash)) AS hash
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

-- What pages contain: owner, place, and the 4096 bytes.
CREATE VIEW page_content AS
SELECT p.number, q.slab, q.kind, q.address, p.content
FROM page AS p JOIN page_place AS q ON q.number = p.number;

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

-- Output that is committed and not certain to have left, as text.
CREATE VIEW output_text AS
SELECT sink, "offset", generation, length(bytes) AS bytes, CAST(bytes AS TEXT) AS data FROM output;

-- Programs and their functions and variables.
CREATE VIEW program_symbol AS
SELECT p.name AS program, s.program AS slab, s.name, s.kind, s.address, s.size
FROM symbol AS s JOIN program AS p ON p.id = s.program;

-- What a restart would find.
CREATE VIEW state AS
SELECT coalesce((SELECT max(generation) FROM record), 0) AS generation, h.pages_folded, h.objects_folded, h.object_count AS objects,
  (SELECT count(*) FROM page) AS pages, (SELECT count(*) FROM record) AS records, h.closed,
  (SELECT pid FROM life ORDER BY id DESC LIMIT 1) AS newest_pid,
  (SELECT value FROM image WHERE key = 'id') AS image
FROM head AS h;
