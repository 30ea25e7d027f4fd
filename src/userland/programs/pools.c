/* Memory pools, made and killed: each round a child gets a pool of memory of its own, fills it, says what it has
   computed, and is killed together with the pool. What is killed is gone: from RAM, from the image and from its file.

   pools [ROUNDS [PAGES]]: 100 rounds, in each of which the child fills 64 pages, when not given. Every pool lies where
   none was before. A line every tenth round, with a hash of what all children said. Exit status 0. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long round_count = 100, page_count = 64, round_number;
static uint64_t hash = 0xcbf29ce484222325ull;
static struct perdure_server server;

static uint64_t mix(uint64_t state, uint64_t word) {
  state ^= word + 0x9e3779b97f4a7c15ull + (state << 6) + (state >> 2);
  state ^= state >> 30;
  return state * 0xbf58476d1ce4e5b9ull;
}

/* The child: every page of its heap depends on the round, and on the page before. */
static void fill(void *unused) {
  (void)unused;
  const size_t words = PERDURE_PAGE_SIZE / sizeof(uint64_t);
  uint64_t *const pages = calloc(page_count, PERDURE_PAGE_SIZE);
  uint64_t sum = round_number;
  for (unsigned long page = 0; pages != NULL && page < page_count; page += 1) {
    for (size_t i = 0; i < words; i += 1) {
      if (pages[page * words + i] != 0) exit(1); /* Somebody was here before. */
      sum = mix(sum, i);
      pages[page * words + i] = sum;
    }
  }
  char nothing[1];
  size_t length = 0;
  /* Never answered: the child is killed while it waits. */
  perdure_ask(perdure_given_reference(0), &sum, sizeof sum, nothing, &length);
}

static size_t hear(void *context, uint64_t alias, void *buffer, size_t length, size_t room) {
  (void)context, (void)alias, (void)room;
  if (length == sizeof(uint64_t)) hash = mix(hash, *(uint64_t *)buffer);
  return PERDURE_SERVER_STOP;
}

/* One child and its pool, from the one to the other end. */
static perdure_outcome play(void) {
  static perdure_region pool;
  static uint64_t buffer[8];
  struct perdure_child child;
  const char *const end = perdure_take_pages(0);
  perdure_outcome outcome = perdure_child_create(&child, fill, NULL, (page_count + 4) * PERDURE_PAGE_SIZE);
  const char *const start = (const char *)child.control;
  const struct perdure_region_state state = {
      .start_address = (uint64_t)start,
      .size = (uint64_t)(end - start),
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  if (outcome == PERDURE_SUCCESS) outcome = perdure_region_create(&pool);
  if (outcome == PERDURE_SUCCESS) {
    outcome = perdure_region_set_state(&pool, &state, (perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE, NULL);
  }
  if (outcome == PERDURE_SUCCESS) outcome = perdure_port_reference(&server.port, perdure_child_reference(&child, 0));
  if (outcome == PERDURE_SUCCESS) outcome = perdure_child_start(&child);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_server_run(&server, hear, NULL, buffer, sizeof buffer);
  /* The kill: the child's threads and space and all that it made go, and every page of the pool. */
  if (outcome == PERDURE_SUCCESS) outcome = perdure_region_discard(&pool, 0, state.size);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_region_destroy(&pool);
  return outcome;
}

int main(int argc, char **argv) {
  if (argc > 1) round_count = strtoul(argv[1], NULL, 10);
  if (argc > 2) page_count = strtoul(argv[2], NULL, 10);
  perdure_outcome outcome = perdure_server_create(&server, 1);
  for (round_number = 1; round_number <= round_count && outcome == PERDURE_SUCCESS; round_number += 1) {
    outcome = play();
    if (round_number % 10 == 0) printf("round %lu hash %016lx\n", round_number, hash);
  }
  if (outcome != PERDURE_SUCCESS) printf("pools: round %lu: outcome %lu\n", round_number, outcome);
  return outcome == PERDURE_SUCCESS ? 0 : 1;
}
