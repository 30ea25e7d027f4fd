-- Where is the memory? Pages that are not zeros, by program and kind.
SELECT slab, kind, pages, bytes, printf('0x%x', first_address) AS first, printf('0x%x', last_address) AS last
FROM page_summary ORDER BY slab, kind;
