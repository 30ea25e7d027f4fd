/* Lives of the machine: a question to the parent, and a port at which a thread waits for the next restart. */
#include <perdure.h>

static perdure_outcome ask(uint64_t port_address, const void *send, uint64_t send_length, struct perdure_life *life) {
  void *receive = life;
  uint64_t receive_length = sizeof *life;
  const perdure_outcome outcome =
      perdure_ipc_call((perdure_reference *)port_address, &send, &send_length, &receive, &receive_length);
  if (outcome != PERDURE_SUCCESS) return outcome;
  return receive_length == 0 ? life->outcome : PERDURE_INVALID_DESTINATION;
}

perdure_outcome perdure_life(struct perdure_life *life) {
  const struct perdure_parent_request request = {.operation = PERDURE_PARENT_OPERATION_LIFE};
  return ask(PERDURE_PARENT_PARENT_REFERENCE, &request, sizeof request, life);
}

perdure_outcome perdure_next_life(struct perdure_life *life) {
  return ask(PERDURE_PARENT_LIFE_REFERENCE, NULL, 0, life);
}
