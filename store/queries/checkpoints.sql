-- The last twenty checkpoints: when, how long the machine stood still, how much was written.
SELECT generation, wall_time, guest_ns / 1000000 AS guest_ms, pause_us, page_count, object_count, byte_count
FROM checkpoint_recent LIMIT 20;
