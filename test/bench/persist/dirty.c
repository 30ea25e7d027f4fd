/* What the persistence benchmark measures on: memory, objects and threads in known numbers, changed in a known way.

   dirty AREA_KIB OBJECTS PAGES BYTES THREADS WORK [PAUSE_MS]: takes an area of that size and fills every page, makes
   OBJECTS kernel objects (a tenth of them stopped threads) and THREADS - 1 further threads that sleep, prints "ready".
   Then, for ever, when WORK is 0: waits for a demarcation, which it knows by the step of the clock; changes BYTES bytes
   (a multiple of 8, up to the whole page) in each of PAGES pages drawn from the area, and wakes all sleeping threads.
   With WORK: that many times, without looking at any clock, changes BYTES bytes of the next of PAGES pages and computes
   for a while; then ends. With PAUSE_MS: computes, and prints a line each time so long has passed. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE 4096ul
#define OBJECT 32ul

static char *area;
static unsigned long area_pages, pages, bytes;
static uint64_t random_word = 88172645463325252ull;
static perdure_mutex mutex;
static perdure_cond again;

/* Marsaglia's xorshift64. */
static inline uint64_t draw(void) {
  random_word ^= random_word << 13;
  random_word ^= random_word >> 7;
  random_word ^= random_word << 17;
  return random_word;
}

/* Words whose every byte differs from the one before: all bytes change. */
static inline void change(uint64_t *words, unsigned long count) {
  for (unsigned long i = 0; i < count; i += 1) words[i] += 0x0101010101010101ull;
}

static void change_page(unsigned long number) {
  uint64_t *page = (uint64_t *)(area + number * PAGE);
  const unsigned long count = bytes / 8;
  if (count >= PAGE / 8) change(page, PAGE / 8);
  else if (count <= 1) change(page + draw() % (PAGE / 8), 1);
  else {
    /* Two runs at random places, in different halves. */
    const unsigned long first = count / 2, room = PAGE / 16 - count + first;
    change(page + draw() % room, first);
    change(page + PAGE / 16 + draw() % room, count - first);
  }
}

/* Sleeps again and again; what it counts lies in a register, so that only the thread changes and no page. */
static void *sleeper(void *argument) {
  uint64_t count = (uint64_t)argument;
  perdure_mutex_lock(&mutex);
  do {
    perdure_cond_wait(&again, &mutex);
    count += 1;
    __asm__ volatile("" : "+r"(count));
  } while (count != 0);
  return NULL;
}

static void make_objects(unsigned long count) {
  char *place = perdure_take_pages((count * OBJECT + PAGE - 1) / PAGE * PAGE);
  for (unsigned long i = 0; i < count; i += 1, place += OBJECT) {
    perdure_outcome outcome;
    if (i % 10 == 0) outcome = perdure_thread_create((perdure_thread *)place);
    else if (i % 10 == 1) outcome = perdure_mutex_create((perdure_mutex *)place);
    else if (i % 10 == 2) outcome = perdure_port_create((perdure_port *)place);
    else outcome = perdure_reference_create((perdure_reference *)place);
    if (outcome != PERDURE_SUCCESS) exit(2);
  }
}

static void work(unsigned long count) {
  volatile uint64_t sum = 0;
  for (unsigned long i = 0; i < count; i += 1) {
    change_page(i % pages);
    uint64_t part = i;
    for (int j = 0; j < 2000; j += 1) part = part * 6364136223846793005ull + 1442695040888963407ull;
    sum += part;
  }
}

static void follow(unsigned long threads) {
  /* Instructions take some 6 us between two looks, and are seldom made, so that entries are not what is measured; a step of the clock is longer. */
  uint64_t before = perdure_now_ns();
  for (;;) {
    const uint64_t now = perdure_now_ns();
    if (now - before > 100000) {
      for (unsigned long i = 0; i < pages; i += 1) {
        /* A step for each of the pages, and a random one in it: none is drawn twice. */
        const unsigned long step = area_pages / pages;
        change_page(i * step + draw() % step);
      }
      if (threads > 1) perdure_cond_broadcast(&again);
      before = perdure_now_ns();
      continue;
    }
    before = now;
    for (volatile int wait = 0; wait < 4000; wait += 1) {}
  }
}

int main(int argc, char **argv) {
  unsigned long given[7] = {0};
  for (int i = 1; i < argc && i <= 7; i += 1) given[i - 1] = strtoul(argv[i], NULL, 10);
  area_pages = given[0] * 1024 / PAGE;
  pages = given[2];
  bytes = given[3];
  area = perdure_take_pages(area_pages * PAGE);
  if (area == NULL || pages > area_pages) return 1;
  for (uint64_t *word = (uint64_t *)area; word < (uint64_t *)(area + area_pages * PAGE); word += 1) *word = draw();
  if (given[1] > 0) make_objects(given[1]);
  perdure_mutex_create(&mutex);
  perdure_cond_create(&again);
  for (unsigned long i = 1; i < given[4]; i += 1) {
    struct perdure_worker *worker = aligned_alloc(_Alignof(struct perdure_worker), sizeof *worker);
    if (worker == NULL || perdure_worker_start(worker, sleeper, NULL, 4096) != PERDURE_SUCCESS) return 1;
  }
  printf("ready\n");
  if (given[6] > 0) {
    for (unsigned long line = 0;; line += 1) {
      const uint64_t until = perdure_now_ns() + given[6] * 1000000;
      while (perdure_now_ns() < until) {}
      printf("line %lu\n", line);
    }
  }
  if (given[5] > 0) work(given[5]);
  else follow(given[4]);
  return 0;
}
