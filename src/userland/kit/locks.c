/* The locks that picolibc asks for (stdio, malloc, atexit), on one kernel mutex and cond for all of them.

   A lock is a word: 0 free, 1 held, 2 held and somebody sleeps. An uncontended lock costs no entry into the kernel, and
   nothing at all as long as the program has one thread. Sleepers wait on one cond for all locks and look again when
   woken. Which thread holds a lock is told by tp, which differs from thread to thread. */
#include "kit.h"

#include <perdure/entries.h>
#include <stdio-bufio.h>
#include <stdlib.h>
#include <sys/lock.h>

struct __lock {
  uint32_t word;
  uint32_t depth;
  uint64_t holder;
};

struct __lock __lock___libc_recursive_mutex;

static int has_begun;
static perdure_mutex guard;
static perdure_cond released;

/* The standard streams are made without locks; each has its own, or a reader waiting for input would hold up output. */
static struct __lock stream_locks[3];

void perdure_locks_begin(void) {
  if (has_begun) return;
  FILE *const streams[3] = {stdin, stdout, stderr};
  for (int i = 0; i < 3; i += 1) ((struct __file_bufio *)streams[i])->lock = &stream_locks[i];
  perdure_mutex_create(&guard);
  perdure_cond_create(&released);
  has_begun = 1;
}

static uint64_t self(void) {
  uint64_t tp;
  __asm__ volatile("mv %0, tp" : "=r"(tp));
  return tp;
}

static int try_take(struct __lock *lock) {
  uint32_t free_word = 0;
  return __atomic_compare_exchange_n(&lock->word, &free_word, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void take(struct __lock *lock) {
  if (!has_begun || try_take(lock)) return;
  perdure_mutex_lock(&guard);
  /* Whoever gets the lock here leaves it at 2: there may be other sleepers. */
  while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) perdure_cond_wait(&released, &guard);
  perdure_mutex_unlock(&guard);
}

static void give_back(struct __lock *lock) {
  if (!has_begun) return;
  if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) != 2) return;
  perdure_mutex_lock(&guard);
  perdure_cond_broadcast(&released);
  perdure_mutex_unlock(&guard);
}

void perdure_locks_reset(void) {
  has_begun = 0;
  for (int i = 0; i < 3; i += 1) stream_locks[i] = (struct __lock){0};
  __lock___libc_recursive_mutex = (struct __lock){0};
}

void __retarget_lock_init(_LOCK_T *lock) {
  *lock = calloc(1, sizeof **lock);
}

void __retarget_lock_close(_LOCK_T lock) {
  free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock) {
  take(lock);
}

int __retarget_lock_try_acquire(_LOCK_T lock) {
  return !has_begun || try_take(lock);
}

void __retarget_lock_release(_LOCK_T lock) {
  give_back(lock);
}

void __retarget_lock_init_recursive(_LOCK_T *lock) {
  __retarget_lock_init(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock) {
  free(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock) {
  if (has_begun && __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) != self()) {
    take(lock);
    __atomic_store_n(&lock->holder, self(), __ATOMIC_RELAXED);
  }
  lock->depth += 1;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock) {
  if (has_begun && __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) != self()) {
    if (!try_take(lock)) return 0;
    __atomic_store_n(&lock->holder, self(), __ATOMIC_RELAXED);
  }
  lock->depth += 1;
  return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock) {
  lock->depth -= 1;
  if (lock->depth != 0 || !has_begun) return;
  __atomic_store_n(&lock->holder, 0, __ATOMIC_RELAXED);
  give_back(lock);
}
