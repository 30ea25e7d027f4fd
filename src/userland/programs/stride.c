/* A scheduler of its own policy: three children in spaces of their own share the time that this program has by their
   tickets, 1:2:3 (stride scheduling, Waldspurger 1995). The spaces link to a port each of the scheduler's set, so each
   thread in them asks there whenever it could run; it runs while it is given time. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

#define CHILDREN 3
#define DONATION 4000ull
#define STRIDE_ONE 6000ull
#define MUST(call)                                       \
  do {                                                   \
    const perdure_outcome must_outcome = (call);         \
    if (must_outcome != PERDURE_SUCCESS) {               \
      printf("%s: outcome %lu\n", #call, must_outcome);  \
      exit(1);                                           \
    }                                                    \
  } while (0)

static struct client {
  struct perdure_child child;
  perdure_port port;
  perdure_reference port_reference;
  uint64_t stride;
  uint64_t pass;
  uint64_t used;
  int is_ready;
} clients[CHILDREN];

static perdure_portset portset;
static perdure_reference portset_reference;

/* Counts for ever, where its parent sees it. */
static void count(void *unused) {
  (void)unused;
  volatile uint64_t *counter = perdure_given_places();
  for (;;) *counter += 1;
}

static perdure_thread *thread_of(struct client *client) {
  return (perdure_thread *)(client->child.page + (PERDURE_PARENT_THREAD - PERDURE_PARENT_PAGE));
}

static void make_client(unsigned index, uint64_t tickets) {
  struct client *client = &clients[index];
  const struct perdure_port_state state = {.alias = index};
  client->stride = STRIDE_ONE / tickets;
  MUST(perdure_port_create(&client->port));
  MUST(perdure_port_set_state(&client->port, &state, &portset_reference));
  MUST(perdure_reference_create(&client->port_reference));
  MUST(perdure_port_reference(&client->port, &client->port_reference));
  MUST(perdure_child_create(&client->child, count, NULL, 4096));
  MUST(perdure_child_set_scheduler(&client->child, &client->port_reference));
  MUST(perdure_child_start(&client->child));
}

/* Who is ready and has the lowest pass. */
static struct client *next_client(void) {
  struct client *next = NULL;
  for (unsigned i = 0; i < CHILDREN; i += 1) {
    struct client *client = &clients[i];
    if (client->is_ready && (next == NULL || client->pass < next->pass)) next = client;
  }
  return next;
}

/* The next that could run has told so. It begins where the others are: what it slept through is lost. */
static void receive(void) {
  struct perdure_scheduler_message message;
  void *buffer = &message;
  uint64_t room = sizeof message, flavour = 0, alias = 0;
  MUST(perdure_ipc_wait_receive(&portset, &buffer, &room, &flavour, &alias, NULL));
  struct client *client = &clients[alias];
  const struct client *first = next_client();
  if (first != NULL && client->pass < first->pass) client->pass = first->pass;
  client->is_ready = 1;
}

static void give_time(struct client *client) {
  uint64_t ticks = DONATION;
  const perdure_outcome outcome =
      perdure_thread_schedule(thread_of(client), &ticks, &portset, PERDURE_SENSITIVITY_BLOCK);
  const uint64_t used = DONATION - ticks;
  client->used += used;
  client->pass += used * client->stride;
  if (outcome == PERDURE_THREAD_BLOCKED) client->is_ready = 0;
  else if (outcome == PERDURE_MESSAGE_WAITS) receive();
  else if (outcome != PERDURE_SUCCESS) MUST(outcome);
}

int main(int argc, char **argv) {
  const uint64_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 600;
  uint64_t counted[CHILDREN], all = 0, given = 0;
  MUST(perdure_portset_create(&portset));
  MUST(perdure_reference_create(&portset_reference));
  MUST(perdure_portset_reference(&portset, &portset_reference));
  for (unsigned i = 0; i < CHILDREN; i += 1) make_client(i, i + 1);
  for (unsigned i = 0; i < CHILDREN; i += 1) receive();
  for (uint64_t round = 1; round <= rounds; round += 1) {
    struct client *client = next_client();
    if (client == NULL) receive();
    else give_time(client);
    if (round % 100 == 0) printf("round %lu\n", round);
  }
  for (unsigned i = 0; i < CHILDREN; i += 1) {
    counted[i] = *(volatile uint64_t *)perdure_child_places(&clients[i].child);
    all += counted[i];
    given += clients[i].used;
  }
  for (unsigned i = 0; i < CHILDREN; i += 1) {
    printf("child %u: %lu of 1000 given, %lu of 1000 counted\n", i, (clients[i].used * 1000 + given / 2) / given,
           (counted[i] * 1000 + all / 2) / all);
  }
  for (unsigned i = 0; i < CHILDREN; i += 1) perdure_child_destroy(&clients[i].child);
  return 0;
}
