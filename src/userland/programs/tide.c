/* Memory that comes and goes: each round fills as many pages of a pool as the last sum says, reads them all back, and
   discards some of them again. What was discarded must read as zeros, what was not as it was written.

   tide [MEBIBYTES [ROUNDS]]: a pool of 12 MiB and 40 rounds when not given. Exit status 0 when every page was right. */
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE PERDURE_PAGE_SIZE
/* One call discards no more than a limited number of pages. */
#define DISCARD_PAGES 512
#define WORDS (PAGE / sizeof(uint64_t))
#define MUST(call)                                      \
  do {                                                  \
    const perdure_outcome must_outcome = (call);        \
    if (must_outcome != PERDURE_SUCCESS) {              \
      printf("%s: outcome %lu\n", #call, must_outcome); \
      exit(1);                                          \
    }                                                   \
  } while (0)

static perdure_region memory;
static uint64_t *pool;
/* What each page was filled with; 0: it is to be zeros. */
static uint64_t *marks;
static uint64_t sum = 1;

static uint64_t mix(uint64_t word) {
  sum = (sum ^ word) * 0xbf58476d1ce4e5b9ull;
  sum ^= sum >> 31;
  return sum;
}

static void offer_memory(void) {
  const struct perdure_region_state state = {
      .start_address = PERDURE_PROGRAM_START,
      .size = PERDURE_PROGRAM_END - PERDURE_PROGRAM_START,
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  MUST(perdure_region_create(&memory));
  MUST(perdure_region_set_state(&memory, &state, (perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE, NULL));
}

static void fill(unsigned long page) {
  const uint64_t mark = mix(page) | 1;
  uint64_t *words = pool + page * WORDS;
  for (unsigned i = 0; i < WORDS; i += 16) words[i] = mark * (i + 1);
  marks[page] = mark;
}

static unsigned long wrong_in(unsigned long page) {
  const volatile uint64_t *words = pool + page * WORDS;
  unsigned long wrong = 0;
  for (unsigned i = 0; i < WORDS; i += 16) {
    wrong += words[i] != marks[page] * (i + 1);
    wrong += words[i + 7] != 0;
    mix(words[i]);
  }
  return wrong;
}

static void discard(unsigned long from, unsigned long to) {
  for (unsigned long page = from; page < to; page += DISCARD_PAGES) {
    const unsigned long count = to - page < DISCARD_PAGES ? to - page : DISCARD_PAGES;
    MUST(perdure_region_discard(&memory, (uint64_t)(pool + page * WORDS) - PERDURE_PROGRAM_START, count * PAGE));
  }
  for (unsigned long page = from; page < to; page += 1) marks[page] = 0;
}

int main(int argc, char **argv) {
  const unsigned long mebibytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 12;
  const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 40;
  const unsigned long page_count = mebibytes * (1024 * 1024 / PAGE);
  unsigned long wrong = 0;
  offer_memory();
  pool = perdure_take_pages(page_count * PAGE);
  marks = calloc(page_count, sizeof *marks);
  if (pool == NULL || marks == NULL || page_count == 0) return 1;
  for (unsigned long round = 1; round <= rounds; round += 1) {
    const unsigned long high = page_count / 4 + mix(round) % (page_count * 3 / 4);
    for (unsigned long page = 0; page < high; page += 1) fill(page);
    for (unsigned long page = 0; page < page_count; page += 1) {
      if (page < high || marks[page] != 0 || page % 32 == 0) wrong += wrong_in(page);
    }
    const unsigned long low = mix(round) % high;
    discard(low, page_count);
    printf("round %04lu high %lu low %lu wrong %lu sum %016lx\n", round, high, low, wrong, sum);
  }
  return wrong != 0;
}
