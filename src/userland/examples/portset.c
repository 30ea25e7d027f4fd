/* Port sets by example: where servers wait. Several threads may wait at one set, and a set may have many ports. */
#include "example.h"

EXAMPLE(portset_create) {
  perdure_portset portset;
  OK(perdure_portset_create(&portset));
  OK(perdure_portset_destroy(&portset));
}

EXAMPLE(portset_create_hash) {
  perdure_portset portset;
  struct perdure_portset_state state;
  OK(perdure_portset_create_hash(&portset, 443));
  OK(perdure_portset_get_state(&portset, &state));
  EXPECT(state.hash == 443);
  OK(perdure_portset_destroy(&portset));
}

static void *serve(void *portset) {
  uint64_t flavour = 0, alias = 0, room = 0;
  void *receive = NULL;
  return (void *)perdure_ipc_wait_receive(portset, &receive, &room, &flavour, &alias, NULL);
}

/* The way to end a server from outside: its wait is broken off. */
EXAMPLE(portset_destroy) {
  static perdure_portset portset;
  static struct perdure_worker server;
  OK(perdure_portset_create(&portset));
  OK(perdure_worker_start(&server, serve, &portset, 0));
  example_until_waiting(&server.thread);
  OK(perdure_portset_destroy(&portset));
  EXPECT((uint64_t)perdure_worker_join(&server) == PERDURE_CANCELED);
}

/* The ports of the set stay in it. */
EXAMPLE(portset_move) {
  static struct perdure_server server;
  perdure_portset new_place;
  perdure_reference of_port, of_set;
  uint64_t is_same = 0;
  OK(perdure_server_create(&server, 1));
  OK(perdure_portset_move(&server.portset, &new_place));
  OK(perdure_reference_create(&of_port));
  OK(perdure_reference_create(&of_set));
  OK(perdure_port_get_state(&server.port, NULL, &of_port));
  OK(perdure_portset_reference(&new_place, &of_set));
  OK(perdure_reference_compare(&of_port, &of_set, &is_same));
  EXPECT(is_same);
  OK(perdure_reference_destroy(&of_set));
  OK(perdure_reference_destroy(&of_port));
  OK(perdure_port_destroy(&server.port));
  OK(perdure_portset_destroy(&new_place));
}

/* Ports are put into a set by a reference to it. */
EXAMPLE(portset_reference) {
  perdure_portset portset;
  perdure_port port;
  perdure_reference reference;
  OK(perdure_portset_create(&portset));
  OK(perdure_port_create(&port));
  OK(perdure_reference_create(&reference));
  OK(perdure_portset_reference(&portset, &reference));
  OK(perdure_port_set_state(&port, NULL, &reference));
  OK(perdure_reference_destroy(&reference));
  OK(perdure_port_destroy(&port));
  OK(perdure_portset_destroy(&portset));
}

/* A set does not list its ports: each port's own state names its set. */
EXAMPLE(portset_get_state) {
  perdure_portset portset;
  struct perdure_portset_state state;
  OK(perdure_portset_create(&portset));
  OK(perdure_portset_get_state(&portset, &state));
  EXPECT(state.serial != 0);
  OK(perdure_portset_destroy(&portset));
}

/* Nothing of a set can be changed. A restorer of objects calls this for all types alike. */
EXAMPLE(portset_set_state) {
  perdure_portset portset;
  struct perdure_portset_state before, after;
  OK(perdure_portset_create(&portset));
  OK(perdure_portset_get_state(&portset, &before));
  OK(perdure_portset_set_state(&portset, &before));
  OK(perdure_portset_get_state(&portset, &after));
  EXPECT(before.serial == after.serial && before.hash == after.hash);
  OK(perdure_portset_destroy(&portset));
}

/* A server that is waiting is not disturbed. */
EXAMPLE(portset_peek_state) {
  static perdure_portset portset;
  static struct perdure_worker server;
  struct perdure_portset_state state;
  OK(perdure_portset_create(&portset));
  OK(perdure_worker_start(&server, serve, &portset, 0));
  example_until_waiting(&server.thread);
  OK(perdure_portset_peek_state(&portset, &state));
  OK(perdure_portset_destroy(&portset));
  EXPECT((uint64_t)perdure_worker_join(&server) == PERDURE_CANCELED);
}
