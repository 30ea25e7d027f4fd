-- What does every thread do? One line a thread, addresses in hexadecimal.
SELECT printf('0x%x', address) AS thread, state, priority, coalesce(waiting_for_type, '') AS waits_for,
  coalesce(printf('0x%x', waiting_for), '') AS at, printf('0x%x', pc) AS pc, printf('0x%x', sp) AS sp, retired
FROM thread ORDER BY address;
