/* A checkpointer inside a machine that is itself being checkpointed (law 4 of ARCHITECTURE.md: saving needs no powers).

   The child is another program of this folder, unchanged: transcript.c, with its threads, its locks and a child of its
   own. It lives in a pool of memory that this program gives it. At every tick the checkpointer saves the child into one
   of two slots, which are plain memory of its own; at some ticks it destroys the child instead, with all that it has,
   and makes it anew from the newer slot. The child goes on as if nothing had happened, and its output, which leaves only
   when a checkpoint covers it, is that of `transcript` alone. What src/persist does for the whole machine in
   TypeScript (checkpoint.ts, pickle.ts, restart.ts) is done here for a part of it, by the same entry points.

   checkpointer [TICK_US [LIFE [TRANSCRIPT'S ARGUMENTS]]]: a tick every TICK_US microseconds (default 500); every
   LIFE-th (default 3) ends a life of the child. The last line says how often that was. Exit status 0.

   Not here, to keep it short: input for the child, pages that come on demand, and regions of the child that collect. The
   child's threads must run below CHECKPOINTER_PRIORITY: then none of them runs while they are looked at. */
#define main child_main
#include "transcript.c"
#undef main
#include <string.h>

#define CHECKPOINTER_PRIORITY (PERDURE_PRIORITY_DEFAULT + 4)
#define CHILD_HEAP_SIZE (1024 * 1024)
#define POOL_PAGES_MAX 1024
#define OBJECTS_MAX 192
#define LINKS_MAX 5
#define STATE_WORDS (sizeof(struct perdure_thread_state) / 8)
#define HELD_MAX 65536

/* What the child's requests are about: aliases of the checkpointer's ports. */
enum { OUTPUT = 1, PARENT = 2, TICK = 3 };

/* ---- what a checkpoint holds ---- */

/* Objects get new serials when they are made anew, so a link is saved as the place of its target in the pool, or as the
   number of one of the few things outside that the child may refer to. */
enum { NOTHING, INSIDE, OUTSIDE };
struct link {
  uint64_t kind;
  uint64_t where;
};

struct object {
  uint64_t offset;
  unsigned type;
  struct link links[LINKS_MAX];
  union {
    uint64_t words[STATE_WORDS];
    struct perdure_thread_state thread;
  } state;
};

struct slot {
  unsigned object_count;
  struct object objects[OBJECTS_MAX];
  /* Pages that have changed since this slot was written; each change is news to both slots. */
  char is_stale[POOL_PAGES_MAX];
  char pages[POOL_PAGES_MAX][PERDURE_PAGE_SIZE];
};

/* In pages of their own: the child gets a copy of the static data, and need not have all this. */
static struct slot *slots[2];
static unsigned newest;

/* ---- the child's memory ---- */

static struct perdure_child child;
/* All of it, as a region that collects what changes: the child's memory and, on a page before it, its space and windows. */
static perdure_region pool_region;
static char (*pool)[PERDURE_PAGE_SIZE];
static uint64_t page_count;

/* ---- entries by number: the nine types have the same operations in the same places ---- */

enum operation { CREATE, CREATE_HASH, REFERENCE = 4, SET_STATE = 6, PEEK_STATE = 7 };
static const unsigned link_count[] = {0, 1, 1, 2, 2, 1, 0, 2, 5, 1};

/* One reference for each link of an object, used again for every object. */
static perdure_reference scratch[LINKS_MAX];
/* What the child may refer to outside: this program's space, and the two ports it has from us. */
enum { OWN_SPACE, OUTPUT_PORT, PARENT_PORT, OUTSIDE_COUNT };
static perdure_reference outside[OUTSIDE_COUNT];

static void must(perdure_outcome outcome, const char *what) {
  if (outcome == PERDURE_SUCCESS) return;
  printf("checkpointer: %s: outcome %lu\n", what, outcome);
  exit(1);
}

/* The operation on the object at this offset of the pool, with a word or state, and as many scratch references as its
   type has links: it does not look at the others. */
static void operate(unsigned type, enum operation operation, uint64_t offset, const void *word) {
  register uint64_t a0 __asm__("a0") = (uint64_t)pool + offset;
  register const void *a1 __asm__("a1") = word;
  register void *a2 __asm__("a2") = &scratch[0];
  register void *a3 __asm__("a3") = &scratch[1];
  register void *a4 __asm__("a4") = &scratch[2];
  register void *a5 __asm__("a5") = &scratch[3];
  register void *a6 __asm__("a6") = &scratch[4];
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_MUTEX_CREATE + 0x40 * (type - 1) + operation;
  __asm__ volatile("ecall"
                   : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(a7)
                   :
                   : "t0", "t1", "memory");
  must(a0, "an operation on an object of the child");
}

/* ---- saving ---- */

static struct link link_of(perdure_reference *reference) {
  struct link link = {.kind = INSIDE};
  if (perdure_reference_locate(reference, &pool_region, &link.where, NULL, NULL) == PERDURE_SUCCESS) return link;
  link.kind = OUTSIDE;
  for (link.where = 0; link.where < OUTSIDE_COUNT; link.where += 1) {
    uint64_t is_same = 0;
    perdure_reference_compare(reference, &outside[link.where], &is_same);
    if (is_same) return link;
  }
  /* Null, or the checkpointer itself while it serves the child: an idempotent request, which is simply made again. */
  return (struct link){.kind = NOTHING};
}

/* What has changed since the last time is stale in both slots. */
static void collect(void) {
  static struct perdure_item items[64];
  uint64_t room = 0;
  while (room == 0) {
    struct perdure_item *next = items;
    room = sizeof items / sizeof items[0];
    must(perdure_region_collect(&pool_region, &next, &room), "collect");
    for (const struct perdure_item *item = items; item < next; item += 1) {
      if (item->kind != PERDURE_ITEM_PAGE && item->kind != PERDURE_ITEM_PAGE_GONE) continue;
      slots[0]->is_stale[item->offset / PERDURE_PAGE_SIZE] = 1;
      slots[1]->is_stale[item->offset / PERDURE_PAGE_SIZE] = 1;
    }
  }
}

/* Saves the child into the slot: the pages that changed, and every object. */
static void save(struct slot *slot) {
  collect();
  for (uint64_t i = 0; i < page_count; i += 1) {
    /* Compared first, so that a page that stays as it is costs the checkpointer below us nothing either. */
    if (slot->is_stale[i] && memcmp(slot->pages[i], pool[i], PERDURE_PAGE_SIZE) != 0) {
      memcpy(slot->pages[i], pool[i], PERDURE_PAGE_SIZE);
    }
    slot->is_stale[i] = 0;
  }
  static struct perdure_item items[OBJECTS_MAX];
  struct perdure_item *end = items;
  uint64_t offset = 0, size = page_count * PERDURE_PAGE_SIZE, room = OBJECTS_MAX;
  must(perdure_region_search(&pool_region, &offset, &size, &end, &room), "search");
  if (room == 0) must(PERDURE_NO_MEMORY, "the child has too many objects");
  slot->object_count = (unsigned)(end - items);
  memset(slot->objects, 0, slot->object_count * sizeof slot->objects[0]);
  for (unsigned i = 0; i < slot->object_count; i += 1) {
    struct object *const object = &slot->objects[i];
    object->offset = items[i].offset;
    object->type = items[i].type;
    operate(object->type, PEEK_STATE, object->offset, &object->state);
    for (unsigned j = 0; j < link_count[object->type]; j += 1) object->links[j] = link_of(&scratch[j]);
  }
}

/* ---- bringing back ---- */

/* Points the scratch reference at what the link says. */
static void aim(const struct slot *slot, struct link link, perdure_reference *reference) {
  must(perdure_reference_destroy(reference), "reference");
  must(perdure_reference_create(reference), "reference");
  if (link.kind == OUTSIDE) must(perdure_reference_copy(&outside[link.where], reference), "copy");
  for (unsigned i = 0; link.kind == INSIDE && i < slot->object_count; i += 1) {
    const struct object *const target = &slot->objects[i];
    if (target->offset == link.where) operate(target->type, REFERENCE, target->offset, reference);
  }
}

/* Destroys whatever is in the pool, and makes anew what the slot holds: memory, all objects, then their states and links,
   threads last. None of them runs before the checkpointer waits again. */
static void bring_back(const struct slot *slot) {
  static const char zeros[PERDURE_PAGE_SIZE];
  must(perdure_region_discard(&pool_region, 0, page_count * PERDURE_PAGE_SIZE), "discard");
  for (uint64_t i = 0; i < page_count; i += 1) {
    if (memcmp(slot->pages[i], zeros, PERDURE_PAGE_SIZE) != 0) memcpy(pool[i], slot->pages[i], PERDURE_PAGE_SIZE);
  }
  for (unsigned i = 0; i < slot->object_count; i += 1) {
    const struct object *const object = &slot->objects[i];
    if (object->type == PERDURE_TYPE_REFERENCE) operate(object->type, CREATE, object->offset, NULL);
    else operate(object->type, CREATE_HASH, object->offset, (const void *)object->state.words[0]);
  }
  for (int is_threads_turn = 0; is_threads_turn < 2; is_threads_turn += 1) {
    for (unsigned i = 0; i < slot->object_count; i += 1) {
      const struct object *const object = &slot->objects[i];
      if ((object->type == PERDURE_TYPE_THREAD) != is_threads_turn) continue;
      for (unsigned j = 0; j < link_count[object->type]; j += 1) aim(slot, object->links[j], &scratch[j]);
      operate(object->type, SET_STATE, object->offset, &object->state);
    }
  }
}

/* The child that came back must be, word for word, the one that was saved, but for the serials. */
static void compare(const struct slot *before, const struct slot *after) {
  int is_same = before->object_count == after->object_count;
  is_same &= memcmp(before->pages, after->pages, page_count * PERDURE_PAGE_SIZE) == 0;
  for (unsigned i = 0; i < before->object_count; i += 1) {
    const struct object *const was = &before->objects[i];
    struct object is = after->objects[i];
    const unsigned serial_word = was->type == PERDURE_TYPE_REFERENCE ? 0 : 1;
    is.state.words[serial_word] = was->state.words[serial_word];
    /* But who waited for nothing in the pool may be awake: a sleeper, for time goes on, and who was being served. */
    const int has_waited = was->type == PERDURE_TYPE_THREAD && was->links[2].kind == NOTHING && was->state.thread.turn == 0;
    is_same &= (has_waited && is.state.thread.turn != 0) || memcmp(was, &is, sizeof is) == 0;
  }
  if (!is_same) must(PERDURE_NOT_FOUND, "the child came back otherwise");
}

/* ---- serving the child ---- */

/* Output since the newest checkpoint: the child would write it again if it were brought back. */
static char held[HELD_MAX];
static size_t held_length;
/* The child has said that it ends. */
static int is_over;
static unsigned long tick_count, life_length = 3, life_count;

static void checkpoint(void) {
  save(slots[!newest]);
  newest = !newest; /* This line commits the checkpoint. What it covers may leave now, and not before. */
  fwrite(held, 1, held_length, stdout);
  fflush(stdout);
  held_length = 0;
}

static void end_life(void) {
  bring_back(slots[newest]);
  held_length = 0;
  is_over = 0;
  life_count += 1;
  save(slots[!newest]);
  compare(slots[newest], slots[!newest]);
}

static size_t serve_child(void *context, uint64_t alias, void *buffer, size_t length, size_t room) {
  (void)context, (void)room;
  uint64_t *const reply = buffer;
  if (alias == PARENT) { /* It asks for nothing but its end, which nobody answers: it sleeps. */
    is_over = 1;
    return 0;
  }
  if (alias == TICK) {
    tick_count += 1;
    if (tick_count % life_length == 0) end_life();
    else checkpoint();
    *reply = (uint64_t)is_over;
  } else {
    if (held_length + length > HELD_MAX) checkpoint();
    memcpy(held + held_length, buffer, length);
    held_length += length;
    *reply = length;
  }
  return sizeof *reply;
}

static perdure_portset portset;

static void *run_checkpointer(void *unused) {
  (void)unused;
  static uint64_t buffer[PERDURE_SHORT_MESSAGE_BYTES / 8];
  const struct perdure_services services = {.idempotent = serve_child};
  must(perdure_serve(&portset, &services, NULL, buffer, sizeof buffer), "serve");
  return NULL;
}

/* ---- putting it together ---- */

static int child_argc;

static void begin_child(void *child_argv) {
  exit(child_main(child_argc, child_argv));
}

static void make_port(perdure_port *port, uint64_t alias, perdure_reference *reference) {
  const struct perdure_port_state state = {.alias = alias};
  must(perdure_port_create(port), "port");
  must(perdure_portset_reference(&portset, &scratch[0]), "port set");
  must(perdure_port_set_state(port, &state, &scratch[0]), "port");
  must(perdure_port_reference(port, reference), "port");
}

/* The references that the child has from us, at their places in its parent page. */
static void give(uint64_t child_address, perdure_reference *reference) {
  void *const place = child.page + (child_address - PERDURE_PARENT_PAGE);
  must(perdure_reference_destroy(place), "give");
  must(perdure_reference_create(place), "give");
  if (reference) must(perdure_reference_copy(reference, place), "give");
}

static void make_child(char **child_argv) {
  char *const end = perdure_take_pages(0);
  must(perdure_child_create(&child, begin_child, child_argv, CHILD_HEAP_SIZE), "child");
  pool = (void *)child.control;
  page_count = (uint64_t)(end - (char *)pool) / PERDURE_PAGE_SIZE;
  if (page_count > POOL_PAGES_MAX) must(PERDURE_NO_MEMORY, "the child is too large");
  const struct perdure_region_state state = {
      .start_address = (uint64_t)pool,
      .size = page_count * PERDURE_PAGE_SIZE,
      .protection = PERDURE_READ | PERDURE_WRITE | PERDURE_EXECUTE,
  };
  must(perdure_region_create(&pool_region), "pool");
  must(perdure_region_set_state(&pool_region, &state, &outside[OWN_SPACE], NULL), "pool");
  give(PERDURE_PARENT_OUTPUT_REFERENCE, &outside[OUTPUT_PORT]);
  give(PERDURE_PARENT_PARENT_REFERENCE, &outside[PARENT_PORT]);
  give(PERDURE_PARENT_INPUT_REFERENCE, NULL);
  collect(); /* From here on every change is told; what was before is news to both slots. */
  memset(slots[0]->is_stale, 1, page_count);
  memset(slots[1]->is_stale, 1, page_count);
}

/* Nobody sets a state of his own: the main thread raises the checkpointer's priority. */
static void raise_priority(perdure_thread *thread) {
  struct perdure_thread_state state;
  must(perdure_thread_get_state(thread, &state, NULL, NULL, NULL, NULL, NULL), "priority");
  state.flags &= ~(uint64_t)PERDURE_THREAD_STOPPED;
  state.priority = CHECKPOINTER_PRIORITY;
  must(perdure_thread_set_state(thread, &state, NULL, NULL, NULL, NULL, NULL), "priority");
}

/* A tick: whether the child has ended. */
static uint64_t tick(perdure_reference *port) {
  const void *send = NULL;
  uint64_t send_length = 0, answer = 0, room = sizeof answer;
  void *receive = &answer;
  must(perdure_ipc_call(port, &send, &send_length, &receive, &room), "tick");
  return answer;
}

int main(int argc, char **argv) {
  static struct perdure_worker worker;
  static perdure_port output_port, parent_port, tick_port;
  static perdure_reference tick_reference;
  const unsigned long tick_us = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
  if (argc > 2) life_length = strtoul(argv[2], NULL, 10);
  for (int i = 0; i < 2; i += 1) slots[i] = perdure_take_pages(sizeof *slots[i]);
  if (life_length < 2 || slots[0] == NULL || slots[1] == NULL) return 1;
  for (int i = 0; i < LINKS_MAX; i += 1) must(perdure_reference_create(&scratch[i]), "reference");
  for (int i = 0; i < OUTSIDE_COUNT; i += 1) must(perdure_reference_create(&outside[i]), "reference");
  must(perdure_reference_create(&tick_reference), "reference");
  must(perdure_reference_copy((perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE, &outside[OWN_SPACE]), "space");
  must(perdure_portset_create(&portset), "port set");
  make_port(&output_port, OUTPUT, &outside[OUTPUT_PORT]);
  make_port(&parent_port, PARENT, &outside[PARENT_PORT]);
  make_port(&tick_port, TICK, &tick_reference);

  /* The child's arguments are those behind ours. It sees a copy of the heap. */
  child_argc = argc > 2 ? argc - 2 : 1;
  char **const child_argv = calloc((size_t)child_argc + 1, sizeof *child_argv);
  for (int i = 0; i < child_argc; i += 1) child_argv[i] = strdup(i == 0 ? "transcript" : argv[i + 2]);
  make_child(child_argv);
  must(perdure_worker_start(&worker, run_checkpointer, NULL, 0), "worker");
  raise_priority(&worker.thread);
  must(perdure_child_start(&child), "child");
  do perdure_sleep_ns(tick_us * 1000);
  while (!tick(&tick_reference));
  printf("checkpointer: the child was destroyed and brought back %lu times\n", life_count);
  return 0;
}
