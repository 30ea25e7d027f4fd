/* What the files of the kit know of each other; not for programs. */
#ifndef PERDURE_KIT_INTERNAL_H
#define PERDURE_KIT_INTERNAL_H

/* The heap ends here: PROGRAM_END, less what perdure_take_pages took; in a child, the end of its copied data. */
extern char *perdure_heap_end;

/* The C library's locks do nothing until a program has a second thread: it calls this before it makes one. */
void perdure_locks_begin(void);

/* In a child's copy of the data there is one thread again, no lock is held, and the parent's lock objects are not
   there. */
void perdure_locks_reset(void);

#endif
