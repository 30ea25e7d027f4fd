/* What the persistence server asks of the machine, a program in the machine asks of its own child, and both get the same
   answers (law 4). The program makes a child in its own memory, makes each call itself, has the task outside make the
   same call, about the same object or about a twin, and compares outcomes, results, states and links.

   nested: prints `name: same` for every entry compared. The task outside is the test's parent; it does a call for the
   program when it is sent a struct probe, and answers with a struct answer. Exit status 0. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES 9
#define PROBE 0x1000

struct probe {
  uint64_t operation;
  uint64_t entry;
  uint64_t arguments[7];
  /* Bit i: argument i is an address of this program. */
  uint64_t addresses;
};

struct answer {
  uint64_t outcome;
  /* Bit i: the entry tells a(i); bit 32 + i: as an address that it has advanced. */
  uint64_t told;
  uint64_t results[7];
};

static const struct {
  const char *name;
  uint64_t number;
} table[] = {
#define ROW(name, number) {#name, number},
    PERDURE_FOR_EACH_ENTRY(ROW)};
#define ENTRY_COUNT (sizeof table / sizeof table[0])
static int was_compared[ENTRY_COUNT];

static size_t index_of(uint64_t entry) {
  size_t i = 0;
  while (i < ENTRY_COUNT - 1 && table[i].number != entry) i += 1;
  return i;
}

static const char *name_of(uint64_t entry) {
  return table[index_of(entry)].name;
}

/* Says once that the entry gave the same. */
static void compared(uint64_t entry) {
  const size_t i = index_of(entry);
  if (!was_compared[i]) printf("%s: same\n", table[i].name);
  was_compared[i] = 1;
}

/* ---- one call, here and outside ---- */

static struct answer answered;

static void call(void *argument) {
  const struct probe *probe = argument;
  register uint64_t a0 __asm__("a0") = probe->arguments[0];
  register uint64_t a1 __asm__("a1") = probe->arguments[1];
  register uint64_t a2 __asm__("a2") = probe->arguments[2];
  register uint64_t a3 __asm__("a3") = probe->arguments[3];
  register uint64_t a4 __asm__("a4") = probe->arguments[4];
  register uint64_t a5 __asm__("a5") = probe->arguments[5];
  register uint64_t a6 __asm__("a6") = probe->arguments[6];
  register uint64_t a7 __asm__("a7") = probe->entry;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                   :
                   : "t0", "t1", "memory");
  answered = (struct answer){.outcome = a0, .results = {0, a1, a2, a3, a4, a5, a6}};
}

static struct answer ask_here(struct probe *probe) {
  struct perdure_exception exception;
  memset(&answered, 0, sizeof answered);
  if (!perdure_try(call, probe, &exception)) answered.outcome = exception.code;
  return answered;
}

static struct answer ask_outside(const struct probe *probe) {
  static struct answer answer;
  const void *send = probe;
  void *receive = &answer;
  uint64_t length = sizeof *probe, room = sizeof answer;
  perdure_ipc_call((perdure_reference *)PERDURE_PARENT_PARENT_REFERENCE, &send, &length, &receive, &room);
  if (room != 0) {
    printf("nobody outside makes calls\n");
    exit(2);
  }
  return answer;
}

static void differ(uint64_t entry, const char *what, uint64_t here, uint64_t outside) {
  printf("%s: %s is 0x%lx here, 0x%lx outside\n", name_of(entry), what, here, outside);
  exit(1);
}

/* The same call with these arguments here and with those outside; returns the outcome, which is the same. */
static uint64_t both(uint64_t entry, uint64_t addresses, const uint64_t here[7], const uint64_t outside[7]) {
  struct probe mine = {.operation = PROBE, .entry = entry, .addresses = addresses};
  struct probe theirs = mine;
  memcpy(mine.arguments, here, sizeof mine.arguments);
  memcpy(theirs.arguments, outside, sizeof theirs.arguments);
  const struct answer a = ask_here(&mine);
  const struct answer b = ask_outside(&theirs);
  if (a.outcome != b.outcome) differ(entry, "the outcome", a.outcome, b.outcome);
  for (int i = 1; i < 7; i += 1) {
    if (!(b.told >> i & 1) || a.outcome != PERDURE_SUCCESS) continue;
    const int is_address = b.told >> (32 + i) & 1;
    const uint64_t x = a.results[i] - (is_address ? here[i] : 0);
    const uint64_t y = b.results[i] - (is_address ? outside[i] : 0);
    if (x != y) differ(entry, "a result", x, y);
  }
  return a.outcome;
}

#define ARGUMENTS(...) ((const uint64_t[7]){__VA_ARGS__})
#define A(pointer) ((uint64_t)(pointer))

/* ---- objects of all types ---- */

enum operation { CREATE, CREATE_HASH, DESTROY, MOVE, REFERENCE, GET_STATE, SET_STATE, PEEK_STATE };

static uint64_t entry(unsigned type, enum operation operation) {
  return 0x400 + 0x40 * type + operation;
}

static const size_t state_size[TYPES + 1] = {
    0,
    sizeof(struct perdure_mutex_state),
    sizeof(struct perdure_cond_state),
    sizeof(struct perdure_mapping_state),
    sizeof(struct perdure_region_state),
    sizeof(struct perdure_port_state),
    sizeof(struct perdure_portset_state),
    sizeof(struct perdure_space_state),
    sizeof(struct perdure_thread_state),
    sizeof(struct perdure_reference_state),
};
static const unsigned link_count[TYPES + 1] = {0, 1, 1, 2, 2, 1, 0, 2, 5, 1};

/* What belongs to one side: a place for a twin, a buffer for a state, references for its links, items. */
static struct side {
  perdure_thread twin;
  perdure_thread other;
  perdure_reference links[5];
  perdure_reference reference;
  perdure_region region;
  union {
    struct perdure_thread_state thread;
    struct perdure_mapping_state mapping;
    struct perdure_kernel_record record;
    uint64_t words[128];
  } state;
  struct perdure_item items[64];
} sides[2];
static struct side *const here = &sides[0];
static struct side *const outside = &sides[1];

static void must(perdure_outcome outcome) {
  if (outcome == PERDURE_SUCCESS) return;
  printf("nested: outcome %lu\n", outcome);
  exit(1);
}

static void compare_states(unsigned type, uint64_t of, int is_same_object) {
  /* A twin has a serial number of its own; for references it is the first word, for others the second. */
  if (!is_same_object) here->state.words[type != PERDURE_TYPE_REFERENCE] = outside->state.words[type != PERDURE_TYPE_REFERENCE];
  for (size_t i = 0; i < state_size[type] / 8; i += 1) {
    if (here->state.words[i] != outside->state.words[i])
      differ(of, "a word of the state", here->state.words[i], outside->state.words[i]);
  }
  for (unsigned i = 0; i < link_count[type]; i += 1) {
    uint64_t is_same = 0;
    must(perdure_reference_compare(&here->links[i], &outside->links[i], &is_same));
    if (!is_same) differ(of, "a link", i, i);
  }
}

static void with_links(uint64_t arguments[7], const struct side *side, const void *object, unsigned type) {
  arguments[0] = A(object);
  arguments[1] = A(&side->state);
  for (unsigned i = 0; i < link_count[type]; i += 1) arguments[2 + i] = A(&side->links[i]);
}

/* State and links of the same object, or of the twins, taken out here and outside. */
static void peek(unsigned type, const void *object_here, const void *object_outside) {
  uint64_t a[7] = {0}, b[7] = {0};
  memset(&here->state, 1, sizeof here->state);
  memset(&outside->state, 1, sizeof outside->state);
  with_links(a, here, object_here, type);
  with_links(b, outside, object_outside, type);
  must(both(entry(type, PEEK_STATE), 0x7f, a, b));
  compare_states(type, entry(type, PEEK_STATE), object_here == object_outside);
}

/* Twins of an object of the child are made, given its state, compared, and taken away; each error on the way too. */
static void compare_type(unsigned type, void *object) {
  void *const mine = &here->twin, *const theirs = &outside->twin;
  const int has_hash = type != PERDURE_TYPE_REFERENCE;
  uint64_t a[7] = {0}, b[7] = {0};
  /* Nothing is there yet. */
  both(entry(type, PEEK_STATE), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs)));
  both(entry(type, SET_STATE), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs)));
  must(both(entry(type, CREATE), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs))));
  both(entry(type, CREATE), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs)));
  compared(entry(type, CREATE));
  if (has_hash) {
    both(entry(type, CREATE_HASH), 1, ARGUMENTS(A(mine), 7), ARGUMENTS(A(theirs), 7));
    must(both(entry(type, DESTROY), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs))));
    must(both(entry(type, CREATE_HASH), 1, ARGUMENTS(A(mine), 1000 + type), ARGUMENTS(A(theirs), 1000 + type)));
    compared(entry(type, CREATE_HASH));
    compared(entry(type, DESTROY));
  }
  if (type != PERDURE_TYPE_MAPPING && type != PERDURE_TYPE_REFERENCE) {
    both(entry(type, REFERENCE), 3, ARGUMENTS(A(object), A(object)), ARGUMENTS(A(object), A(object)));
    must(both(entry(type, REFERENCE), 3, ARGUMENTS(A(object), A(&here->reference)),
              ARGUMENTS(A(object), A(&outside->reference))));
    uint64_t is_same = 0;
    must(perdure_reference_compare(&here->reference, &outside->reference, &is_same));
    if (!is_same) differ(entry(type, REFERENCE), "the target", 0, 0);
    compared(entry(type, REFERENCE));
  }
  peek(type, object, object);
  compared(entry(type, PEEK_STATE));
  for (int i = 0; i < 2; i += 1) {
    struct side *const side = &sides[i];
    if (type == PERDURE_TYPE_THREAD) side->state.thread.flags |= PERDURE_THREAD_STOPPED;
    /* Not in the same space: it would overlap the child's. */
    if (type == PERDURE_TYPE_MAPPING) {
      must(perdure_reference_destroy(&side->links[1]));
      must(perdure_reference_create(&side->links[1]));
    }
  }
  with_links(a, here, mine, type);
  with_links(b, outside, theirs, type);
  must(both(entry(type, SET_STATE), 0x7f, a, b));
  peek(type, mine, theirs);
  /* Of another type, at an odd place, with a state that cannot be. */
  both(entry(type, SET_STATE), 0x7f, ARGUMENTS(A(&here->region) + 8, a[1]), ARGUMENTS(A(&outside->region) + 8, b[1]));
  memset(&here->state, 0xff, sizeof here->state);
  memset(&outside->state, 0xff, sizeof outside->state);
  both(entry(type, SET_STATE), 0x7f, a, b);
  compared(entry(type, SET_STATE));
  must(both(entry(type, DESTROY), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs))));
  both(entry(type, DESTROY), 1, ARGUMENTS(A(mine)), ARGUMENTS(A(theirs)));
}

/* ---- references ---- */

static void compare_references(perdure_region *region, perdure_reference *inside, perdure_reference *elsewhere) {
  perdure_reference *const nothing = &here->links[4];
  const struct {
    uint64_t entry;
    perdure_reference *object;
    void *other;
  } calls[] = {
      {PERDURE_ENTRY_REFERENCE_CHECK, inside, NULL},
      {PERDURE_ENTRY_REFERENCE_CHECK, nothing, NULL},
      {PERDURE_ENTRY_REFERENCE_CHECK, (perdure_reference *)region, NULL},
      {PERDURE_ENTRY_REFERENCE_COMPARE, inside, inside},
      {PERDURE_ENTRY_REFERENCE_COMPARE, inside, elsewhere},
      {PERDURE_ENTRY_REFERENCE_LOCATE, inside, region},
      {PERDURE_ENTRY_REFERENCE_LOCATE, elsewhere, region},
      {PERDURE_ENTRY_REFERENCE_LOCATE, nothing, region},
      {PERDURE_ENTRY_REFERENCE_LOCATE, inside, inside},
  };
  must(perdure_reference_destroy(nothing));
  must(perdure_reference_create(nothing));
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i += 1) {
    const uint64_t *const arguments = ARGUMENTS(A(calls[i].object), A(calls[i].other));
    both(calls[i].entry, 3, arguments, arguments);
    compared(calls[i].entry);
  }
  must(both(PERDURE_ENTRY_REFERENCE_COPY, 3, ARGUMENTS(A(inside), A(&here->reference)),
            ARGUMENTS(A(inside), A(&outside->reference))));
  peek(PERDURE_TYPE_REFERENCE, &here->reference, &outside->reference);
  compared(PERDURE_ENTRY_REFERENCE_COPY);
  must(both(PERDURE_ENTRY_REFERENCE_DESTROY, 1, ARGUMENTS(A(&here->reference)), ARGUMENTS(A(&outside->reference))));
  compared(PERDURE_ENTRY_REFERENCE_DESTROY);
  must(both(PERDURE_ENTRY_REFERENCE_CREATE, 1, ARGUMENTS(A(&here->reference)), ARGUMENTS(A(&outside->reference))));
}

/* ---- regions: searched and watched; two of the same memory, one for each side ---- */

static void compare_items(uint64_t entry) {
  if (memcmp(here->items, outside->items, sizeof here->items) != 0) differ(entry, "an item", 0, 0);
  compared(entry);
}

static void compare_regions(char *page) {
  static struct perdure_region_state state;
  state = (struct perdure_region_state){
      .start_address = A(page),
      .size = PERDURE_PAGE_SIZE,
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  for (int i = 0; i < 2; i += 1) {
    must(perdure_region_set_state(&sides[i].region, &state, (perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE, NULL));
  }
  const uint64_t a = A(&here->region), b = A(&outside->region);
  memset(here->items, 0, sizeof here->items);
  memset(outside->items, 0, sizeof outside->items);
  must(both(PERDURE_ENTRY_REGION_SEARCH, 1 | 8, ARGUMENTS(a, 0, PERDURE_PAGE_SIZE, A(here->items), 64),
            ARGUMENTS(b, 0, PERDURE_PAGE_SIZE, A(outside->items), 64)));
  compare_items(PERDURE_ENTRY_REGION_SEARCH);
  /* The first collect begins the watch; then something happens in the child's page. */
  for (int i = 0; i < 2; i += 1) {
    must(both(PERDURE_ENTRY_REGION_COLLECT, 1 | 2, ARGUMENTS(a, A(here->items), 64), ARGUMENTS(b, A(outside->items), 64)));
    compare_items(PERDURE_ENTRY_REGION_COLLECT);
    *(volatile char *)(page + 3000) = (char)(i + 1);
    must(perdure_mutex_create((perdure_mutex *)(page + 3072)));
    must(perdure_mutex_destroy((perdure_mutex *)(page + 3072)));
    must(perdure_cond_create((perdure_cond *)(page + 3104)));
    must(both(PERDURE_ENTRY_REGION_MARK_CHANGED, 1, ARGUMENTS(a, 0, PERDURE_ITEM_PAGE, 0x77),
              ARGUMENTS(b, 0, PERDURE_ITEM_PAGE, 0x77)));
    both(PERDURE_ENTRY_REGION_MARK_CHANGED, 1, ARGUMENTS(a, 64, 9), ARGUMENTS(b, 64, 9));
    both(PERDURE_ENTRY_REGION_MARK_CHANGED, 1, ARGUMENTS(a, 4000, PERDURE_ITEM_OBJECT), ARGUMENTS(b, 4000, PERDURE_ITEM_OBJECT));
    compared(PERDURE_ENTRY_REGION_MARK_CHANGED);
    must(both(PERDURE_ENTRY_REGION_PEEK_CHANGED, 1 | 4, ARGUMENTS(a, 0, A(here->items), 64),
              ARGUMENTS(b, 0, A(outside->items), 64)));
    compare_items(PERDURE_ENTRY_REGION_PEEK_CHANGED);
    must(both(PERDURE_ENTRY_REGION_COLLECT, 1 | 2, ARGUMENTS(a, A(here->items), 2), ARGUMENTS(b, A(outside->items), 2)));
    must(both(PERDURE_ENTRY_REGION_COLLECT, 1 | 2, ARGUMENTS(a, A(here->items), 64), ARGUMENTS(b, A(outside->items), 64)));
    compare_items(PERDURE_ENTRY_REGION_COLLECT);
    must(perdure_cond_destroy((perdure_cond *)(page + 3104)));
  }
  /* Not at the bottom of memory: whoever asks, it is a programming error. */
  const uint64_t bottom[] = {PERDURE_ENTRY_REGION_SUPPLY, PERDURE_ENTRY_REGION_EVICT, PERDURE_ENTRY_REGION_PROTECT_PAGE};
  for (int i = 0; i < 3; i += 1) {
    const uint64_t outcome = both(bottom[i], 1, ARGUMENTS(a, 0, 0), ARGUMENTS(b, 0, 0));
    if (outcome != PERDURE_FAULT_INVALID_ADDRESS) differ(bottom[i], "the fault", outcome, outcome);
    compared(bottom[i]);
  }
}

/* ---- the child ---- */

static void serve(void *unused) {
  (void)unused;
  static char buffer[64];
  perdure_server_run(perdure_given_places(), NULL, NULL, buffer, sizeof buffer);
}

int main(void) {
  static struct perdure_child child;
  must(perdure_child_create(&child, serve, NULL, 0));
  struct perdure_server *const server = perdure_child_places(&child);
  must(perdure_server_create(server, 5));
  must(perdure_child_start(&child));
  for (int i = 0; i < 2; i += 1) {
    for (int j = 0; j < 5; j += 1) must(perdure_reference_create(&sides[i].links[j]));
    must(perdure_reference_create(&sides[i].reference));
    must(perdure_region_create(&sides[i].region));
  }
  /* What is in the child's page, by type: its thread waits at its port set. */
  char *const page = child.page;
  void *const objects[TYPES + 1] = {NULL,        page + 0x400, page + 0x420,     page + 0x440,       page + 0x460,
                                    &server->port, &server->portset, page + 0x480, page + 0x000, page + 0x4a0};
  perdure_reference *const thread_reference = (perdure_reference *)(page + 0x60);
  perdure_reference *const space_reference = (perdure_reference *)(page + 0x40);
  uint64_t is_null = 1;
  while (is_null) {
    perdure_sleep_ns(1000);
    must(perdure_thread_peek_state(objects[PERDURE_TYPE_THREAD], NULL, NULL, NULL, &here->reference, NULL, NULL));
    must(perdure_reference_check(&here->reference, &is_null));
  }
  const struct perdure_mutex_state locked = {.locked = 1};
  const struct perdure_mapping_state window = {.start_address = 0x3000, .size = 0x1000, .protection = PERDURE_READ};
  const struct perdure_region_state offer = {.start_address = 0x10000, .size = 0x2000, .protection = PERDURE_READ};
  must(perdure_mutex_create(objects[1]));
  must(perdure_mutex_set_state(objects[1], &locked, thread_reference));
  must(perdure_cond_create(objects[2]));
  must(perdure_cond_set_state(objects[2], NULL, thread_reference));
  must(perdure_region_create(objects[4]));
  must(perdure_region_set_state(objects[4], &offer, space_reference, NULL));
  must(perdure_region_reference(objects[4], &here->reference));
  must(perdure_mapping_create(objects[3]));
  must(perdure_mapping_set_state(objects[3], &window, &here->reference, space_reference));
  must(perdure_space_create(objects[7]));
  must(perdure_reference_create(objects[9]));
  must(perdure_mutex_reference(objects[1], objects[9]));

  for (unsigned type = 1; type <= TYPES; type += 1) compare_type(type, objects[type]);
  compare_regions(page);
  static perdure_reference output;
  must(perdure_reference_create(&output));
  must(perdure_reference_copy((perdure_reference *)PERDURE_PARENT_OUTPUT_REFERENCE, &output));
  compare_references(&here->region, objects[9], &output);

  must(both(PERDURE_ENTRY_KERNEL_RECORD, 1, ARGUMENTS(A(&here->state)), ARGUMENTS(A(&outside->state))));
  /* Time goes on between the two; nothing else does. */
  here->state.record.tick = outside->state.record.tick;
  if (memcmp(&here->state, &outside->state, sizeof here->state.record) != 0)
    differ(PERDURE_ENTRY_KERNEL_RECORD, "the record", 0, 0);
  compared(PERDURE_ENTRY_KERNEL_RECORD);
  printf("the child answers the same\n");
  return 0;
}
