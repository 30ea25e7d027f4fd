/* Conds by example. A wait may end without a signal, so its condition is always tested again. */
#include "example.h"

struct box {
  perdure_mutex mutex;
  perdure_cond changed;
  uint64_t content;
  uint64_t taken;
};
static struct box box;

static void open_box(void) {
  box.content = 0;
  box.taken = 0;
  OK(perdure_mutex_create(&box.mutex));
  OK(perdure_cond_create(&box.changed));
}

static void close_box(void) {
  OK(perdure_cond_destroy(&box.changed));
  OK(perdure_mutex_destroy(&box.mutex));
}

/* Waits until something is in the box. */
static void *take(void *unused) {
  (void)unused;
  OK(perdure_mutex_lock(&box.mutex));
  while (box.content == 0) OK(perdure_cond_wait(&box.changed, &box.mutex));
  const uint64_t content = box.content;
  box.content -= 1;
  box.taken += 1;
  OK(perdure_mutex_unlock(&box.mutex));
  return (void *)content;
}

static void put(uint64_t content) {
  OK(perdure_mutex_lock(&box.mutex));
  box.content = content;
  OK(perdure_mutex_unlock(&box.mutex));
}

EXAMPLE(cond_create) {
  perdure_cond cond;
  OK(perdure_cond_create(&cond));
  /* A signal is not kept: when nobody sleeps, nothing happens. */
  OK(perdure_cond_signal(&cond));
  OK(perdure_cond_destroy(&cond));
}

EXAMPLE(cond_create_hash) {
  perdure_cond cond;
  struct perdure_cond_state state;
  OK(perdure_cond_create_hash(&cond, 99));
  OK(perdure_cond_get_state(&cond, &state, NULL));
  EXPECT(state.hash == 99);
  OK(perdure_cond_destroy(&cond));
}

static void *wait_once(void *unused) {
  (void)unused;
  OK(perdure_mutex_lock(&box.mutex));
  const perdure_outcome outcome = perdure_cond_wait(&box.changed, &box.mutex);
  /* Broken off, it did not get its mutex back. */
  if (outcome == PERDURE_SUCCESS) OK(perdure_mutex_unlock(&box.mutex));
  return (void *)outcome;
}

/* Sleepers of a cond that goes away are told. */
EXAMPLE(cond_destroy) {
  static struct perdure_worker worker;
  open_box();
  OK(perdure_worker_start(&worker, wait_once, NULL, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_cond_destroy(&box.changed));
  EXPECT((uint64_t)perdure_worker_join(&worker) == PERDURE_CANCELED);
  OK(perdure_mutex_destroy(&box.mutex));
}

/* A cond that nobody uses under its old address any more is given another. */
EXAMPLE(cond_move) {
  perdure_cond old_place, new_place;
  struct perdure_cond_state before, after;
  OK(perdure_cond_create(&old_place));
  OK(perdure_cond_peek_state(&old_place, &before, NULL));
  OK(perdure_cond_move(&old_place, &new_place));
  OK(perdure_cond_peek_state(&new_place, &after, NULL));
  EXPECT(before.serial == after.serial);
  OK(perdure_cond_signal(&new_place));
  OK(perdure_cond_destroy(&new_place));
}

EXAMPLE(cond_reference) {
  perdure_cond cond;
  perdure_reference reference;
  uint64_t type = 0;
  OK(perdure_cond_create(&cond));
  OK(perdure_reference_create(&reference));
  OK(perdure_cond_reference(&cond, &reference));
  OK(perdure_reference_type(&reference, &type));
  EXPECT(type == PERDURE_TYPE_COND);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_cond_destroy(&cond));
}

/* Who sleeps on a cond is not its state: each sleeper's own state says so. */
EXAMPLE(cond_get_state) {
  perdure_cond cond;
  perdure_reference inheritor;
  struct perdure_cond_state state;
  uint64_t is_null = 0;
  OK(perdure_cond_create(&cond));
  OK(perdure_reference_create(&inheritor));
  OK(perdure_cond_get_state(&cond, &state, &inheritor));
  OK(perdure_reference_check(&inheritor, &is_null));
  EXPECT(state.flags == 0 && is_null);
  OK(perdure_reference_destroy(&inheritor));
  OK(perdure_cond_destroy(&cond));
}

/* Names the thread that inherits the priority of the sleepers: the one that will signal. */
EXAMPLE(cond_set_state) {
  perdure_cond cond;
  perdure_reference self, inheritor;
  uint64_t is_same = 0;
  OK(perdure_cond_create(&cond));
  OK(perdure_reference_create(&self));
  OK(perdure_reference_create(&inheritor));
  OK(perdure_thread_reference(MY_THREAD, &self));
  OK(perdure_cond_set_state(&cond, NULL, &self));
  OK(perdure_cond_get_state(&cond, NULL, &inheritor));
  OK(perdure_reference_compare(&self, &inheritor, &is_same));
  EXPECT(is_same);
  OK(perdure_reference_destroy(&inheritor));
  OK(perdure_reference_destroy(&self));
  OK(perdure_cond_destroy(&cond));
}

/* A sleeper that is looked at sleeps on. */
EXAMPLE(cond_peek_state) {
  static struct perdure_worker worker;
  struct perdure_cond_state state;
  open_box();
  OK(perdure_worker_start(&worker, take, NULL, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_cond_peek_state(&box.changed, &state, NULL));
  EXPECT(box.taken == 0);
  put(5);
  OK(perdure_cond_signal(&box.changed));
  EXPECT((uint64_t)perdure_worker_join(&worker) == 5);
  close_box();
}

/* Gives the mutex back, sleeps until it is signalled, and has the mutex again afterwards. */
EXAMPLE(cond_wait) {
  static struct perdure_worker worker;
  open_box();
  OK(perdure_worker_start(&worker, take, NULL, 0));
  example_until_waiting(&worker.thread);
  put(1);
  OK(perdure_cond_signal(&box.changed));
  EXPECT((uint64_t)perdure_worker_join(&worker) == 1);
  EXPECT(box.content == 0 && box.taken == 1);
  close_box();
}

/* Wakes one sleeper: the one that has slept longest. */
EXAMPLE(cond_signal) {
  static struct perdure_worker first, second;
  open_box();
  OK(perdure_worker_start(&first, take, NULL, 0));
  example_until_waiting(&first.thread);
  OK(perdure_worker_start(&second, take, NULL, 0));
  example_until_waiting(&second.thread);
  put(2);
  OK(perdure_cond_signal(&box.changed));
  EXPECT((uint64_t)perdure_worker_join(&first) == 2);
  EXPECT(box.taken == 1);
  OK(perdure_cond_signal(&box.changed));
  EXPECT((uint64_t)perdure_worker_join(&second) == 1);
  close_box();
}

/* Wakes all sleepers; each gets the mutex in its turn. */
EXAMPLE(cond_broadcast) {
  static struct perdure_worker workers[3];
  open_box();
  for (int i = 0; i < 3; i += 1) {
    OK(perdure_worker_start(&workers[i], take, NULL, 0));
    example_until_waiting(&workers[i].thread);
  }
  put(3);
  OK(perdure_cond_broadcast(&box.changed));
  for (int i = 0; i < 3; i += 1) perdure_worker_join(&workers[i]);
  EXPECT(box.content == 0 && box.taken == 3);
  close_box();
}

static void *sleep_without_unlocking(void *unused) {
  (void)unused;
  const perdure_outcome outcome = perdure_cond_wait_again(&box.changed, &box.mutex);
  OK(perdure_mutex_unlock(&box.mutex));
  return (void *)outcome;
}

/* What a sleeper in cond_wait is in the middle of: what is left is to sleep and then to lock. It stands in the state of
   such a thread, so that one that is rebuilt sleeps on instead of unlocking once more. */
EXAMPLE(cond_wait_again) {
  static struct perdure_worker in_wait, in_wait_again;
  struct perdure_thread_state state;
  open_box();
  OK(perdure_worker_start(&in_wait, take, NULL, 0));
  example_until_waiting(&in_wait.thread);
  OK(perdure_thread_peek_state(&in_wait.thread, &state, NULL, NULL, NULL, NULL, NULL));
  EXPECT(state.x[17] == PERDURE_ENTRY_COND_WAIT_AGAIN);
  /* It can be called directly, too: by a thread that does not own the mutex. */
  OK(perdure_worker_start(&in_wait_again, sleep_without_unlocking, NULL, 0));
  example_until_waiting(&in_wait_again.thread);
  put(1);
  OK(perdure_cond_broadcast(&box.changed));
  EXPECT((uint64_t)perdure_worker_join(&in_wait) == 1);
  EXPECT((uint64_t)perdure_worker_join(&in_wait_again) == PERDURE_SUCCESS);
  close_box();
}
