/* What the examples share. */
#include "example.h"

void example_until_waiting(perdure_thread *thread) {
  perdure_reference object;
  uint64_t is_null = 1;
  OK(perdure_reference_create(&object));
  while (is_null) {
    perdure_sleep_ns(1000);
    OK(perdure_thread_peek_state(thread, NULL, NULL, NULL, &object, NULL, NULL));
    OK(perdure_reference_check(&object, &is_null));
  }
  OK(perdure_reference_destroy(&object));
}

__attribute__((aligned(PERDURE_PAGE_SIZE))) unsigned char example_pages[2 * PERDURE_PAGE_SIZE];

void example_offer(perdure_region *region, perdure_reference *reference) {
  const struct perdure_region_state state = {
      .start_address = (uint64_t)example_pages,
      .size = sizeof example_pages,
      .protection = PERDURE_READ | PERDURE_WRITE | PERDURE_EXECUTE,
  };
  memset(example_pages, 0, sizeof example_pages);
  OK(perdure_region_create(region));
  OK(perdure_region_set_state(region, &state, MY_SPACE, NULL));
  OK(perdure_reference_create(reference));
  OK(perdure_region_reference(region, reference));
}

void example_withdraw(perdure_region *region, perdure_reference *reference) {
  OK(perdure_reference_destroy(reference));
  OK(perdure_region_destroy(region));
}

struct example_text example_say(const char *text) {
  return (struct example_text){.at = text, .left = strlen(text)};
}

void example_listen(struct example_room *room, uint64_t size) {
  memset(room->bytes, 0, sizeof room->bytes);
  room->at = room->bytes;
  room->left = size;
}

int example_heard(const struct example_room *room, const char *text) {
  const size_t length = (size_t)((char *)room->at - room->bytes);
  return length == strlen(text) && memcmp(room->bytes, text, length) == 0;
}

void example_open(struct example_server *server, uint64_t alias) {
  OK(perdure_server_create(&server->server, alias));
  OK(perdure_reference_create(&server->port));
  OK(perdure_port_reference(&server->server.port, &server->port));
}

void example_close(struct example_server *server) {
  OK(perdure_reference_destroy(&server->port));
  OK(perdure_port_destroy(&server->server.port));
  OK(perdure_portset_destroy(&server->server.portset));
}

static size_t capitals(void *context, uint64_t alias, void *buffer, size_t length, size_t room) {
  (void)context, (void)alias, (void)room;
  char *const bytes = buffer;
  for (size_t i = 0; i < length; i += 1) {
    if (bytes[i] >= 'a' && bytes[i] <= 'z') bytes[i] -= 'a' - 'A';
  }
  return length;
}

void *example_shout(void *server) {
  char buffer[64];
  struct example_server *const mine = server;
  EXPECT(perdure_server_run(&mine->server, capitals, NULL, buffer, sizeof buffer) == PERDURE_CANCELED);
  return NULL;
}

uint64_t example_fault_of(void (*function)(void *), void *argument) {
  struct perdure_exception exception;
  EXPECT(!perdure_try(function, argument, &exception));
  return exception.code;
}
