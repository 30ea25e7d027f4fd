/* A random program of entry points: three threads make calls by chance, on objects that they share, with arguments that
   fit, nearly fit, or do not fit at all. What a call says goes into a hash; what goes wrong is survived. Chance is a
   generator of the program's own, so the same seed does the same.

   chaos [SEED [CALLS]]: seed 1 and 4000 calls a thread when not given. It may end, wait for ever or die of itself. */
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 3
#define PLACES 24
#define STACK_BYTES 32768

static const uint64_t numbers[] = {
#define ROW(name, number) number,
    PERDURE_FOR_EACH_ENTRY(ROW)};
#define ENTRY_COUNT (sizeof numbers / sizeof numbers[0])

/* Objects lie at these places, one every 32 bytes; two pages, so that some calls name both. */
static uint64_t places[2 * PERDURE_PAGE_SIZE / 8] __attribute__((aligned(PERDURE_PAGE_SIZE)));
/* What calls read and write: words, lengths, pointers to each other. */
static uint64_t cells[THREADS][64] __attribute__((aligned(64)));
static uint64_t hashes[THREADS];
static uint64_t seed = 1;
static unsigned long call_count = 4000;

static uint64_t next(uint64_t *state) {
  uint64_t x = *state += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/* Calls after which the thread would not survive the next mistake. */
static int is_final(uint64_t number) {
  return number == PERDURE_ENTRY_THREAD_DISABLE_EXCEPTIONS || number == PERDURE_ENTRY_THREAD_SET_HANDLERS ||
         number == PERDURE_ENTRY_THREAD_SET_SAVED_STATE || number == PERDURE_ENTRY_THREAD_RETURN_FROM_EXCEPTION;
}

static uint64_t argument(uint64_t *state, unsigned self) {
  const uint64_t chance = next(state);
  switch (chance % 8) {
    case 0: return (chance >> 8) % 16;
    case 1: return (chance >> 8) % 4 * PERDURE_PAGE_SIZE;
    case 2: return (uint64_t)&cells[self][(chance >> 8) % 64];
    case 3: return chance >> (chance >> 58);
    case 4: return PERDURE_PARENT_SPACE_REFERENCE;
    default: return (uint64_t)&places[(chance >> 8) % PLACES * 4];
  }
}

static uint64_t call(uint64_t number, const uint64_t *given) {
  register uint64_t a0 __asm__("a0") = given[0];
  register uint64_t a1 __asm__("a1") = given[1];
  register uint64_t a2 __asm__("a2") = given[2];
  register uint64_t a3 __asm__("a3") = given[3];
  register uint64_t a4 __asm__("a4") = given[4];
  register uint64_t a5 __asm__("a5") = given[5];
  register uint64_t a6 __asm__("a6") = given[6];
  register uint64_t a7 __asm__("a7") = number;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                   :
                   : "memory");
  return a0 ^ a1 << 1 ^ a2 << 2;
}

/* The call is left out, whatever was wrong with it. */
static void survive(struct perdure_exception *exception) {
  exception->x[10] = exception->code;
  exception->pc += perdure_instruction_size(exception->pc);
}

static void *run(void *argument_) {
  const unsigned self = (unsigned)(uint64_t)argument_;
  uint64_t state = seed * 1000003 + self;
  perdure_on_exception(survive);
  for (unsigned long i = 0; i < call_count; i += 1) {
    uint64_t given[7];
    const uint64_t number = numbers[next(&state) % ENTRY_COUNT];
    if (is_final(number)) continue;
    for (unsigned k = 0; k < 7; k += 1) given[k] = argument(&state, self);
    /* The first names an object most of the time, and sleeps are short. */
    if (number == PERDURE_ENTRY_CLOCK_SLEEP) given[0] = perdure_now_ns() * 4 + next(&state) % 100000;
    else if (next(&state) % 4 != 0) given[0] = (uint64_t)&places[next(&state) % PLACES * 4];
    cells[self][next(&state) % 64] = argument(&state, self);
    hashes[self] = (hashes[self] ^ call(number, given)) * 0x100000001b3ull;
    if (i % 64 == 0) printf("thread %u call %lu hash %016lx\n", self, i, hashes[self]);
  }
  return NULL;
}

int main(int argc, char **argv) {
  static struct perdure_worker workers[THREADS];
  if (argc > 1) seed = strtoul(argv[1], NULL, 10);
  if (argc > 2) call_count = strtoul(argv[2], NULL, 10);
  for (uint64_t i = 0; i < THREADS; i += 1) {
    if (perdure_worker_start(&workers[i], run, (void *)i, STACK_BYTES) != PERDURE_SUCCESS) return 1;
  }
  for (unsigned i = 0; i < THREADS; i += 1) perdure_worker_join(&workers[i]);
  printf("end %016lx\n", hashes[0] ^ hashes[1] << 1 ^ hashes[2] << 2);
  return 0;
}
