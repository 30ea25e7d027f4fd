/* Ports by example: what clients call. A reference to a port is the right to call it. */
#include "example.h"

static void *answer_one(void *portset) {
  uint64_t buffer[2] = {0};
  void *receive = buffer;
  uint64_t room = sizeof buffer, flavour = 0, alias = 0;
  OK(perdure_ipc_wait_receive(portset, &receive, &room, &flavour, &alias, NULL));
  buffer[0] = alias;
  const void *send = buffer;
  uint64_t length = sizeof(uint64_t);
  OK(perdure_ipc_reply(portset, &send, &length));
  return NULL;
}

/* Calls the port and returns the word that it answers. */
static uint64_t ask(perdure_port *port) {
  perdure_reference reference;
  uint64_t answer = 0, length = 0, room = sizeof answer;
  const void *send = NULL;
  void *receive = &answer;
  OK(perdure_reference_create(&reference));
  OK(perdure_port_reference(port, &reference));
  OK(perdure_ipc_call(&reference, &send, &length, &receive, &room));
  OK(perdure_reference_destroy(&reference));
  return answer;
}

/* A new port is in no set: nobody can serve it, and who calls it waits. */
EXAMPLE(port_create) {
  perdure_port port;
  perdure_reference portset;
  uint64_t is_null = 0;
  OK(perdure_port_create(&port));
  OK(perdure_reference_create(&portset));
  OK(perdure_port_get_state(&port, NULL, &portset));
  OK(perdure_reference_check(&portset, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&portset));
  OK(perdure_port_destroy(&port));
}

EXAMPLE(port_create_hash) {
  perdure_port port;
  struct perdure_port_state state;
  OK(perdure_port_create_hash(&port, 80));
  OK(perdure_port_peek_state(&port, &state, NULL));
  EXPECT(state.hash == 80);
  OK(perdure_port_destroy(&port));
}

static void *call(void *reference) {
  const void *send = NULL;
  void *receive = NULL;
  uint64_t length = 0, room = 0;
  return (void *)perdure_ipc_call(reference, &send, &length, &receive, &room);
}

/* Clients that wait at it are told, and references to it are null. */
EXAMPLE(port_destroy) {
  static perdure_port port;
  static perdure_reference reference;
  static struct perdure_worker client;
  OK(perdure_port_create(&port));
  OK(perdure_reference_create(&reference));
  OK(perdure_port_reference(&port, &reference));
  OK(perdure_worker_start(&client, call, &reference, 0));
  example_until_waiting(&client.thread);
  OK(perdure_port_destroy(&port));
  EXPECT((uint64_t)perdure_worker_join(&client) == PERDURE_CANCELED);
  EXPECT((uint64_t)call(&reference) == PERDURE_INVALID_DESTINATION);
  OK(perdure_reference_destroy(&reference));
}

/* Clients cannot tell: their references follow, and so does the set. */
EXAMPLE(port_move) {
  static struct perdure_server server;
  static perdure_port new_place;
  static struct perdure_worker worker;
  OK(perdure_server_create(&server, 7));
  OK(perdure_port_move(&server.port, &new_place));
  OK(perdure_worker_start(&worker, answer_one, &server.portset, 0));
  EXPECT(ask(&new_place) == 7);
  perdure_worker_join(&worker);
  OK(perdure_port_destroy(&new_place));
  OK(perdure_portset_destroy(&server.portset));
}

/* Whoever gets the reference may call the port, and nobody else. */
EXAMPLE(port_reference) {
  static struct perdure_server server;
  static struct perdure_worker worker;
  OK(perdure_server_create(&server, 12));
  OK(perdure_worker_start(&worker, answer_one, &server.portset, 0));
  EXPECT(ask(&server.port) == 12);
  perdure_worker_join(&worker);
  OK(perdure_port_destroy(&server.port));
  OK(perdure_portset_destroy(&server.portset));
}

/* The state says the alias, and the link in which set it is. */
EXAMPLE(port_get_state) {
  static struct perdure_server server;
  struct perdure_port_state state;
  perdure_reference portset;
  uint64_t type = 0;
  OK(perdure_server_create(&server, 3));
  OK(perdure_reference_create(&portset));
  OK(perdure_port_get_state(&server.port, &state, &portset));
  OK(perdure_reference_type(&portset, &type));
  EXPECT(state.alias == 3 && type == PERDURE_TYPE_PORTSET);
  OK(perdure_reference_destroy(&portset));
  OK(perdure_port_destroy(&server.port));
  OK(perdure_portset_destroy(&server.portset));
}

/* Puts the port into a set, while a client waits at it already: the client is served now and never knew. */
EXAMPLE(port_set_state) {
  static perdure_portset portset;
  static perdure_port port;
  static perdure_reference reference;
  static struct perdure_worker client;
  perdure_reference to_portset;
  const struct perdure_port_state state = {.alias = 55};
  OK(perdure_portset_create(&portset));
  OK(perdure_port_create(&port));
  OK(perdure_reference_create(&reference));
  OK(perdure_port_reference(&port, &reference));
  OK(perdure_worker_start(&client, call, &reference, 0));
  example_until_waiting(&client.thread);
  OK(perdure_reference_create(&to_portset));
  OK(perdure_portset_reference(&portset, &to_portset));
  OK(perdure_port_set_state(&port, &state, &to_portset));
  answer_one(&portset);
  EXPECT((uint64_t)perdure_worker_join(&client) == PERDURE_SUCCESS);
  OK(perdure_reference_destroy(&to_portset));
  OK(perdure_reference_destroy(&reference));
  OK(perdure_port_destroy(&port));
  OK(perdure_portset_destroy(&portset));
}

EXAMPLE(port_peek_state) {
  perdure_port port;
  struct perdure_port_state state;
  OK(perdure_port_create(&port));
  OK(perdure_port_peek_state(&port, &state, NULL));
  EXPECT(state.alias == 0 && state.serial != 0);
  OK(perdure_port_destroy(&port));
}
