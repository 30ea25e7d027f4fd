/* Threads by example: made, started, stopped, looked at, moved. What a thread tells of itself is its whole processor. */
#include "example.h"

static char stack[4096] __attribute__((aligned(16)));
static volatile uint64_t told;

/* What the threads here do: tell a word, and sleep till doomsday. */
static void begin(uint64_t word) {
  told = word;
  for (;;) perdure_clock_sleep(UINT64_MAX);
}

/* The state of a thread that will call begin(word). Zeros are right for all that is not named. */
static struct perdure_thread_state fresh(perdure_thread *thread, uint64_t word) {
  struct perdure_thread_state state = {
      .thread_address = (uint64_t)thread,
      .priority = PERDURE_PRIORITY_DEFAULT,
      .pc = (uint64_t)begin,
  };
  state.x[2] = (uint64_t)(stack + sizeof stack);
  __asm__("mv %0, gp" : "=r"(state.x[3]));
  state.x[10] = word;
  told = 0;
  return state;
}

static void until_told(void) {
  while (told == 0) perdure_sleep_ns(1000);
}

/* A new thread is stopped and has no space: it runs when it is given a state that says otherwise. */
EXAMPLE(thread_create) {
  perdure_thread thread;
  struct perdure_thread_state state;
  OK(perdure_thread_create(&thread));
  OK(perdure_thread_peek_state(&thread, &state, NULL, NULL, NULL, NULL, NULL));
  EXPECT((state.flags & PERDURE_THREAD_STOPPED) != 0);
  OK(perdure_thread_destroy(&thread));
}

EXAMPLE(thread_create_hash) {
  perdure_thread thread;
  perdure_reference reference;
  uint64_t hash = 0;
  OK(perdure_thread_create_hash(&thread, 5));
  OK(perdure_reference_create(&reference));
  OK(perdure_thread_reference(&thread, &reference));
  OK(perdure_reference_hash(&reference, &hash));
  EXPECT(hash == 5);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_thread_destroy(&thread));
}

/* A thread can be destroyed whatever it is doing, here while it sleeps; but not by itself. */
EXAMPLE(thread_destroy) {
  static perdure_thread thread;
  struct perdure_thread_state state = fresh(&thread, 1);
  perdure_reference reference;
  uint64_t is_null = 0;
  OK(perdure_thread_create(&thread));
  OK(perdure_reference_create(&reference));
  OK(perdure_thread_reference(&thread, &reference));
  OK(perdure_thread_set_state(&thread, &state, MY_SPACE, NULL, NULL, NULL, NULL));
  until_told();
  OK(perdure_thread_destroy(&thread));
  OK(perdure_reference_check(&reference, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&reference));
}

/* The thread must be stopped; what links to it follows. Where it says that it lies is its own word (thread_address). */
EXAMPLE(thread_move) {
  perdure_thread old_place, new_place;
  perdure_reference before, after;
  uint64_t is_same = 0;
  OK(perdure_thread_create(&old_place));
  OK(perdure_reference_create(&before));
  OK(perdure_reference_create(&after));
  OK(perdure_thread_reference(&old_place, &before));
  OK(perdure_thread_move(&old_place, &new_place));
  OK(perdure_thread_reference(&new_place, &after));
  OK(perdure_reference_compare(&before, &after, &is_same));
  EXPECT(is_same);
  OK(perdure_reference_destroy(&after));
  OK(perdure_reference_destroy(&before));
  OK(perdure_thread_destroy(&new_place));
}

EXAMPLE(thread_reference) {
  perdure_reference reference;
  uint64_t type = 0;
  OK(perdure_reference_create(&reference));
  OK(perdure_thread_reference(MY_THREAD, &reference));
  OK(perdure_reference_type(&reference, &type));
  EXPECT(type == PERDURE_TYPE_THREAD);
  OK(perdure_reference_destroy(&reference));
}

/* Stops the thread and takes everything out: put into another thread, it goes on there. So a thread moves between
   machines. */
EXAMPLE(thread_get_state) {
  static perdure_thread thread, other;
  struct perdure_thread_state state = fresh(&thread, 3);
  perdure_reference space;
  OK(perdure_thread_create(&thread));
  OK(perdure_thread_set_state(&thread, &state, MY_SPACE, NULL, NULL, NULL, NULL));
  until_told();
  OK(perdure_reference_create(&space));
  OK(perdure_thread_get_state(&thread, &state, &space, NULL, NULL, NULL, NULL));
  EXPECT((state.flags & PERDURE_THREAD_STOPPED) != 0);
  OK(perdure_thread_destroy(&thread));
  /* It was asleep: what its registers say is a call of clock_sleep. Let it do something else instead. */
  EXPECT(state.x[17] == PERDURE_ENTRY_CLOCK_SLEEP);
  state.flags &= ~(uint64_t)PERDURE_THREAD_STOPPED;
  state.thread_address = (uint64_t)&other;
  state.deadline = 0;
  state.pc = (uint64_t)begin;
  state.x[10] = 4;
  OK(perdure_thread_create(&other));
  OK(perdure_thread_set_state(&other, &state, &space, NULL, NULL, NULL, NULL));
  while (told != 4) perdure_sleep_ns(1000);
  OK(perdure_thread_destroy(&other));
  OK(perdure_reference_destroy(&space));
}

/* Starts a thread: a space, a place for its pc, a stack, and the STOPPED bit clear. */
EXAMPLE(thread_set_state) {
  static perdure_thread thread;
  const struct perdure_thread_state state = fresh(&thread, 42);
  OK(perdure_thread_create(&thread));
  OK(perdure_thread_set_state(&thread, &state, MY_SPACE, NULL, NULL, NULL, NULL));
  until_told();
  EXPECT(told == 42);
  OK(perdure_thread_destroy(&thread));
}

/* How a debugger or a checkpointer looks at a thread: it sleeps on, and cannot tell. */
EXAMPLE(thread_peek_state) {
  static perdure_thread thread;
  struct perdure_thread_state state = fresh(&thread, 6);
  perdure_reference space;
  uint64_t is_mine = 0;
  OK(perdure_thread_create(&thread));
  OK(perdure_thread_set_state(&thread, &state, MY_SPACE, NULL, NULL, NULL, NULL));
  until_told();
  OK(perdure_reference_create(&space));
  do OK(perdure_thread_peek_state(&thread, &state, &space, NULL, NULL, NULL, NULL));
  while (state.deadline == 0);
  OK(perdure_reference_compare(&space, MY_SPACE, &is_mine));
  EXPECT(is_mine && (state.flags & PERDURE_THREAD_STOPPED) == 0);
  EXPECT(state.x[17] == PERDURE_ENTRY_CLOCK_SLEEP && state.entry_count > 0);
  OK(perdure_reference_destroy(&space));
  OK(perdure_thread_destroy(&thread));
}

static void *ask_self(void *unused) {
  (void)unused;
  uint64_t address = 0;
  OK(perdure_thread_self(&address));
  return (void *)address;
}

/* Each thread knows where it lies, by the word thread_address of its state. */
EXAMPLE(thread_self) {
  static struct perdure_worker worker;
  OK(perdure_worker_start(&worker, ask_self, NULL, 0));
  EXPECT(perdure_worker_join(&worker) == &worker.thread);
  EXPECT(ask_self(NULL) == MY_THREAD);
}
