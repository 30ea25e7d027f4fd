/* Spaces by example: what threads run in and see memory through. Mappings, regions and threads name their space. */
#include "example.h"

EXAMPLE(space_create) {
  perdure_space space;
  perdure_reference keeper;
  uint64_t is_null = 0;
  OK(perdure_space_create(&space));
  OK(perdure_reference_create(&keeper));
  OK(perdure_space_get_state(&space, NULL, &keeper, NULL));
  OK(perdure_reference_check(&keeper, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&keeper));
  OK(perdure_space_destroy(&space));
}

EXAMPLE(space_create_hash) {
  perdure_space space;
  struct perdure_space_state state;
  OK(perdure_space_create_hash(&space, 2026));
  OK(perdure_space_peek_state(&space, &state, NULL, NULL));
  EXPECT(state.hash == 2026);
  OK(perdure_space_destroy(&space));
}

/* What was in it stays, without memory: the mapping is there, its link to the space is null. */
EXAMPLE(space_destroy) {
  perdure_space space;
  perdure_mapping mapping;
  perdure_reference reference;
  uint64_t is_null = 0;
  OK(perdure_space_create(&space));
  OK(perdure_mapping_create(&mapping));
  OK(perdure_reference_create(&reference));
  OK(perdure_space_reference(&space, &reference));
  OK(perdure_mapping_set_state(&mapping, NULL, NULL, &reference));
  OK(perdure_space_destroy(&space));
  OK(perdure_mapping_get_state(&mapping, NULL, NULL, &reference));
  OK(perdure_reference_check(&reference, &is_null));
  EXPECT(is_null);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_mapping_destroy(&mapping));
}

/* A space with what hangs on it: its mapping finds it again. */
EXAMPLE(space_move) {
  perdure_space old_place, new_place;
  perdure_mapping mapping;
  perdure_reference reference, found;
  uint64_t is_same = 0;
  OK(perdure_space_create(&old_place));
  OK(perdure_mapping_create(&mapping));
  OK(perdure_reference_create(&reference));
  OK(perdure_reference_create(&found));
  OK(perdure_space_reference(&old_place, &reference));
  OK(perdure_mapping_set_state(&mapping, NULL, NULL, &reference));
  OK(perdure_space_move(&old_place, &new_place));
  OK(perdure_space_reference(&new_place, &reference));
  OK(perdure_mapping_get_state(&mapping, NULL, NULL, &found));
  OK(perdure_reference_compare(&reference, &found, &is_same));
  EXPECT(is_same);
  OK(perdure_reference_destroy(&found));
  OK(perdure_reference_destroy(&reference));
  OK(perdure_mapping_destroy(&mapping));
  OK(perdure_space_destroy(&new_place));
}

EXAMPLE(space_reference) {
  perdure_space space;
  perdure_reference reference;
  uint64_t is_same = 1;
  OK(perdure_space_create(&space));
  OK(perdure_reference_create(&reference));
  OK(perdure_space_reference(&space, &reference));
  OK(perdure_reference_compare(&reference, MY_SPACE, &is_same));
  EXPECT(!is_same);
  OK(perdure_reference_destroy(&reference));
  OK(perdure_space_destroy(&space));
}

EXAMPLE(space_get_state) {
  perdure_space space;
  perdure_reference keeper, scheduler;
  struct perdure_space_state state;
  uint64_t is_null = 0;
  OK(perdure_space_create(&space));
  OK(perdure_reference_create(&keeper));
  OK(perdure_reference_create(&scheduler));
  OK(perdure_space_get_state(&space, &state, &keeper, &scheduler));
  OK(perdure_reference_check(&scheduler, &is_null));
  EXPECT(state.serial != 0 && is_null);
  OK(perdure_reference_destroy(&scheduler));
  OK(perdure_reference_destroy(&keeper));
  OK(perdure_space_destroy(&space));
}

static struct perdure_fault_message told;

/* Receives one fault, and lets the thread that has it stay where it is. */
static void *keep_one(void *portset) {
  void *receive = &told;
  uint64_t room = sizeof told, flavour = 0, alias = 0, nothing = 0;
  const void *send = &nothing;
  uint64_t length = sizeof nothing;
  OK(perdure_ipc_wait_receive(portset, &receive, &room, &flavour, &alias, NULL));
  OK(perdure_ipc_reply(portset, &send, &length));
  return NULL;
}

/* Gives a space its keeper, who is told of the faults that nobody else handles: a thread without any memory has one at
   its first instruction. */
EXAMPLE(space_set_state) {
  static struct perdure_server keeper;
  static struct perdure_worker worker;
  perdure_space space;
  perdure_thread thread;
  perdure_reference port, to_space;
  const struct perdure_thread_state state = {.thread_address = 0x1000, .pc = 0x2000};
  OK(perdure_server_create(&keeper, 1));
  OK(perdure_worker_start(&worker, keep_one, &keeper.portset, 0));
  OK(perdure_space_create(&space));
  OK(perdure_thread_create(&thread));
  OK(perdure_reference_create(&port));
  OK(perdure_reference_create(&to_space));
  OK(perdure_port_reference(&keeper.port, &port));
  OK(perdure_space_set_state(&space, NULL, &port, NULL));
  OK(perdure_space_reference(&space, &to_space));
  OK(perdure_thread_set_state(&thread, &state, &to_space, NULL, NULL, NULL, NULL));
  perdure_worker_join(&worker);
  EXPECT(told.code == PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_INSTRUCTION_PAGE_FAULT);
  EXPECT(told.address == 0x2000 && told.pc == 0x2000 && told.thread == 0x1000);
  OK(perdure_thread_destroy(&thread));
  OK(perdure_reference_destroy(&to_space));
  OK(perdure_reference_destroy(&port));
  OK(perdure_space_destroy(&space));
  OK(perdure_port_destroy(&keeper.port));
  OK(perdure_portset_destroy(&keeper.portset));
}

EXAMPLE(space_peek_state) {
  perdure_space space;
  struct perdure_space_state first, second;
  OK(perdure_space_create(&space));
  OK(perdure_space_peek_state(&space, &first, NULL, NULL));
  OK(perdure_space_get_state(&space, &second, NULL, NULL));
  EXPECT(first.serial == second.serial && first.hash == second.hash);
  OK(perdure_space_destroy(&space));
}
