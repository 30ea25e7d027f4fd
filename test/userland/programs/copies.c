/* A copy-on-write pager: two children and the pager itself share 16 pages until somebody writes. Each child's memory is
   a fork of the same original: reading shows the original's pages, the first write to a page makes a copy of it, for
   that child alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/userland/programs/paged.h"

#define PAGES 16
#define CHILDREN 2
#define WORDS (PAGE / 8)

static struct paged forks[CHILDREN];
static perdure_mapping windows[CHILDREN][PAGES];
static uint64_t *original;
static unsigned read_faults, copies;
static struct perdure_child children[CHILDREN];

static void on_fault(uint64_t child, const struct perdure_fault_message *fault) {
  const uint64_t page = fault->address / PAGE;
  uint64_t *source = original + page * WORDS;
  if (fault->access & PERDURE_WRITE) {
    uint64_t *copy = perdure_take_pages(PAGE);
    memcpy(copy, source, PAGE);
    show(&forks[child], &windows[child][page], page, copy, PERDURE_READ | PERDURE_WRITE);
    copies += 1;
  } else {
    show(&forks[child], &windows[child][page], page, source, PERDURE_READ);
    read_faults += 1;
  }
}

/* Sums all, writes to every third page its own mark, and sums again. */
static void child_main(void *argument) {
  volatile uint64_t *view = (volatile uint64_t *)VIEW;
  const uint64_t mark = (uint64_t)argument;
  uint64_t sum = 0;
  for (unsigned i = 0; i < PAGES * WORDS; i += 1) sum += view[i];
  for (unsigned page = 0; page < PAGES; page += 3) view[page * WORDS + 5] += mark;
  for (unsigned i = 0; i < PAGES * WORDS; i += 1) sum += view[i];
  tell(sum);
}

int main(void) {
  static perdure_mapping views[CHILDREN];
  uint64_t told[CHILDREN];
  uint64_t sum = 0;
  original = perdure_take_pages(PAGES * PAGE);
  for (unsigned i = 0; i < PAGES * WORDS; i += 1) {
    original[i] = i * i;
    sum += original[i];
  }
  make_pager();
  for (unsigned i = 0; i < CHILDREN; i += 1) {
    make_paged(&forks[i], PAGES * PAGE, i);
    for (unsigned page = 0; page < PAGES; page += 1) MUST(perdure_mapping_create(&windows[i][page]));
  }
  int is_right = 1;
  for (unsigned i = 0; i < CHILDREN; i += 1) {
    MUST(perdure_child_create(&children[i], child_main, (void *)(uint64_t)(1000 * (i + 1)), 65536));
    give(&forks[i], &children[i], &views[i], PAGES * PAGE);
  }
  for (unsigned i = 0; i < CHILDREN; i += 1) MUST(perdure_child_start(&children[i]));
  serve(on_fault, told, CHILDREN);
  const uint64_t marks = (PAGES + 2) / 3;
  uint64_t expected = 0;
  for (unsigned i = 0; i < CHILDREN; i += 1) expected += 2 * sum + marks * 1000 * (i + 1);
  is_right = told[0] + told[1] == expected;
  for (unsigned i = 0; i < PAGES * WORDS; i += 1) is_right &= original[i] == (uint64_t)i * i;
  printf("copies: %u pages shared by reading, %u copied, %s\n", read_faults, copies, is_right ? "right" : "wrong");
  return !is_right;
}
