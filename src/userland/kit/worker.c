/* More threads in the same space.

   A worker's stack and TLS block come from the heap. A thread cannot take itself away, so a worker whose function has
   returned sleeps on a cond that nobody signals until its joiner destroys it. */
#include "kit.h"

#include <malloc.h>
#include <perdure.h>
#include <picotls.h>
#include <stdlib.h>
#include <string.h>

extern char __global_pointer$[] __asm__("__global_pointer$");

static void run(struct perdure_worker *worker) {
  worker->result = worker->function(worker->argument);
  perdure_mutex_lock(&worker->mutex);
  worker->is_ended = 1;
  perdure_cond_broadcast(&worker->ended);
  for (;;) perdure_cond_wait(&worker->never, &worker->mutex);
}

perdure_outcome perdure_worker_start(struct perdure_worker *worker, void *(*function)(void *), void *argument,
                                     size_t stack_size) {
  const size_t alignment = 64;
  const size_t tls_size = (_tls_size() + alignment - 1) & ~(alignment - 1);
  if (stack_size == 0) stack_size = PERDURE_WORKER_STACK_DEFAULT;
  stack_size = (stack_size + alignment - 1) & ~(alignment - 1);
  char *block = memalign(alignment, tls_size + stack_size);
  if (block == NULL) return PERDURE_NO_MEMORY;
  _init_tls(block);
  perdure_locks_begin();

  memset(worker, 0, sizeof *worker);
  worker->function = function;
  worker->argument = argument;
  worker->block = block;
  struct perdure_thread_state state = {
      .thread_address = (uint64_t)&worker->thread,
      .priority = PERDURE_PRIORITY_DEFAULT,
      .quantum_left = PERDURE_QUANTUM_TICKS,
      .reservation = ~0ull,
      .pc = (uint64_t)run,
  };
  state.x[2] = (uint64_t)(block + tls_size + stack_size);
  state.x[3] = (uint64_t)__global_pointer$;
  state.x[4] = (uint64_t)block;
  state.x[10] = (uint64_t)worker;

  perdure_outcome outcome = perdure_mutex_create(&worker->mutex);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_cond_create(&worker->ended);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_cond_create(&worker->never);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_thread_create(&worker->thread);
  if (outcome == PERDURE_SUCCESS) {
    perdure_reference *space = (perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE;
    outcome = perdure_thread_set_state(&worker->thread, &state, space, NULL, NULL, NULL, NULL);
  }
  if (outcome != PERDURE_SUCCESS) free(block);
  return outcome;
}

void *perdure_worker_join(struct perdure_worker *worker) {
  perdure_mutex_lock(&worker->mutex);
  while (!worker->is_ended) perdure_cond_wait(&worker->ended, &worker->mutex);
  perdure_mutex_unlock(&worker->mutex);
  perdure_thread_destroy(&worker->thread);
  perdure_cond_destroy(&worker->never);
  perdure_cond_destroy(&worker->ended);
  perdure_mutex_destroy(&worker->mutex);
  free(worker->block);
  return worker->result;
}
