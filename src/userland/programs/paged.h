/* What a pager in the machine is made of: a space without threads, into which it puts windows onto its own memory, and a
   region over that space whose keeper it is. Whoever looks through the region where there is no window, or no right
   yet, is a fault that the kernel brings to the keeper; the pager answers by making a window, and the access is made
   again. Used by the pagers beside it. */
#include <perdure.h>
#include <stdint.h>

#define PAGE PERDURE_PAGE_SIZE
/* Where the object space has its pages, and where a child sees them. */
#define OBJECT_START 0x10000000ull
#define VIEW 0x2000000000ull

#define MUST(call)                                       \
  do {                                                   \
    const perdure_outcome must_outcome = (call);         \
    if (must_outcome != PERDURE_SUCCESS) {               \
      printf("%s: outcome %lu\n", #call, must_outcome);  \
      exit(1);                                           \
    }                                                    \
  } while (0)

/* The pager's own memory as a region, and the port set at which it waits: for the end of its children, and for faults,
   at a port for each region. */
#define END_ALIAS 1000

static perdure_region memory;
static perdure_reference memory_reference;
static perdure_portset portset;
static perdure_reference portset_reference;
static perdure_port end_port;
static perdure_reference end_reference;

/* Memory that is paged; faults in it come with the alias that it was made with. */
struct paged {
  perdure_port port;
  perdure_reference port_reference;
  perdure_space space;
  perdure_reference space_reference;
  perdure_region region;
  perdure_reference region_reference;
};

static void make_port(perdure_port *port, perdure_reference *reference, uint64_t alias) {
  const struct perdure_port_state state = {.alias = alias};
  MUST(perdure_port_create(port));
  MUST(perdure_port_set_state(port, &state, &portset_reference));
  MUST(perdure_reference_create(reference));
  MUST(perdure_port_reference(port, reference));
}

static void make_pager(void) {
  const struct perdure_region_state state = {
      .start_address = PERDURE_PROGRAM_START,
      .size = PERDURE_PROGRAM_END - PERDURE_PROGRAM_START,
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  MUST(perdure_region_create(&memory));
  MUST(perdure_region_set_state(&memory, &state, (perdure_reference *)PERDURE_PARENT_SPACE_REFERENCE, NULL));
  MUST(perdure_reference_create(&memory_reference));
  MUST(perdure_region_reference(&memory, &memory_reference));
  MUST(perdure_portset_create(&portset));
  MUST(perdure_reference_create(&portset_reference));
  MUST(perdure_portset_reference(&portset, &portset_reference));
  make_port(&end_port, &end_reference, END_ALIAS);
}

static void make_paged(struct paged *paged, uint64_t size, uint64_t alias) {
  const struct perdure_region_state state = {
      .start_address = OBJECT_START,
      .size = size,
      .protection = PERDURE_READ | PERDURE_WRITE,
  };
  make_port(&paged->port, &paged->port_reference, alias);
  MUST(perdure_space_create(&paged->space));
  MUST(perdure_reference_create(&paged->space_reference));
  MUST(perdure_space_reference(&paged->space, &paged->space_reference));
  MUST(perdure_region_create(&paged->region));
  MUST(perdure_region_set_state(&paged->region, &state, &paged->space_reference, &paged->port_reference));
  MUST(perdure_reference_create(&paged->region_reference));
  MUST(perdure_region_reference(&paged->region, &paged->region_reference));
}

/* Lets page `number` of the paged memory be the page at `address` of the pager. The mapping exists already. */
static void show(struct paged *paged, perdure_mapping *mapping, uint64_t number, const void *address,
                 uint64_t protection) {
  const struct perdure_mapping_state state = {
      .region_offset = (uint64_t)address - PERDURE_PROGRAM_START,
      .start_address = OBJECT_START + number * PAGE,
      .size = PAGE,
      .protection = protection,
  };
  MUST(perdure_mapping_set_state(mapping, &state, &memory_reference, &paged->space_reference));
}

/* The child sees the paged memory at VIEW. */
static void give(struct paged *paged, struct perdure_child *child, perdure_mapping *view, uint64_t size) {
  const struct perdure_mapping_state state = {
      .start_address = VIEW, .size = size, .protection = PERDURE_READ | PERDURE_WRITE};
  perdure_reference *space =
      (perdure_reference *)(child->page + (PERDURE_PARENT_SPACE_REFERENCE - PERDURE_PARENT_PAGE));
  MUST(perdure_mapping_create(view));
  MUST(perdure_mapping_set_state(view, &state, &paged->region_reference, space));
  MUST(perdure_reference_copy(&end_reference, perdure_child_reference(child, 0)));
}

/* A child tells its pager a number, and that it is done. */
static void tell(uint64_t number) {
  const void *send = &number;
  uint64_t length = sizeof number;
  void *receive = NULL;
  uint64_t room = 0;
  perdure_ipc_call(perdure_given_reference(0), &send, &length, &receive, &room);
}

/* Serves faults until `children` children have told their numbers, which come into `told` in the order of arrival. */
static void serve(void (*on_fault)(uint64_t alias, const struct perdure_fault_message *fault), uint64_t *told, unsigned children) {
  union {
    struct perdure_fault_message fault;
    uint64_t number;
  } request;
  unsigned ended = 0;
  int is_first = 1;
  while (ended < children) {
    void *receive = &request;
    uint64_t room = sizeof request;
    uint64_t flavour = 0;
    uint64_t alias = 0;
    const perdure_outcome outcome =
        is_first ? perdure_ipc_wait_receive(&portset, &receive, &room, &flavour, &alias, NULL)
                 : perdure_ipc_reply_wait_receive(&portset, NULL, 0, &receive, &room, &flavour, &alias, NULL);
    MUST(outcome);
    is_first = 0;
    if (alias == END_ALIAS) told[ended++] = request.number;
    else on_fault(alias, &request.fault);
  }
}
