/* Threads by the hundred: they stand in a circle, and each waits on a cond of its own for the baton, changes it and
   passes it on to one that the baton itself chooses. Meanwhile some of them count, so that not only waiters are saved.

   relay [THREADS [PASSES]]: 300 threads and 4000 passes when not given. Every 16th pass prints the baton and how often its
   holder had it. Exit status 0. */
#include <malloc.h>
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES 4096
/* Every so many threads one counts instead of waiting. */
#define COUNTER_EVERY 50

struct runner {
  struct perdure_worker worker;
  perdure_cond mine;
  unsigned long held;
  volatile unsigned long counted;
};

static struct runner *runners;
static unsigned long thread_count = 300;
static unsigned long pass_count = 4000;
static perdure_mutex mutex;
static unsigned long holder;
static unsigned long passes;
static uint64_t baton = 0x243f6a8885a308d3ull;
static volatile int is_over;

static int counts(unsigned long index) {
  return index % COUNTER_EVERY == COUNTER_EVERY - 1;
}

static void end_all(void) {
  is_over = 1;
  for (unsigned long i = 0; i < thread_count; i += 1) perdure_cond_broadcast(&runners[i].mine);
}

static void *run(void *argument) {
  const unsigned long self = (unsigned long)argument;
  struct runner *runner = &runners[self];
  if (counts(self)) {
    while (!is_over) {
      runner->counted += 1;
      perdure_sleep_ns(20000);
    }
    return NULL;
  }
  perdure_mutex_lock(&mutex);
  for (;;) {
    while (!is_over && holder != self) perdure_cond_wait(&runner->mine, &mutex);
    if (is_over) break;
    runner->held += 1;
    baton = (baton ^ (self * 0x9e3779b97f4a7c15ull + runner->held)) * 0xbf58476d1ce4e5b9ull;
    baton ^= baton >> 29;
    passes += 1;
    if (passes % 16 == 0) printf("pass %06lu runner %03lu held %lu baton %016lx\n", passes, self, runner->held, baton);
    if (passes == pass_count) {
      end_all();
      break;
    }
    holder = baton % thread_count;
    while (counts(holder)) holder = (holder + 1) % thread_count;
    perdure_cond_signal(&runners[holder].mine);
  }
  perdure_mutex_unlock(&mutex);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc > 1) thread_count = strtoul(argv[1], NULL, 10);
  if (argc > 2) pass_count = strtoul(argv[2], NULL, 10);
  /* Kernel objects lie at aligned places. */
  runners = memalign(_Alignof(struct runner), thread_count * sizeof *runners);
  if (runners == NULL || thread_count == 0) return 1;
  memset(runners, 0, thread_count * sizeof *runners);
  perdure_mutex_create(&mutex);
  for (unsigned long i = 0; i < thread_count; i += 1) perdure_cond_create(&runners[i].mine);
  for (unsigned long i = 0; i < thread_count; i += 1) {
    if (perdure_worker_start(&runners[i].worker, run, (void *)i, STACK_BYTES) != PERDURE_SUCCESS) return 1;
  }
  unsigned long held = 0, counted = 0;
  for (unsigned long i = 0; i < thread_count; i += 1) {
    perdure_worker_join(&runners[i].worker);
    held += runners[i].held;
    counted += runners[i].counted;
  }
  printf("end %lu passes, %lu held, %lu counted, baton %016lx\n", passes, held, counted, baton);
  return held == pass_count ? 0 : 1;
}
