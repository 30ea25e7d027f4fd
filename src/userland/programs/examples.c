/* Runs every example, and so makes every entry point: the second program of the transcript test.

   examples [ROUNDS [NAME]]: all examples, so many times (default 1), or one of them. Each prints a line with a hash of
   what it and all before it noted and how many things they checked. An example that does not hold ends the program with
   status 1 and says where. */
#include "../examples/example.h"

#include <stdio.h>
#include <stdlib.h>

#define DECLARE(name, number) void example_##name(void);
PERDURE_FOR_EACH_ENTRY(DECLARE)

static const struct {
  const char *name;
  void (*run)(void);
} examples[] = {
#define ROW(name, number) {#name, example_##name},
    PERDURE_FOR_EACH_ENTRY(ROW)};

static const char *running;
static uint64_t hash = 0xcbf29ce484222325ull;
static unsigned long check_count;

static void mix(uint64_t word) {
  hash = (hash ^ word) * 0x100000001b3ull;
  hash ^= hash >> 29;
}

void example_note(uint64_t word) {
  mix(word);
}

void example_expect(int holds, const char *condition, const char *file, int line) {
  if (!holds) {
    printf("%s does not hold: %s:%d: %s\n", running, file, line, condition);
    exit(1);
  }
  __atomic_fetch_add(&check_count, 1, __ATOMIC_RELAXED);
}

int main(int argc, char **argv) {
  const unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
  const char *only = argc > 2 ? argv[2] : NULL;
  const unsigned long count = sizeof examples / sizeof examples[0];
  for (unsigned long round = 1; round <= rounds; round += 1) {
    for (unsigned long i = 0; i < count; i += 1) {
      running = examples[i].name;
      if (only && strcmp(only, running) != 0) continue;
      examples[i].run();
      mix(i);
      printf("round %03lu example %03lu %s hash %016lx\n", round, i + 1, running, hash);
    }
  }
  printf("end %lu rounds of %lu examples, hash %016lx\n", rounds, count, hash);
  return check_count == 0;
}
