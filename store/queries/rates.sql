-- Checkpoints a second, bytes a checkpoint and the longest pause, for each second that is still recorded.
SELECT strftime('%H:%M:%S', wall_ms / 1000, 'unixepoch') AS second, count(*) AS checkpoints,
  sum(byte_count) / count(*) AS bytes_each, max(pause_us) AS pause_us_max, sum(page_count) AS pages
FROM checkpoint GROUP BY wall_ms / 1000 ORDER BY wall_ms / 1000;
