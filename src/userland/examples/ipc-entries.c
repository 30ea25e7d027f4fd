/* Messages that enter a thread at functions of their own, by example. perdure_serve (perdure.h) is made of this. */
#include "example.h"

#include <setjmp.h>

static struct example_server server;
static struct perdure_worker worker;
static jmp_buf behind;

static uint64_t ask(uint64_t question) {
  const void *send = &question;
  uint64_t answer = 0, length = sizeof question, room = sizeof answer;
  void *receive = &answer;
  OK(perdure_ipc_call(&server.port, &send, &length, &receive, &room));
  return answer;
}

/* Entered by the kernel with what wait_receive would have returned, on the stack that the wait was made with. */
static void on_request(perdure_outcome outcome, uint64_t flavour, uint64_t alias, uint64_t *receive, uint64_t room) {
  EXPECT(outcome == PERDURE_SUCCESS && flavour == PERDURE_FLAVOUR_IDEMPOTENT && alias == 6 && room == 0);
  const uint64_t word = receive[-1] + 1;
  const void *send = &word;
  uint64_t length = sizeof word;
  OK(perdure_ipc_reply(&server.server.portset, &send, &length));
  longjmp(behind, 1);
}

static void *serve_one(void *unused) {
  (void)unused;
  uint64_t word = 0, room = sizeof word, flavour = 0, alias = 0;
  void *receive = &word;
  if (setjmp(behind) == 0) {
    perdure_ipc_setup_wait_receive(&server.server.portset, 0, (uint64_t)on_request, &receive, &room, 0, &flavour, &alias,
                                   NULL);
    EXPECT(0);
  }
  return NULL;
}

/* Says where messages of each flavour enter the thread, and waits for one. It holds for all later waits of the thread,
   until it is said anew: so a server's thread does it, which does nothing else. */
EXAMPLE(ipc_setup_wait_receive) {
  example_open(&server, 6);
  OK(perdure_worker_start(&worker, serve_one, NULL, 0));
  EXPECT(ask(41) == 42);
  perdure_worker_join(&worker);
  example_close(&server);
}

/* Serves with functions of its own for each flavour; its answers are empty. */
static void *serve(void *argument) {
  static char buffer[16];
  struct example_server *const mine = argument;
  const struct perdure_services services = {0};
  return (void *)perdure_serve(&mine->server.portset, &services, NULL, buffer, sizeof buffer);
}

/* What a server with a reliable entry is in, from the moment a client has connected until its message is complete: it
   stands in the state of such a thread, and need not be called. */
EXAMPLE(ipc_server_receive_first) {
  struct perdure_thread_state state;
  struct example_text begin = example_say("wait for it ..."), end = example_say("!");
  struct example_room reply;
  example_open(&server, 6);
  OK(perdure_worker_start(&worker, serve, &server, 0));
  OK(perdure_ipc_client_connect_send(&server.port, &begin.at, &begin.left, NULL));
  OK(perdure_thread_peek_state(&worker.thread, &state, NULL, NULL, NULL, NULL, NULL));
  EXPECT(state.x[17] == PERDURE_ENTRY_IPC_SERVER_RECEIVE_FIRST);
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_send_over_receive(&end.at, &end.left, &reply.at, &reply.left, NULL) ==
         PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, ""));
  /* Called without a client, it says that there is none, like server_receive. */
  example_until_waiting(&worker.thread);
  example_close(&server);
  EXPECT((uint64_t)perdure_worker_join(&worker) == PERDURE_CANCELED);
  EXPECT(perdure_ipc_server_receive_first(&reply.at, &reply.left, NULL) == PERDURE_NOT_CONNECTED);
}
