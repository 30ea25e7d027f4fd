/* The C library of Perdure beyond picolibc: threads, locks, sleeping, children in spaces of their own, services.

   Thin: each function is a few entry points in a row, and whoever needs more calls those (perdure/entries.h).
   Kernel objects belong to the addresses of their places; a place must lie in writable memory, is never copied, and is
   made by a create call before use. Functions that return perdure_outcome return PERDURE_SUCCESS or say why not. */
#ifndef PERDURE_H
#define PERDURE_H

#include <perdure/entries.h>
#include <perdure/handlers.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- time (also in bare mode, where sleeping does nothing) ---- */

/* Nanoseconds on the machine's monotonic clock. It goes on over the death of the host. */
uint64_t perdure_now_ns(void);

/* Sleeps for at least this long; the deadline is in the thread's registers, so a resumed sleeper sleeps the rest. */
void perdure_sleep_ns(uint64_t duration_ns);

/* ---- lives ---- */

/* Which life of the machine this is: how it began (PERDURE_LIFE_CREATED, _RESUMED, _RESTORED, _FORKED), its number, an id
   that no other life has, and both clocks at its beginning. Cheap enough to ask before every answer to the world.
   After a resume nothing that anybody outside has seen is undone. In a restored or forked life it may be: what this
   program remembers having promised, it must look up again, and names it gave away are to be made new from the id. */
perdure_outcome perdure_life(struct perdure_life *life);

/* Waits until a life begins that nobody was told of yet, and tells of it. Every restart is told once, to one thread,
   also when the host died in between. Not in a child. */
perdure_outcome perdure_next_life(struct perdure_life *life);

/* ---- memory ---- */

/* Takes whole zero pages from the upper end of the heap's room, for good. NULL and ENOMEM when there is no room. */
void *perdure_take_pages(size_t bytes);

/* ---- threads ---- */

/* One more thread of this program: its kernel object, and what a joiner waits on. Opaque; in static or heap memory. */
struct perdure_worker {
  perdure_thread thread;
  perdure_mutex mutex;
  perdure_cond ended;
  perdure_cond never;
  void *(*function)(void *);
  void *argument;
  void *result;
  void *block;
  int is_ended;
};

#define PERDURE_WORKER_STACK_DEFAULT 65536

/* Starts a thread that calls function(argument), with a stack of this many bytes (0: the default) from the heap. */
perdure_outcome perdure_worker_start(struct perdure_worker *worker, void *(*function)(void *), void *argument,
                                     size_t stack_size);

/* Waits until the thread's function has returned, takes the thread away and returns what the function returned. */
void *perdure_worker_join(struct perdure_worker *worker);

/* ---- children in spaces of their own ---- */

/* How many references a parent can give its child besides those of the parent page. */
#define PERDURE_CHILD_REFERENCES 8

/* A child: a space with one thread, the parent's text, and a copy of the parent's data. Its memory is the parent's:
   `page` is its parent page as the parent sees it; `control` holds what the child must not reach. */
struct perdure_child_control;
struct perdure_child {
  struct perdure_child_control *control;
  char *page;
};

/* Makes a child that will call function(argument) in a space of its own; `heap_size` bytes are left for its malloc.
   It does not run before perdure_child_start. What the parent's malloc handed out so far is copied, kernel objects
   are not: the child has only those in its parent page. */
perdure_outcome perdure_child_create(struct perdure_child *child, void (*function)(void *), void *argument,
                                     size_t heap_size);

/* The place, as the parent sees it, of the reference that the child gets by perdure_given_reference(index). */
perdure_reference *perdure_child_reference(struct perdure_child *child, unsigned index);

/* Places for eight objects that parent and child share, as the parent sees them; and as the child does. A port that
   the parent made there is served by a child that never knew its parent's memory. */
void *perdure_child_places(struct perdure_child *child);
void *perdure_given_places(void);

/* All threads of the child ask at this port for the processor, and have it only while somebody gives it to them by
   perdure_thread_schedule. Before the child is started; it cannot change it. */
perdure_outcome perdure_child_set_scheduler(struct perdure_child *child, perdure_reference *port);

/* Lets the child run. */
perdure_outcome perdure_child_start(struct perdure_child *child);

/* Takes the child's thread and space away. Its pages stay taken. */
void perdure_child_destroy(struct perdure_child *child);

/* In the child: the reference that the parent put into place `index` before it started the child. */
perdure_reference *perdure_given_reference(unsigned index);

/* ---- services by reliable IPC ---- */

/* Asks the port behind the reference and waits for the whole answer. `*answer_length` is the room on the way in and
   the bytes received on the way out. PERDURE_RECEIVE_MORE_DATA: the answer did not fit. */
perdure_outcome perdure_ask(perdure_reference *port, const void *question, size_t question_length, void *answer,
                            size_t *answer_length);

/* A server: a port set with one port. */
struct perdure_server {
  perdure_portset portset;
  perdure_port port;
};

/* Makes the two objects; `alias` is the word that comes with each question. */
perdure_outcome perdure_server_create(struct perdure_server *server, uint64_t alias);

/* Answers one question: gets its bytes, writes its answer to the same buffer, and returns the answer's length, or
   PERDURE_SERVER_STOP to leave the question unanswered and end perdure_server_run. */
typedef size_t perdure_answerer(void *context, uint64_t alias, void *buffer, size_t question_length, size_t room);
#define PERDURE_SERVER_STOP ((size_t)-1)

/* Serves, one question after another, until the answerer stops it. Questions longer than the buffer are cut. */
perdure_outcome perdure_server_run(struct perdure_server *server, perdure_answerer *answerer, void *context,
                                   void *buffer, size_t buffer_size);

/* Services of all flavours on one port set; NULL: messages of that flavour get no answer, or an empty one.
   A one-way message is only told. The two others answer as a perdure_answerer does. */
struct perdure_services {
  void (*oneway)(void *context, uint64_t alias, void *buffer, size_t length);
  perdure_answerer *idempotent;
  perdure_answerer *reliable;
};

/* Serves one message after another until an answerer stops it or the port set is destroyed (PERDURE_CANCELED). Each
   enters the thread at a function of its flavour; a thread that has served so and then waits by wait_receive itself says
   first, by ipc_setup_wait_receive, where messages shall enter it (0: behind the call). */
perdure_outcome perdure_serve(perdure_portset *portset, const struct perdure_services *services, void *context,
                              void *buffer, size_t buffer_size);

#ifdef __cplusplus
}
#endif

#endif
