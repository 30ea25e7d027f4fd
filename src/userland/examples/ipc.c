/* One-way and idempotent messages by example, and how servers wait for them. */
#include "example.h"

static struct perdure_server server;
static perdure_reference port;

static void open_server(uint64_t alias) {
  OK(perdure_server_create(&server, alias));
  OK(perdure_reference_create(&port));
  OK(perdure_port_reference(&server.port, &port));
}

static void close_server(void) {
  OK(perdure_reference_destroy(&port));
  OK(perdure_port_destroy(&server.port));
  OK(perdure_portset_destroy(&server.portset));
}

/* Answers one question with its double. */
static void *double_one(void *unused) {
  (void)unused;
  uint64_t word = 0, room = sizeof word, flavour = 0, alias = 0;
  void *receive = &word;
  OK(perdure_ipc_wait_receive(&server.portset, &receive, &room, &flavour, &alias, NULL));
  EXPECT(flavour == PERDURE_FLAVOUR_IDEMPOTENT && room == 0);
  word *= 2;
  const void *send = &word;
  uint64_t length = sizeof word;
  OK(perdure_ipc_reply(&server.portset, &send, &length));
  return NULL;
}

static uint64_t ask(uint64_t question) {
  uint64_t answer = 0, length = sizeof question, room = sizeof answer;
  const void *send = &question;
  void *receive = &answer;
  OK(perdure_ipc_call(&port, &send, &length, &receive, &room));
  EXPECT(length == 0 && room == 0);
  return answer;
}

/* A question and its answer, each at most 4096 bytes. The server may get it more than once when it dies over it: it
   should do no harm to ask again. */
EXAMPLE(ipc_call) {
  static struct perdure_worker worker;
  open_server(1);
  OK(perdure_worker_start(&worker, double_one, NULL, 0));
  EXPECT(ask(21) == 42);
  perdure_worker_join(&worker);
  close_server();
}

static void *client(void *question) {
  return (void *)ask((uint64_t)question);
}

/* The client has its answer; the server does something else now. */
EXAMPLE(ipc_reply) {
  static struct perdure_worker worker;
  open_server(1);
  OK(perdure_worker_start(&worker, client, (void *)8, 0));
  double_one(NULL);
  EXPECT((uint64_t)perdure_worker_join(&worker) == 16);
  /* Nobody is there any more to be answered. */
  const void *send = NULL;
  uint64_t length = 0;
  EXPECT(perdure_ipc_reply(&server.portset, &send, &length) == PERDURE_NOT_CONNECTED);
  close_server();
}

/* The heart of a server: one entry an answer, and the next question comes with it. */
EXAMPLE(ipc_reply_wait_receive) {
  static struct perdure_worker clients[2];
  uint64_t word = 0, room = sizeof word, flavour = 0, alias = 0;
  void *receive = &word;
  open_server(1);
  for (uint64_t i = 0; i < 2; i += 1) {
    OK(perdure_worker_start(&clients[i], client, (void *)(i + 5), 0));
    example_until_waiting(&clients[i].thread);
  }
  OK(perdure_ipc_wait_receive(&server.portset, &receive, &room, &flavour, &alias, NULL));
  word += 100;
  receive = &word;
  room = sizeof word;
  OK(perdure_ipc_reply_wait_receive(&server.portset, &word, sizeof word, &receive, &room, &flavour, &alias, NULL));
  word += 200;
  const void *send = &word;
  uint64_t length = sizeof word;
  OK(perdure_ipc_reply(&server.portset, &send, &length));
  EXPECT((uint64_t)perdure_worker_join(&clients[0]) == 105);
  EXPECT((uint64_t)perdure_worker_join(&clients[1]) == 206);
  close_server();
}

/* One-way: nobody answers, and when no server waits the message is lost, which the sender is not told. */
EXAMPLE(ipc_send) {
  const uint64_t word = 3;
  const void *send = &word;
  uint64_t length = sizeof word;
  open_server(1);
  OK(perdure_ipc_send(&port, &send, &length));
  EXPECT(length == 0);
  close_server();
}

struct received {
  uint64_t flavour, alias, word, bytes;
};

static void *receive_one(void *argument) {
  struct received *received = argument;
  void *receive = &received->word;
  uint64_t room = sizeof received->word;
  OK(perdure_ipc_wait_receive(&server.portset, &receive, &room, &received->flavour, &received->alias, NULL));
  received->bytes = sizeof received->word - room;
  return NULL;
}

/* Waits for whatever comes: the flavour says what it is, and the alias through which port. */
EXAMPLE(ipc_wait_receive) {
  static struct perdure_worker worker;
  static struct received received;
  const uint32_t word = 77;
  const void *send = &word;
  uint64_t length = sizeof word;
  memset(&received, 0, sizeof received);
  open_server(31);
  OK(perdure_worker_start(&worker, receive_one, &received, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_ipc_send(&port, &send, &length));
  perdure_worker_join(&worker);
  EXPECT(received.flavour == PERDURE_FLAVOUR_ONEWAY && received.alias == 31);
  EXPECT(received.word == 77 && received.bytes == 4);
  close_server();
}
