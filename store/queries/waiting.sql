-- Who waits for what, in the order in which they will be served?
SELECT type, printf('0x%x', address) AS at, place, printf('0x%x', thread) AS thread, entry, ticket
FROM waiter ORDER BY address, place;
