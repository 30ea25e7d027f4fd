/* What the examples share. Each example is one function, EXAMPLE(name), that uses the entry point `name`, does something
   real with it, checks what came of it, and leaves nothing behind, so that it can be run again.

   They are the examples of docs/entries.md, which takes them from here, and the program `examples` runs them all. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <perdure.h>
#include <string.h>

#define EXAMPLE(name) void example_##name(void)

/* Must hold; else the program says which example did not hold, where, and ends. */
#define EXPECT(condition) example_expect((condition), #condition, __FILE__, __LINE__)
/* The call must succeed. */
#define OK(call) EXPECT((call) == PERDURE_SUCCESS)

void example_expect(int holds, const char *condition, const char *file, int line);

/* A word that becomes part of what the example prints: the same whenever and however often it is run. */
void example_note(uint64_t word);

/* My own thread, and a reference to my space: both are in the parent page. */
#define MY_THREAD ((perdure_thread *)PERDURE_PARENT_THREAD)
#define MY_SPACE ((perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE)

/* Waits until the thread waits for another object in a call of its own. */
void example_until_waiting(perdure_thread *thread);


/* Calls function(argument), in which an exception must happen, and returns its code. */
uint64_t example_fault_of(void (*function)(void *), void *argument);

#endif
