/* The program of the transcript test: computes, passes a baton between threads, asks a server in another space, sleeps,
   and prints a line a step. Every line holds a hash of all that happened before, so one lost wake-up, stale byte,
   repeated answer or dropped line changes everything after it.

   transcript [LINES [WORDS [PAUSE_EVERY [PAUSE_US]]]]: 1000 lines, 512 words changed a step, and a pause of 1000
   microseconds at every 16th step when not given. The transcript depends on the first two alone: whose turn it is
   never depends on time. Exit status 0. */
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS 3
/* A server is asked at every step that is a multiple of this. */
#define QUESTION_EVERY 4
#define TABLE_WORDS 8192

static unsigned long line_count = 1000;
static unsigned long word_count = 512;
static unsigned long pause_every = 16;
static unsigned long pause_us = 1000;

static perdure_mutex mutex;
static perdure_cond turned;
static unsigned long step;
static uint64_t hash = 0xcbf29ce484222325ull;
static uint64_t tables[WORKERS][TABLE_WORDS];
static perdure_reference server_reference;

static uint64_t mix(uint64_t state, uint64_t word) {
  state ^= word + 0x9e3779b97f4a7c15ull + (state << 6) + (state >> 2);
  state ^= state >> 30;
  return state * 0xbf58476d1ce4e5b9ull;
}

/* ---- the server, in a space of its own ---- */

struct message {
  uint64_t step;
  uint64_t hash;
};

/* Lives in the child's copy of the data: the parent's stays 0. */
static uint64_t server_hash;

static size_t answer(void *context, uint64_t alias, void *buffer, size_t length, size_t room) {
  (void)context;
  struct message *message = buffer;
  if (length != sizeof *message || room < sizeof *message) return 0;
  server_hash = mix(mix(server_hash, message->hash), message->step + alias);
  message->hash = server_hash;
  return sizeof *message;
}

static void serve(void *unused) {
  (void)unused;
  static struct message buffer[8];
  perdure_server_run(perdure_given_places(), answer, NULL, buffer, sizeof buffer);
}

static uint64_t ask_server(unsigned long number, uint64_t value) {
  const struct message question = {.step = number, .hash = value};
  struct message reply = {0};
  size_t length = sizeof reply;
  const perdure_outcome outcome = perdure_ask(&server_reference, &question, sizeof question, &reply, &length);
  if (outcome != PERDURE_SUCCESS || length != sizeof reply || reply.step != number) {
    printf("step %06lu: the server's answer is wrong: outcome %lu, %lu bytes\n", number, outcome, length);
    exit(1);
  }
  return reply.hash;
}

/* ---- the workers ---- */

/* Changes `word_count` words of the worker's table, scattered by the hash, and mixes them into it. */
static uint64_t compute(uint64_t *table, uint64_t value) {
  for (unsigned long i = 0; i < word_count; i += 1) {
    uint64_t *word = &table[value % TABLE_WORDS];
    value = mix(value, *word + i);
    *word = value;
  }
  return value;
}

static void *work(void *argument) {
  const unsigned long self = (unsigned long)argument;
  for (;;) {
    perdure_mutex_lock(&mutex);
    while (step < line_count && step % WORKERS != self) perdure_cond_wait(&turned, &mutex);
    const unsigned long number = step;
    if (number >= line_count) {
      perdure_cond_broadcast(&turned);
      perdure_mutex_unlock(&mutex);
      return NULL;
    }
    perdure_mutex_unlock(&mutex);
    /* It is this worker's turn until it moves `step` on: the others only wait. */
    uint64_t value = compute(tables[self], mix(hash, number * WORKERS + self));
    if (number % QUESTION_EVERY == 0) value = mix(value, ask_server(number, value));
    if (pause_every != 0 && number % pause_every == 0) perdure_sleep_ns(pause_us * 1000);
    hash = value;
    printf("step %06lu worker %lu hash %016lx\n", number, self, hash);
    perdure_mutex_lock(&mutex);
    step = number + 1;
    perdure_cond_broadcast(&turned);
    perdure_mutex_unlock(&mutex);
  }
}

int main(int argc, char **argv) {
  static struct perdure_worker workers[WORKERS];
  static struct perdure_child child;
  if (argc > 1) line_count = strtoul(argv[1], NULL, 10);
  if (argc > 2) word_count = strtoul(argv[2], NULL, 10);
  if (argc > 3) pause_every = strtoul(argv[3], NULL, 10);
  if (argc > 4) pause_us = strtoul(argv[4], NULL, 10);

  perdure_outcome outcome = perdure_child_create(&child, serve, NULL, 0);
  struct perdure_server *server = perdure_child_places(&child);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_server_create(server, 42);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_reference_create(&server_reference);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_port_reference(&server->port, &server_reference);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_child_start(&child);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_mutex_create(&mutex);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_cond_create(&turned);
  for (unsigned long i = 0; i < WORKERS && outcome == PERDURE_SUCCESS; i += 1) {
    outcome = perdure_worker_start(&workers[i], work, (void *)i, 0);
  }
  if (outcome != PERDURE_SUCCESS) {
    printf("transcript: outcome %lu\n", outcome);
    return 1;
  }
  for (unsigned i = 0; i < WORKERS; i += 1) perdure_worker_join(&workers[i]);
  perdure_child_destroy(&child);
  printf("end %06lu hash %016lx\n", step, hash);
  return 0;
}
