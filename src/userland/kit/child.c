/* A child in a space of its own: what nesting is made of.

   The parent offers its own memory as a region; the child's space has four windows onto it: the parent's text, a copy
   of the parent's data with some room for a heap, a stack, and a page that is the child's parent page. Because an
   object belongs to its place in memory, the parent makes the child's objects by its own addresses of that page.
   What could widen the child's memory (its space, the region, the windows) lies in memory the child does not see. */
#include "kit.h"

#include <perdure.h>
#include <picotls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHILD_STACK_SIZE 65536

/* Offsets in the page of what only such children have; the other places are those of every parent page. */
#define REFERENCES_OFFSET 0x100
#define PLACES_OFFSET 0x200

#define WINDOWS 4
/* What the parent keeps to itself, at the start of a page of its own. */
struct perdure_child_control {
  perdure_space space;
  perdure_region region;
  perdure_reference region_reference;
  perdure_mapping windows[WINDOWS];
};

extern char __data_start[];
extern char __first_tls[];
extern char __global_pointer$[] __asm__("__global_pointer$");

/* What a child finds in its copy of the data. */
static struct {
  void (*function)(void *);
  void *argument;
  char *heap_end;
} start;

static _Noreturn void begin(void) {
  perdure_heap_end = start.heap_end;
  perdure_locks_reset();
  _init_tls(__first_tls);
  start.function(start.argument);
  exit(0);
}

/* An object or a reference of the child at its offset in the parent page, by the parent's address. */
static void *place(struct perdure_child *child, uint64_t child_address) {
  return child->page + (child_address - PERDURE_PARENT_PAGE);
}

static perdure_outcome make_reference(struct perdure_child *child, uint64_t child_address, uint64_t own_address) {
  perdure_reference *reference = place(child, child_address);
  const perdure_outcome outcome = perdure_reference_create(reference);
  if (outcome != PERDURE_SUCCESS || own_address == 0) return outcome;
  return perdure_reference_copy((perdure_reference *)own_address, reference);
}

/* A window of the child onto `bytes` of the parent's memory. */
static perdure_outcome make_window(struct perdure_child *child, unsigned index, uint64_t child_address,
                                   const void *own_address, size_t size, uint64_t protection) {
  perdure_mapping *mapping = &child->control->windows[index];
  const perdure_outcome outcome = perdure_mapping_create(mapping);
  if (outcome != PERDURE_SUCCESS) return outcome;
  const struct perdure_mapping_state state = {
      .region_offset = (uint64_t)own_address - PERDURE_PROGRAM_START,
      .start_address = child_address,
      .size = size,
      .protection = protection,
  };
  return perdure_mapping_set_state(mapping, &state, &child->control->region_reference,
                                   place(child, PERDURE_PARENT_SPACE_REFERENCE));
}

/* The space, the region and the references to them. */
static perdure_outcome make_space(struct perdure_child *child) {
  perdure_space *space = &child->control->space;
  perdure_region *region = &child->control->region;
  const struct perdure_region_state state = {
      .start_address = PERDURE_PROGRAM_START,
      .size = PERDURE_PROGRAM_END - PERDURE_PROGRAM_START,
      .protection = PERDURE_READ | PERDURE_WRITE | PERDURE_EXECUTE,
  };
  perdure_outcome outcome = perdure_space_create(space);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_region_create(region);
  if (outcome == PERDURE_SUCCESS) {
    outcome = perdure_region_set_state(region, &state, (perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE, NULL);
  }
  if (outcome == PERDURE_SUCCESS) outcome = make_reference(child, PERDURE_PARENT_SPACE_REFERENCE, 0);
  if (outcome == PERDURE_SUCCESS) outcome = make_reference(child, PERDURE_PARENT_THREAD_REFERENCE, 0);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_reference_create(&child->control->region_reference);
  if (outcome == PERDURE_SUCCESS) outcome = make_reference(child, PERDURE_PARENT_PARENT_REFERENCE, 0);
  if (outcome == PERDURE_SUCCESS) {
    outcome = make_reference(child, PERDURE_PARENT_OUTPUT_REFERENCE, PERDURE_PARENT_OUTPUT_REFERENCE);
  }
  if (outcome == PERDURE_SUCCESS) {
    outcome = make_reference(child, PERDURE_PARENT_INPUT_REFERENCE, PERDURE_PARENT_INPUT_REFERENCE);
  }
  for (unsigned i = 0; i < PERDURE_CHILD_REFERENCES && outcome == PERDURE_SUCCESS; i += 1) {
    outcome = perdure_reference_create(perdure_child_reference(child, i));
  }
  if (outcome != PERDURE_SUCCESS) return outcome;
  perdure_space_reference(space, place(child, PERDURE_PARENT_SPACE_REFERENCE));
  return perdure_region_reference(region, &child->control->region_reference);
}

perdure_outcome perdure_child_create(struct perdure_child *child, void (*function)(void *), void *argument,
                                     size_t heap_size) {
  const size_t page_mask = PERDURE_PAGE_SIZE - 1;
  fflush(stdout); /* Or the child would print it once more. */
  const size_t used = (size_t)((char *)sbrk(0) - __data_start);
  const size_t data_size = (used + heap_size + page_mask) & ~page_mask;
  char *pages = perdure_take_pages(2 * PERDURE_PAGE_SIZE + data_size + CHILD_STACK_SIZE);
  if (pages == NULL) return PERDURE_NO_MEMORY;
  child->control = (struct perdure_child_control *)pages;
  child->page = pages + PERDURE_PAGE_SIZE;
  char *data = child->page + PERDURE_PAGE_SIZE;
  char *stack = data + data_size;
  start.function = function;
  start.argument = argument;
  start.heap_end = __data_start + data_size;
  memcpy(data, __data_start, used);

  perdure_outcome outcome = make_space(child);
  if (outcome == PERDURE_SUCCESS) {
    const size_t text_size = (size_t)(__data_start - (char *)PERDURE_PROGRAM_START);
    outcome = make_window(child, 0, PERDURE_PROGRAM_START, (void *)PERDURE_PROGRAM_START, text_size,
                          PERDURE_READ | PERDURE_EXECUTE);
  }
  if (outcome == PERDURE_SUCCESS) {
    outcome = make_window(child, 1, (uint64_t)__data_start, data, data_size, PERDURE_READ | PERDURE_WRITE);
  }
  if (outcome == PERDURE_SUCCESS) {
    outcome = make_window(child, 2, PERDURE_STACK_END - CHILD_STACK_SIZE, stack, CHILD_STACK_SIZE,
                          PERDURE_READ | PERDURE_WRITE);
  }
  if (outcome == PERDURE_SUCCESS) {
    outcome = make_window(child, 3, PERDURE_PARENT_PAGE, child->page, PERDURE_PAGE_SIZE, PERDURE_READ | PERDURE_WRITE);
  }
  return outcome;
}

perdure_reference *perdure_child_reference(struct perdure_child *child, unsigned index) {
  return (perdure_reference *)(child->page + REFERENCES_OFFSET) + index;
}

perdure_reference *perdure_given_reference(unsigned index) {
  return (perdure_reference *)(PERDURE_PARENT_PAGE + REFERENCES_OFFSET) + index;
}

void *perdure_child_places(struct perdure_child *child) {
  return child->page + PLACES_OFFSET;
}

void *perdure_given_places(void) {
  return (void *)(PERDURE_PARENT_PAGE + PLACES_OFFSET);
}

perdure_outcome perdure_child_set_scheduler(struct perdure_child *child, perdure_reference *port) {
  return perdure_space_set_state(&child->control->space, NULL, NULL, port);
}

perdure_outcome perdure_child_start(struct perdure_child *child) {
  perdure_thread *thread = place(child, PERDURE_PARENT_THREAD);
  perdure_outcome outcome = perdure_thread_create(thread);
  if (outcome != PERDURE_SUCCESS) return outcome;
  perdure_thread_reference(thread, place(child, PERDURE_PARENT_THREAD_REFERENCE));
  struct perdure_thread_state state = {
      .thread_address = PERDURE_PARENT_THREAD,
      .priority = PERDURE_PRIORITY_DEFAULT,
      .quantum_left = PERDURE_QUANTUM_TICKS,
      .reservation = ~0ull,
      .pc = (uint64_t)begin,
  };
  state.x[2] = PERDURE_STACK_END;
  state.x[3] = (uint64_t)__global_pointer$;
  state.x[4] = (uint64_t)__first_tls;
  return perdure_thread_set_state(thread, &state, place(child, PERDURE_PARENT_SPACE_REFERENCE), NULL, NULL, NULL, NULL);
}

void perdure_child_destroy(struct perdure_child *child) {
  perdure_thread_destroy(place(child, PERDURE_PARENT_THREAD));
  for (unsigned i = 0; i < WINDOWS; i += 1) perdure_mapping_destroy(&child->control->windows[i]);
  perdure_reference_destroy(&child->control->region_reference);
  perdure_region_destroy(&child->control->region);
  perdure_space_destroy(&child->control->space);
}
