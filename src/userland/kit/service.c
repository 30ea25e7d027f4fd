/* Questions and answers by reliable IPC: one message each way, then the conversation ends. */
#include <perdure.h>

perdure_outcome perdure_ask(perdure_reference *port, const void *question, size_t question_length, void *answer,
                            size_t *answer_length) {
  const void *send = question;
  uint64_t send_length = question_length;
  void *receive = answer;
  uint64_t receive_length = *answer_length;
  const perdure_outcome outcome =
      perdure_ipc_client_connect_send_over_receive(port, &send, &send_length, &receive, &receive_length, NULL);
  *answer_length -= receive_length;
  if (outcome == PERDURE_RECEIVE_MORE_DATA) perdure_ipc_client_disconnect();
  /* The server ends the conversation after its answer: that is the normal end. */
  return outcome == PERDURE_RECEIVE_DISCONNECTED ? PERDURE_SUCCESS : outcome;
}

perdure_outcome perdure_server_create(struct perdure_server *server, uint64_t alias) {
  perdure_outcome outcome = perdure_portset_create(&server->portset);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_port_create(&server->port);
  if (outcome != PERDURE_SUCCESS) return outcome;
  const struct perdure_port_state state = {.alias = alias};
  perdure_reference reference;
  outcome = perdure_reference_create(&reference);
  if (outcome != PERDURE_SUCCESS) return outcome;
  perdure_portset_reference(&server->portset, &reference);
  outcome = perdure_port_set_state(&server->port, &state, &reference);
  perdure_reference_destroy(&reference);
  return outcome;
}

perdure_outcome perdure_server_run(struct perdure_server *server, perdure_answerer *answerer, void *context,
                                   void *buffer, size_t buffer_size) {
  uint64_t flavour = 0;
  uint64_t alias = 0;
  void *receive = buffer;
  uint64_t room = buffer_size;
  /* Behind the call, also in a thread that has served in another way before. */
  perdure_outcome outcome =
      perdure_ipc_setup_wait_receive(&server->portset, 0, 0, &receive, &room, 0, &flavour, &alias, NULL);
  for (;;) {
    /* Somebody took the port set away: nothing will ever come. */
    if (outcome == PERDURE_CANCELED || outcome == PERDURE_INVALID_DESTINATION) return outcome;
    const size_t question_length = buffer_size - room;
    const int is_question = flavour == PERDURE_FLAVOUR_RELIABLE &&
                            (outcome == PERDURE_SUCCESS || outcome == PERDURE_RECEIVE_MORE_DATA ||
                             outcome == PERDURE_RECEIVE_MORE_REFERENCES);
    receive = buffer;
    room = buffer_size;
    if (!is_question) {
      /* One-way and idempotent messages, and clients that went away, are not questions. */
      outcome = perdure_ipc_wait_receive(&server->portset, &receive, &room, &flavour, &alias, NULL);
      continue;
    }
    const size_t answer_length = answerer(context, alias, buffer, question_length, buffer_size);
    if (answer_length == PERDURE_SERVER_STOP) {
      perdure_ipc_server_disconnect();
      return PERDURE_SUCCESS;
    }
    /* The answer and the next question share the buffer: the whole answer has left before the wait begins. */
    outcome = perdure_ipc_server_ack_send_wait_receive(
        &server->portset, buffer, answer_length, &receive, &room, &flavour, &alias, NULL);
  }
}
