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


/* Two pages of my memory, for the examples that map, search, protect or lose pages. Zeros when an example begins. */
extern unsigned char example_pages[2 * PERDURE_PAGE_SIZE];

/* Makes a region that offers example_pages, with everything allowed, and a reference to it; and takes both away. */
void example_offer(perdure_region *region, perdure_reference *reference);
void example_withdraw(perdure_region *region, perdure_reference *reference);

/* Where nothing of a program lies: room for windows. */
#define FREE_ADDRESS 0x3e00000000ull

/* What the examples say and hear: a text to send, and room to receive one. A call that sends or receives advances `at`
   and lowers what is left. */
struct example_text {
  const void *at;
  uint64_t left;
};
struct example_room {
  void *at;
  uint64_t left;
  char bytes[32];
};
struct example_text example_say(const char *text);
void example_listen(struct example_room *room, uint64_t size);
int example_heard(const struct example_room *room, const char *text);

/* A server with one port and a reference to it; it stays closed until somebody receives. */
struct example_server {
  struct perdure_server server;
  perdure_reference port;
};
void example_open(struct example_server *server, uint64_t alias);
void example_close(struct example_server *server);

/* Serves, in a worker: answers each message with the same in capital letters, until its port set is closed. */
void *example_shout(void *server);

/* Calls function(argument), in which an exception must happen, and returns its code. */
uint64_t example_fault_of(void (*function)(void *), void *argument);

#endif
