/* A demand pager: its child sees 64 pages, of which at most 8 exist at a time. A page is computed from its number when it
   is first looked at, and forgotten again when its frame is needed.

   demand [ROUNDS]: how often the child looks at all of them (default 3). A line for every 512 faults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paged.h"

#define PAGES 64
#define FRAMES 8

static struct paged paged;
static perdure_mapping windows[FRAMES];
static uint64_t *frames;
static unsigned next_frame;
static unsigned fault_count;
static unsigned long rounds = 3;

static uint64_t word_of(uint64_t page, uint64_t index) {
  uint64_t x = page * 512 + index + 1;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return x * 0x9e3779b97f4a7c15ull;
}

static void on_fault(uint64_t alias, const struct perdure_fault_message *fault) {
  (void)alias;
  const uint64_t page = fault->address / PAGE;
  uint64_t *frame = frames + (next_frame % FRAMES) * (PAGE / 8);
  for (unsigned i = 0; i < PAGE / 8; i += 1) frame[i] = word_of(page, i);
  show(&paged, &windows[next_frame % FRAMES], page, frame, PERDURE_READ);
  next_frame += 1;
  fault_count += 1;
  if (fault_count % 512 == 0) printf("demand: %u faults, page %lu, word %016lx\n", fault_count, page, frame[61]);
}

static void child_main(void *unused) {
  (void)unused;
  const uint64_t *view = (const uint64_t *)VIEW;
  uint64_t wrong = 0;
  for (unsigned long round = 0; round < rounds; round += 1) {
    for (unsigned page = 0; page < PAGES; page += 1) {
      for (unsigned i = 0; i < PAGE / 8; i += 61) wrong += view[page * (PAGE / 8) + i] != word_of(page, i);
    }
  }
  tell(wrong);
}

int main(int argc, char **argv) {
  static struct perdure_child child;
  static perdure_mapping view;
  uint64_t wrong = 99;
  if (argc > 1) rounds = strtoul(argv[1], NULL, 10);
  frames = perdure_take_pages(FRAMES * PAGE);
  make_pager();
  make_paged(&paged, PAGES * PAGE, 0);
  for (unsigned i = 0; i < FRAMES; i += 1) MUST(perdure_mapping_create(&windows[i]));
  MUST(perdure_child_create(&child, child_main, NULL, 65536));
  give(&paged, &child, &view, PAGES * PAGE);
  MUST(perdure_child_start(&child));
  serve(on_fault, &wrong, 1);
  printf("demand: %u faults for %u pages in %u frames, %lu wrong\n", fault_count, PAGES, FRAMES, wrong);
  return wrong != 0;
}
