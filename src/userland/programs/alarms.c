/* Sleepers: threads that set themselves one alarm after another, each at a moment that the last one decides, and say when
   they woke. Nobody wakes early, nobody late by more than the others take, and each knows how long it has slept in all,
   whatever happened to the host meanwhile.

   alarms [SLEEPERS [ALARMS]]: 24 sleepers with 40 alarms each when not given. Exit status 0 when nobody woke early. */
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SLEEPERS_MAX 64
#define STACK_BYTES 8192

static unsigned long alarm_count = 40;
static perdure_mutex mutex;
static unsigned long early;

static void *sleep_again(void *argument) {
  const unsigned long self = (unsigned long)argument;
  uint64_t random = self + 1, slept_ns = 0;
  for (unsigned long alarm = 1; alarm <= alarm_count; alarm += 1) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    /* From 50 microseconds to 4 milliseconds. */
    const uint64_t pause_ns = 50000 + (random >> 33) % 4000000;
    const uint64_t before_ns = perdure_now_ns();
    perdure_sleep_ns(pause_ns);
    const uint64_t took_ns = perdure_now_ns() - before_ns;
    slept_ns += pause_ns;
    perdure_mutex_lock(&mutex);
    early += took_ns < pause_ns;
    printf("sleeper %02lu alarm %03lu after %lu ns, in all %lu ns\n", self, alarm, pause_ns, slept_ns);
    perdure_mutex_unlock(&mutex);
  }
  return NULL;
}

int main(int argc, char **argv) {
  static struct perdure_worker workers[SLEEPERS_MAX];
  unsigned long sleeper_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 24;
  if (argc > 2) alarm_count = strtoul(argv[2], NULL, 10);
  if (sleeper_count > SLEEPERS_MAX) sleeper_count = SLEEPERS_MAX;
  perdure_mutex_create(&mutex);
  for (unsigned long i = 0; i < sleeper_count; i += 1) {
    if (perdure_worker_start(&workers[i], sleep_again, (void *)i, STACK_BYTES) != PERDURE_SUCCESS) return 1;
  }
  for (unsigned long i = 0; i < sleeper_count; i += 1) perdure_worker_join(&workers[i]);
  printf("end: %lu of %lu alarms early\n", early, sleeper_count * alarm_count);
  return early != 0;
}
