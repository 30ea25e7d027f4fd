/* Mappings by example: windows of a space onto a region. Whoever can name a mapping can turn it to other memory. */
#include "example.h"

/* A window of my own space onto two pages of my own memory: the same bytes at a second address. */
static const struct perdure_mapping_state window = {
    .start_address = FREE_ADDRESS,
    .size = sizeof example_pages,
    .protection = PERDURE_READ | PERDURE_WRITE,
};

/* A new mapping shows nothing: it has no size, no region and no space. */
EXAMPLE(mapping_create) {
  perdure_mapping mapping;
  struct perdure_mapping_state state;
  OK(perdure_mapping_create(&mapping));
  OK(perdure_mapping_get_state(&mapping, &state, NULL, NULL));
  EXPECT(state.size == 0 && state.protection == 0);
  OK(perdure_mapping_destroy(&mapping));
}

EXAMPLE(mapping_create_hash) {
  perdure_mapping mapping;
  struct perdure_mapping_state state;
  OK(perdure_mapping_create_hash(&mapping, 17));
  OK(perdure_mapping_get_state(&mapping, &state, NULL, NULL));
  EXPECT(state.hash == 17);
  OK(perdure_mapping_destroy(&mapping));
}

static void read_at(void *address) {
  example_note(*(volatile unsigned char *)address);
}

/* Where the window was there is nothing now: reading there is a page fault. */
EXAMPLE(mapping_destroy) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping mapping;
  example_offer(&region, &reference);
  OK(perdure_mapping_create(&mapping));
  OK(perdure_mapping_set_state(&mapping, &window, &reference, MY_SPACE));
  read_at((void *)FREE_ADDRESS);
  OK(perdure_mapping_destroy(&mapping));
  EXPECT(example_fault_of(read_at, (void *)FREE_ADDRESS) ==
         PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_LOAD_PAGE_FAULT);
  example_withdraw(&region, &reference);
}

/* The mapping object has another place; what it shows stays. */
EXAMPLE(mapping_move) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping old_place, new_place;
  example_offer(&region, &reference);
  OK(perdure_mapping_create(&old_place));
  OK(perdure_mapping_set_state(&old_place, &window, &reference, MY_SPACE));
  OK(perdure_mapping_move(&old_place, &new_place));
  example_pages[0] = 7;
  EXPECT(*(volatile unsigned char *)FREE_ADDRESS == 7);
  OK(perdure_mapping_destroy(&new_place));
  example_withdraw(&region, &reference);
}

/* The whole of it: what a debugger or a checkpointer needs to make the same window elsewhere. */
EXAMPLE(mapping_get_state) {
  perdure_region region;
  perdure_reference reference, found_region, found_space;
  perdure_mapping mapping;
  struct perdure_mapping_state state;
  uint64_t is_region = 0, is_space = 0;
  example_offer(&region, &reference);
  OK(perdure_reference_create(&found_region));
  OK(perdure_reference_create(&found_space));
  OK(perdure_mapping_create(&mapping));
  OK(perdure_mapping_set_state(&mapping, &window, &reference, MY_SPACE));
  OK(perdure_mapping_get_state(&mapping, &state, &found_region, &found_space));
  OK(perdure_reference_compare(&found_region, &reference, &is_region));
  OK(perdure_reference_compare(&found_space, MY_SPACE, &is_space));
  EXPECT(state.start_address == FREE_ADDRESS && state.size == sizeof example_pages);
  EXPECT(is_region && is_space);
  OK(perdure_mapping_destroy(&mapping));
  OK(perdure_reference_destroy(&found_space));
  OK(perdure_reference_destroy(&found_region));
  example_withdraw(&region, &reference);
}

/* Opens the window, and turns it to the second page. The offset counts from the start of the region. */
EXAMPLE(mapping_set_state) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping mapping;
  struct perdure_mapping_state state = window;
  volatile unsigned char *const seen = (volatile unsigned char *)FREE_ADDRESS;
  example_offer(&region, &reference);
  OK(perdure_mapping_create(&mapping));
  OK(perdure_mapping_set_state(&mapping, &state, &reference, MY_SPACE));
  *seen = 1;
  EXPECT(example_pages[0] == 1);
  state.region_offset = PERDURE_PAGE_SIZE;
  state.size = PERDURE_PAGE_SIZE;
  OK(perdure_mapping_set_state(&mapping, &state, NULL, NULL));
  *seen = 2;
  EXPECT(example_pages[0] == 1 && example_pages[PERDURE_PAGE_SIZE] == 2);
  OK(perdure_mapping_destroy(&mapping));
  example_withdraw(&region, &reference);
}

EXAMPLE(mapping_peek_state) {
  perdure_mapping mapping;
  struct perdure_mapping_state first, second;
  OK(perdure_mapping_create(&mapping));
  OK(perdure_mapping_peek_state(&mapping, &first, NULL, NULL));
  OK(perdure_mapping_get_state(&mapping, &second, NULL, NULL));
  EXPECT(first.serial == second.serial && first.size == second.size);
  OK(perdure_mapping_destroy(&mapping));
}

static void write_at(void *address) {
  *(volatile unsigned char *)address = 9;
}

/* Makes the window read-only: reading goes on, writing is a page fault. The memory itself can still be written. */
EXAMPLE(mapping_protect) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping mapping;
  example_offer(&region, &reference);
  OK(perdure_mapping_create(&mapping));
  OK(perdure_mapping_set_state(&mapping, &window, &reference, MY_SPACE));
  OK(perdure_mapping_protect(&mapping, PERDURE_READ));
  read_at((void *)FREE_ADDRESS);
  EXPECT(example_fault_of(write_at, (void *)FREE_ADDRESS) ==
         PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_STORE_PAGE_FAULT);
  example_pages[0] = 5;
  EXPECT(*(volatile unsigned char *)FREE_ADDRESS == 5);
  OK(perdure_mapping_destroy(&mapping));
  example_withdraw(&region, &reference);
}
