/* Floating point that is interrupted everywhere: four threads, each in a rounding mode of its own, let a planet go round
   its sun, and print where it is, bit for bit, with the flags that were raised since. A register, a mode or a flag that
   is lost or another thread's changes every line that follows.

   orbits [LINES [STEPS]]: 100 lines a thread, 2000 steps a line when not given. Exit status 0. */
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODES 4

static unsigned long line_count = 100;
static unsigned long step_count = 2000;
static perdure_mutex mutex;
static perdure_cond turned;
static unsigned long turn;

struct planet {
  double x, y, vx, vy;
};

static uint64_t bits(double number) {
  uint64_t word;
  memcpy(&word, &number, sizeof word);
  return word;
}

/* One step by the leapfrog method around a sun of mass 1. */
static void step(struct planet *planet) {
  const double dt = 1.0 / 1024;
  planet->x += planet->vx * (dt / 2);
  planet->y += planet->vy * (dt / 2);
  const double square = planet->x * planet->x + planet->y * planet->y;
  const double pull = -dt / (square * __builtin_sqrt(square));
  planet->vx += pull * planet->x;
  planet->vy += pull * planet->y;
  planet->x += planet->vx * (dt / 2);
  planet->y += planet->vy * (dt / 2);
}

static void *go_round(void *argument) {
  const unsigned long mode = (unsigned long)argument;
  struct planet planet = {.x = 1, .vy = 0.875};
  __asm__ volatile("csrw frm, %0" ::"r"(mode));
  for (unsigned long line = 1; line <= line_count; line += 1) {
    uint64_t flags;
    __asm__ volatile("csrwi fflags, 0" ::: "memory");
    for (unsigned long i = 0; i < step_count; i += 1) step(&planet);
    /* Now and then something that raises other flags: 1 / 0, 0 / 0, and what is too large or too small. */
    volatile double zero = 0, huge = 1.7976931348623157e308, tiny = 2.2250738585072014e-308, result = 0;
    if (line % 4 == 1) result = 1 / zero;
    if (line % 4 == 2) result = zero / zero;
    if (line % 4 == 3) result = huge * 3;
    if (line % 8 == 4) result = tiny / 3;
    __asm__ volatile("csrr %0, fflags" : "=r"(flags)::"memory");
    perdure_mutex_lock(&mutex);
    while (turn % MODES != mode) perdure_cond_wait(&turned, &mutex);
    printf("mode %lu line %04lu x %016lx y %016lx flags %02lx other %016lx\n", mode, line, bits(planet.x), bits(planet.y),
           flags, bits(result));
    turn += 1;
    perdure_cond_broadcast(&turned);
    perdure_mutex_unlock(&mutex);
  }
  return NULL;
}

int main(int argc, char **argv) {
  static struct perdure_worker workers[MODES];
  if (argc > 1) line_count = strtoul(argv[1], NULL, 10);
  if (argc > 2) step_count = strtoul(argv[2], NULL, 10);
  perdure_mutex_create(&mutex);
  perdure_cond_create(&turned);
  for (unsigned long i = 0; i < MODES; i += 1) {
    if (perdure_worker_start(&workers[i], go_round, (void *)i, 0) != PERDURE_SUCCESS) return 1;
  }
  for (unsigned i = 0; i < MODES; i += 1) perdure_worker_join(&workers[i]);
  printf("end %lu\n", turn);
  return 0;
}
