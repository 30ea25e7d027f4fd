/* Regions by example: memory that is offered for mapping, searched for objects, and watched for changes. */
#include "example.h"

EXAMPLE(region_create) {
  perdure_region region;
  struct perdure_region_state state;
  OK(perdure_region_create(&region));
  OK(perdure_region_get_state(&region, &state, NULL, NULL));
  EXPECT(state.size == 0 && state.protection == 0);
  OK(perdure_region_destroy(&region));
}

EXAMPLE(region_create_hash) {
  perdure_region region;
  struct perdure_region_state state;
  OK(perdure_region_create_hash(&region, 21));
  OK(perdure_region_peek_state(&region, &state, NULL, NULL));
  EXPECT(state.hash == 21);
  OK(perdure_region_destroy(&region));
}

static void read_at(void *address) {
  example_note(*(volatile unsigned char *)address);
}

static void write_at(void *address) {
  *(volatile unsigned char *)address = 1;
}

static perdure_outcome open_window(perdure_mapping *mapping, perdure_reference *region) {
  const struct perdure_mapping_state state = {
      .start_address = FREE_ADDRESS,
      .size = sizeof example_pages,
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  const perdure_outcome outcome = perdure_mapping_create(mapping);
  return outcome == PERDURE_SUCCESS ? perdure_mapping_set_state(mapping, &state, region, MY_SPACE) : outcome;
}

/* Every window onto it shows nothing any more: the way to take memory back from whoever was given it. */
EXAMPLE(region_destroy) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping mapping;
  example_offer(&region, &reference);
  OK(open_window(&mapping, &reference));
  read_at((void *)FREE_ADDRESS);
  example_withdraw(&region, &reference);
  EXPECT(example_fault_of(read_at, (void *)FREE_ADDRESS) ==
         PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_LOAD_PAGE_FAULT);
  OK(perdure_mapping_destroy(&mapping));
}

/* Windows onto it stay open. */
EXAMPLE(region_move) {
  perdure_region region, new_place;
  perdure_reference reference;
  perdure_mapping mapping;
  example_offer(&region, &reference);
  OK(open_window(&mapping, &reference));
  OK(perdure_region_move(&region, &new_place));
  example_pages[0] = 3;
  EXPECT(*(volatile unsigned char *)FREE_ADDRESS == 3);
  OK(perdure_mapping_destroy(&mapping));
  example_withdraw(&new_place, &reference);
}

/* The reference is the right to map the region, for whoever gets it. */
EXAMPLE(region_reference) {
  perdure_region region;
  perdure_reference reference, given;
  perdure_mapping mapping;
  example_offer(&region, &reference);
  OK(perdure_reference_create(&given));
  OK(perdure_region_reference(&region, &given));
  OK(open_window(&mapping, &given));
  example_pages[1] = 44;
  EXPECT(((volatile unsigned char *)FREE_ADDRESS)[1] == 44);
  OK(perdure_mapping_destroy(&mapping));
  OK(perdure_reference_destroy(&given));
  example_withdraw(&region, &reference);
}

EXAMPLE(region_get_state) {
  perdure_region region;
  perdure_reference reference, space, keeper;
  struct perdure_region_state state;
  uint64_t is_mine = 0, has_no_keeper = 0;
  example_offer(&region, &reference);
  OK(perdure_reference_create(&space));
  OK(perdure_reference_create(&keeper));
  OK(perdure_region_get_state(&region, &state, &space, &keeper));
  OK(perdure_reference_compare(&space, MY_SPACE, &is_mine));
  OK(perdure_reference_check(&keeper, &has_no_keeper));
  EXPECT(state.start_address == (uint64_t)example_pages && state.size == sizeof example_pages);
  EXPECT(is_mine && has_no_keeper);
  OK(perdure_reference_destroy(&keeper));
  OK(perdure_reference_destroy(&space));
  example_withdraw(&region, &reference);
}

/* A smaller region: the second page of the window is outside now. */
EXAMPLE(region_set_state) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping mapping;
  struct perdure_region_state state;
  example_offer(&region, &reference);
  OK(open_window(&mapping, &reference));
  OK(perdure_region_get_state(&region, &state, NULL, NULL));
  state.size = PERDURE_PAGE_SIZE;
  OK(perdure_region_set_state(&region, &state, NULL, NULL));
  read_at((void *)FREE_ADDRESS);
  EXPECT(example_fault_of(read_at, (void *)(FREE_ADDRESS + PERDURE_PAGE_SIZE)) ==
         PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_LOAD_PAGE_FAULT);
  OK(perdure_mapping_destroy(&mapping));
  example_withdraw(&region, &reference);
}

EXAMPLE(region_peek_state) {
  perdure_region region;
  perdure_reference reference;
  struct perdure_region_state state;
  example_offer(&region, &reference);
  OK(perdure_region_peek_state(&region, &state, NULL, NULL));
  EXPECT(state.collecting == 0);
  example_withdraw(&region, &reference);
}

/* Nobody writes through the region, whatever his mapping allows. */
EXAMPLE(region_protect) {
  perdure_region region;
  perdure_reference reference;
  perdure_mapping mapping;
  example_offer(&region, &reference);
  OK(open_window(&mapping, &reference));
  OK(perdure_region_protect(&region, PERDURE_READ));
  read_at((void *)FREE_ADDRESS);
  EXPECT(example_fault_of(write_at, (void *)FREE_ADDRESS) ==
         PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_STORE_PAGE_FAULT);
  OK(perdure_region_protect(&region, PERDURE_READ | PERDURE_WRITE));
  write_at((void *)FREE_ADDRESS);
  EXPECT(example_pages[0] == 1);
  OK(perdure_mapping_destroy(&mapping));
  example_withdraw(&region, &reference);
}

/* What objects are there? The call goes on where it stopped: `offset` is behind the last object that it told. */
EXAMPLE(region_search) {
  perdure_region region;
  perdure_reference reference;
  struct perdure_item item;
  uint64_t offset = 0, size = sizeof example_pages, found = 0, types = 0;
  perdure_mutex *const mutex = (perdure_mutex *)(example_pages + 64);
  perdure_cond *const cond = (perdure_cond *)(example_pages + PERDURE_PAGE_SIZE);
  example_offer(&region, &reference);
  OK(perdure_mutex_create(mutex));
  OK(perdure_cond_create(cond));
  for (;;) {
    struct perdure_item *items = &item;
    uint64_t room = 1;
    OK(perdure_region_search(&region, &offset, &size, &items, &room));
    if (room == 1) break;
    found += 1;
    types = types * 16 + item.type;
    EXPECT(item.kind == PERDURE_ITEM_OBJECT);
  }
  EXPECT(found == 2 && types == PERDURE_TYPE_MUTEX * 16 + PERDURE_TYPE_COND);
  EXPECT(offset == sizeof example_pages && size == 0);
  OK(perdure_cond_destroy(cond));
  OK(perdure_mutex_destroy(mutex));
  example_withdraw(&region, &reference);
}

/* The objects of the page are destroyed, its bytes are zeros. */
EXAMPLE(region_discard) {
  perdure_region region;
  perdure_reference reference;
  perdure_mutex *const mutex = (perdure_mutex *)example_pages;
  example_offer(&region, &reference);
  OK(perdure_mutex_create(mutex));
  example_pages[100] = 1;
  example_pages[PERDURE_PAGE_SIZE] = 2;
  OK(perdure_region_discard(&region, 0, PERDURE_PAGE_SIZE));
  EXPECT(((volatile unsigned char *)example_pages)[100] == 0);
  EXPECT(((volatile unsigned char *)example_pages)[PERDURE_PAGE_SIZE] == 2);
  /* The place is free again. */
  OK(perdure_mutex_create(mutex));
  OK(perdure_mutex_destroy(mutex));
  example_withdraw(&region, &reference);
}

/* Takes one item out of the changed set; 0 when there was none. */
static uint64_t collect_one(perdure_region *region, struct perdure_item *item) {
  uint64_t room = 1;
  OK(perdure_region_collect(region, &item, &room));
  return 1 - room;
}

/* What has changed since I asked last: pages, and objects. The first call begins the watch. */
EXAMPLE(region_collect) {
  perdure_region region;
  perdure_reference reference;
  struct perdure_item item;
  perdure_mutex *const mutex = (perdure_mutex *)(example_pages + 32);
  example_offer(&region, &reference);
  while (collect_one(&region, &item)) continue;
  ((volatile unsigned char *)example_pages)[PERDURE_PAGE_SIZE + 5] = 1;
  OK(perdure_mutex_create(mutex));
  EXPECT(collect_one(&region, &item) == 1);
  EXPECT(item.kind == PERDURE_ITEM_OBJECT && item.type == PERDURE_TYPE_MUTEX && item.offset == 32);
  EXPECT(collect_one(&region, &item) == 1);
  EXPECT(item.kind == PERDURE_ITEM_PAGE && item.offset == PERDURE_PAGE_SIZE);
  EXPECT(collect_one(&region, &item) == 0);
  OK(perdure_mutex_destroy(mutex));
  EXPECT(collect_one(&region, &item) == 1);
  EXPECT(item.kind == PERDURE_ITEM_OBJECT_GONE && item.offset == 32);
  example_withdraw(&region, &reference);
}

/* Looks at the changed set and leaves it as it is: a checkpointer saves it with the region. */
EXAMPLE(region_peek_changed) {
  perdure_region region;
  perdure_reference reference;
  struct perdure_item item;
  uint64_t offset = 0, room = 1;
  struct perdure_item *items = &item;
  example_offer(&region, &reference);
  while (collect_one(&region, &item)) continue;
  ((volatile unsigned char *)example_pages)[0] = 1;
  OK(perdure_region_peek_changed(&region, &offset, &items, &room));
  EXPECT(room == 0 && item.kind == PERDURE_ITEM_PAGE && item.offset == 0);
  EXPECT(collect_one(&region, &item) == 1 && item.kind == PERDURE_ITEM_PAGE);
  example_withdraw(&region, &reference);
}

/* Puts an item into the changed set, as a restart does with what peek_changed told. */
EXAMPLE(region_mark_changed) {
  perdure_region region;
  perdure_reference reference;
  struct perdure_item item;
  example_offer(&region, &reference);
  while (collect_one(&region, &item)) continue;
  OK(perdure_region_mark_changed(&region, PERDURE_PAGE_SIZE, PERDURE_ITEM_PAGE, 0x1234));
  EXPECT(collect_one(&region, &item) == 1);
  EXPECT(item.kind == PERDURE_ITEM_PAGE && item.offset == PERDURE_PAGE_SIZE && item.pc == 0x1234);
  example_withdraw(&region, &reference);
}

/* Supply, evict and protect_page act on memory itself, so only a task in whose space it begins can use them, as the
   persistence server does. A region that is made of other memory has none of its own: the call is a programming error. */
static void supply(void *region) {
  example_note(perdure_region_supply(region, 0, NULL));
}

EXAMPLE(region_supply) {
  perdure_region region;
  perdure_reference reference;
  example_offer(&region, &reference);
  EXPECT(example_fault_of(supply, &region) == PERDURE_FAULT_INVALID_ADDRESS);
  example_withdraw(&region, &reference);
}

static void evict(void *region) {
  example_note(perdure_region_evict(region, 0));
}

EXAMPLE(region_evict) {
  perdure_region region;
  perdure_reference reference;
  example_offer(&region, &reference);
  EXPECT(example_fault_of(evict, &region) == PERDURE_FAULT_INVALID_ADDRESS);
  example_withdraw(&region, &reference);
}

static void protect_page(void *region) {
  example_note(perdure_region_protect_page(region, 0, PERDURE_READ));
}

EXAMPLE(region_protect_page) {
  perdure_region region;
  perdure_reference reference;
  example_offer(&region, &reference);
  EXPECT(example_fault_of(protect_page, &region) == PERDURE_FAULT_INVALID_ADDRESS);
  example_withdraw(&region, &reference);
}
