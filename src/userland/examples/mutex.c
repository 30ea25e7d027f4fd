/* Mutexes by example. A mutex is locked exactly while it has an owner. */
#include "example.h"

/* An object is made at a place: 32 aligned bytes of writable memory that are its own. */
EXAMPLE(mutex_create) {
  perdure_mutex mutex;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_mutex_unlock(&mutex));
  OK(perdure_mutex_destroy(&mutex));
}

/* The hash is a word of my choice that stays with the object and that every reference to it tells. */
EXAMPLE(mutex_create_hash) {
  perdure_mutex mutex;
  perdure_reference reference;
  uint64_t hash = 0;
  OK(perdure_mutex_create_hash(&mutex, 4711));
  OK(perdure_reference_create(&reference));
  OK(perdure_mutex_reference(&mutex, &reference));
  OK(perdure_reference_hash(&reference, &hash));
  EXPECT(hash == 4711);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_mutex_destroy(&mutex));
}

static void *lock(void *mutex) {
  return (void *)perdure_mutex_lock(mutex);
}

/* Whoever waits for a mutex that goes away is told: its call ends with `canceled`. */
EXAMPLE(mutex_destroy) {
  static perdure_mutex mutex;
  static struct perdure_worker worker;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_worker_start(&worker, lock, &mutex, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_mutex_destroy(&mutex));
  EXPECT((uint64_t)perdure_worker_join(&worker) == PERDURE_CANCELED);
}

/* The mutex stays the same: still locked, still mine, and references follow it. Its old place is free again. */
EXAMPLE(mutex_move) {
  perdure_mutex old_place, new_place;
  OK(perdure_mutex_create(&old_place));
  OK(perdure_mutex_lock(&old_place));
  OK(perdure_mutex_move(&old_place, &new_place));
  OK(perdure_mutex_create(&old_place));
  EXPECT(perdure_mutex_trylock(&new_place) == PERDURE_BUSY);
  OK(perdure_mutex_unlock(&new_place));
  OK(perdure_mutex_destroy(&new_place));
  OK(perdure_mutex_destroy(&old_place));
}

EXAMPLE(mutex_reference) {
  perdure_mutex mutex;
  perdure_reference reference;
  uint64_t type = 0;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_reference_create(&reference));
  OK(perdure_mutex_reference(&mutex, &reference));
  OK(perdure_reference_type(&reference, &type));
  EXPECT(type == PERDURE_TYPE_MUTEX);
  /* A reference does not keep its target alive. */
  OK(perdure_mutex_destroy(&mutex));
  EXPECT(perdure_reference_type(&reference, &type) == PERDURE_NOT_FOUND);
  OK(perdure_reference_destroy(&reference));
}

/* The state says that it is locked, the link says by whom. */
EXAMPLE(mutex_get_state) {
  perdure_mutex mutex;
  perdure_reference owner, self;
  struct perdure_mutex_state state;
  uint64_t is_same = 0;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_reference_create(&owner));
  OK(perdure_reference_create(&self));
  OK(perdure_thread_reference(MY_THREAD, &self));
  OK(perdure_mutex_get_state(&mutex, &state, &owner));
  OK(perdure_reference_compare(&owner, &self, &is_same));
  EXPECT(state.locked == 1 && is_same);
  OK(perdure_reference_destroy(&self));
  OK(perdure_reference_destroy(&owner));
  OK(perdure_mutex_destroy(&mutex));
}

/* What get_state took out, set_state puts in: here into another mutex, which is locked by the same thread then. */
EXAMPLE(mutex_set_state) {
  perdure_mutex mutex, other;
  perdure_reference owner;
  struct perdure_mutex_state state;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_create(&other));
  OK(perdure_reference_create(&owner));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_mutex_get_state(&mutex, &state, &owner));
  OK(perdure_mutex_set_state(&other, &state, &owner));
  EXPECT(perdure_mutex_trylock(&other) == PERDURE_BUSY);
  OK(perdure_mutex_unlock(&other));
  OK(perdure_reference_destroy(&owner));
  OK(perdure_mutex_destroy(&other));
  OK(perdure_mutex_destroy(&mutex));
}

/* Looking disturbs nobody: neither the owner nor the thread that waits. 0 for what is not wanted. */
EXAMPLE(mutex_peek_state) {
  static perdure_mutex mutex;
  static struct perdure_worker worker;
  struct perdure_mutex_state state;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_worker_start(&worker, lock, &mutex, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_mutex_peek_state(&mutex, &state, NULL));
  EXPECT(state.locked == 1);
  OK(perdure_mutex_unlock(&mutex));
  EXPECT((uint64_t)perdure_worker_join(&worker) == PERDURE_SUCCESS);
  OK(perdure_mutex_destroy(&mutex));
}

struct shared {
  perdure_mutex mutex;
  uint64_t count;
};

static void *count(void *argument) {
  struct shared *shared = argument;
  for (int i = 0; i < 20; i += 1) {
    OK(perdure_mutex_lock(&shared->mutex));
    shared->count += 1;
    OK(perdure_mutex_unlock(&shared->mutex));
  }
  return NULL;
}

/* Two threads change one word and lose nothing. */
EXAMPLE(mutex_lock) {
  static struct shared shared;
  static struct perdure_worker worker;
  shared.count = 0;
  OK(perdure_mutex_create(&shared.mutex));
  OK(perdure_worker_start(&worker, count, &shared, 0));
  count(&shared);
  perdure_worker_join(&worker);
  EXPECT(shared.count == 40);
  OK(perdure_mutex_destroy(&shared.mutex));
}

/* Takes it if it is free, and never waits. */
EXAMPLE(mutex_trylock) {
  perdure_mutex mutex;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_trylock(&mutex));
  EXPECT(perdure_mutex_trylock(&mutex) == PERDURE_BUSY);
  OK(perdure_mutex_unlock(&mutex));
  OK(perdure_mutex_destroy(&mutex));
}

static void *lock_and_unlock(void *mutex) {
  const perdure_outcome outcome = perdure_mutex_lock(mutex);
  OK(perdure_mutex_unlock(mutex));
  return (void *)outcome;
}

/* Hands the mutex to the thread that waits longest: nobody can snatch it away meanwhile. */
EXAMPLE(mutex_unlock) {
  static perdure_mutex mutex;
  static struct perdure_worker worker;
  OK(perdure_mutex_create(&mutex));
  OK(perdure_mutex_lock(&mutex));
  OK(perdure_worker_start(&worker, lock_and_unlock, &mutex, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_mutex_unlock(&mutex));
  EXPECT(perdure_mutex_trylock(&mutex) == PERDURE_BUSY);
  EXPECT((uint64_t)perdure_worker_join(&worker) == PERDURE_SUCCESS);
  OK(perdure_mutex_destroy(&mutex));
}
