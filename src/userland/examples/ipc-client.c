/* A client's side of reliable conversations by example. The one that may send has the line; who turns it, listens. */
#include "example.h"

static struct example_server server;
static struct perdure_worker worker;

static void open_shop(void *(*serve)(void *)) {
  example_open(&server, 1);
  OK(perdure_worker_start(&worker, serve, &server, 0));
}

/* The server has nothing more to do: it waits for the next client, or its function is over. */
static void close_shop(void) {
  example_until_waiting(&worker.thread);
  example_close(&server);
  perdure_worker_join(&worker);
}

/* Begins a conversation and keeps the line: more will follow. */
EXAMPLE(ipc_client_connect_send) {
  struct example_text first = example_say("hello "), second = example_say("world");
  struct example_room reply;
  open_shop(example_shout);
  OK(perdure_ipc_client_connect_send(&server.port, &first.at, &first.left, NULL));
  EXPECT(first.left == 0);
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_send_over_receive(&second.at, &second.left, &reply.at, &reply.left, NULL) ==
         PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "HELLO WORLD"));
  close_shop();
}

/* A whole call in one entry. The server ends the conversation with its answer: that is the normal end. */
EXAMPLE(ipc_client_connect_send_over_receive) {
  struct example_text question = example_say("who is there?");
  struct example_room reply;
  open_shop(example_shout);
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &reply.at,
                                                      &reply.left, NULL) == PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "WHO IS THERE?"));
  close_shop();
}

/* Sends the next piece. It is received when the call returns; a message may have any length. */
EXAMPLE(ipc_client_send) {
  struct example_text pieces[3] = {example_say("one "), example_say("two "), example_say("three")};
  struct example_room reply;
  open_shop(example_shout);
  OK(perdure_ipc_client_connect_send(&server.port, &pieces[0].at, &pieces[0].left, NULL));
  OK(perdure_ipc_client_send(&pieces[1].at, &pieces[1].left, NULL));
  OK(perdure_ipc_client_send(&pieces[2].at, &pieces[2].left, NULL));
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_over_receive(&reply.at, &reply.left, NULL) == PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "ONE TWO THREE"));
  close_shop();
}

/* The last piece, and the answer. */
EXAMPLE(ipc_client_send_over_receive) {
  struct example_text first = example_say("a"), last = example_say("b");
  struct example_room reply;
  open_shop(example_shout);
  OK(perdure_ipc_client_connect_send(&server.port, &first.at, &first.left, NULL));
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_send_over_receive(&last.at, &last.left, &reply.at, &reply.left, NULL) ==
         PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "AB"));
  close_shop();
}

/* All is said: turns the line and listens. */
EXAMPLE(ipc_client_over_receive) {
  struct example_text question = example_say("x");
  struct example_room reply;
  open_shop(example_shout);
  OK(perdure_ipc_client_connect_send(&server.port, &question.at, &question.left, NULL));
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_over_receive(&reply.at, &reply.left, NULL) == PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "X"));
  close_shop();
}

/* An answer that is longer than the room for it comes in pieces. */
EXAMPLE(ipc_client_receive) {
  struct example_text question = example_say("in pieces");
  struct example_room head, tail;
  open_shop(example_shout);
  example_listen(&head, 3);
  EXPECT(perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &head.at, &head.left,
                                                      NULL) == PERDURE_RECEIVE_MORE_DATA);
  example_listen(&tail, sizeof tail.bytes);
  EXPECT(perdure_ipc_client_receive(&tail.at, &tail.left, NULL) == PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&head, "IN ") && example_heard(&tail, "PIECES"));
  close_shop();
}

/* Ends the conversation. From the sender it is a good end, and nothing is lost. */
EXAMPLE(ipc_client_disconnect) {
  struct example_text question = example_say("never mind");
  open_shop(example_shout);
  OK(perdure_ipc_client_connect_send(&server.port, &question.at, &question.left, NULL));
  OK(perdure_ipc_client_disconnect());
  /* There is no conversation any more. */
  EXPECT(perdure_ipc_client_send(&question.at, &question.left, NULL) == PERDURE_NOT_CONNECTED);
  close_shop();
}

/* Says much, and then listens to what the client has to say about it. */
static void *talk(void *argument) {
  struct example_server *const mine = argument;
  struct example_room question, objection;
  struct example_text long_answer = example_say("blah blah blah"), short_answer = example_say("yes");
  uint64_t flavour = 0, alias = 0;
  example_listen(&question, sizeof question.bytes);
  OK(perdure_ipc_wait_receive(&mine->server.portset, &question.at, &question.left, &flavour, &alias, NULL));
  example_listen(&objection, sizeof objection.bytes);
  /* What the client does not want to hear counts as sent. */
  OK(perdure_ipc_server_ack_send_over_receive(&long_answer.at, &long_answer.left, &objection.at, &objection.left, NULL));
  EXPECT(long_answer.left == 0 && example_heard(&objection, "in short?"));
  OK(perdure_ipc_server_send(&short_answer.at, &short_answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  return NULL;
}

/* Takes the line while the server is still talking: what it has left to say is dropped. */
EXAMPLE(ipc_client_ack_send) {
  struct example_text question = example_say("well?"), objection = example_say("in short?");
  struct example_room reply;
  open_shop(talk);
  example_listen(&reply, 4);
  EXPECT(perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &reply.at, &reply.left,
                                                      NULL) == PERDURE_RECEIVE_MORE_DATA);
  OK(perdure_ipc_client_ack_send(&objection.at, &objection.left, NULL));
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_over_receive(&reply.at, &reply.left, NULL) == PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "yes"));
  close_shop();
}

/* The same in one entry: takes the line, says it, and listens again. */
EXAMPLE(ipc_client_ack_send_over_receive) {
  struct example_text question = example_say("well?"), objection = example_say("in short?");
  struct example_room reply;
  open_shop(talk);
  example_listen(&reply, 4);
  EXPECT(perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &reply.at, &reply.left,
                                                      NULL) == PERDURE_RECEIVE_MORE_DATA);
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_ack_send_over_receive(&objection.at, &objection.left, &reply.at, &reply.left, NULL) ==
         PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "yes"));
  close_shop();
}

static volatile uint64_t alert_count;

static void count_alert(struct perdure_exception *exception) {
  (void)exception;
  alert_count += 1;
}

/* Receives until the client ends, and may be alerted meanwhile. */
static void *be_alert(void *argument) {
  struct example_server *const mine = argument;
  struct example_room question;
  uint64_t flavour = 0, alias = 0;
  OK(perdure_on_server_alert(count_alert));
  example_listen(&question, sizeof question.bytes);
  EXPECT(perdure_ipc_wait_receive(&mine->server.portset, &question.at, &question.left, &flavour, &alias, NULL) ==
         PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&question, "hurry up"));
  return NULL;
}

/* Interrupts the server through the connection; it needs no reference to it. */
EXAMPLE(ipc_client_alert) {
  struct example_text first = example_say("hurry "), second = example_say("up");
  alert_count = 0;
  open_shop(be_alert);
  OK(perdure_ipc_client_connect_send(&server.port, &first.at, &first.left, NULL));
  OK(perdure_ipc_client_alert());
  OK(perdure_ipc_client_send(&second.at, &second.left, NULL));
  OK(perdure_ipc_client_disconnect());
  close_shop();
  EXPECT(alert_count == 1);
}
