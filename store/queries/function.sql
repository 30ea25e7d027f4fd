-- In which function is every thread? The symbol with the greatest address at or below its pc (one program images).
SELECT printf('0x%x', t.address) AS thread, t.state,
  (SELECT s.name FROM symbol AS s WHERE s.address <= t.pc AND s.kind = 'function' ORDER BY s.address DESC LIMIT 1)
    AS function
FROM thread AS t ORDER BY t.address;
