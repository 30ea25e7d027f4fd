/* A server's side of reliable conversations by example. */
#include "example.h"

static struct example_server server;
static struct perdure_worker worker;

/* What a client asked and heard. */
static struct example_room heard;
static uint64_t outcome;

/* Asks, and hears the answer to its end. */
static void *ask(void *text) {
  struct example_text question = example_say(text);
  example_listen(&heard, sizeof heard.bytes);
  outcome = perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &heard.at,
                                                         &heard.left, NULL);
  return NULL;
}

/* Asks, is asked back, answers that, and hears the end. */
static void *ask_twice(void *text) {
  struct example_text question = example_say(text), answer = example_say("the left one");
  struct example_room back;
  example_listen(&back, sizeof back.bytes);
  OK(perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &back.at, &back.left,
                                                  NULL));
  EXPECT(example_heard(&back, "which one?"));
  example_listen(&heard, sizeof heard.bytes);
  outcome = perdure_ipc_client_send_over_receive(&answer.at, &answer.left, &heard.at, &heard.left, NULL);
  return NULL;
}

/* Opens the server, lets a client ask, and receives its question. */
static void receive_question(void *(*client)(void *), const char *text) {
  struct example_room question;
  uint64_t flavour = 0, alias = 0;
  example_open(&server, 9);
  OK(perdure_worker_start(&worker, client, (void *)text, 0));
  example_listen(&question, sizeof question.bytes);
  OK(perdure_ipc_wait_receive(&server.server.portset, &question.at, &question.left, &flavour, &alias, NULL));
  EXPECT(flavour == PERDURE_FLAVOUR_RELIABLE && alias == 9 && example_heard(&question, text));
}

/* The client must have heard this, to the good end. */
static void client_heard(const char *text) {
  perdure_worker_join(&worker);
  EXPECT(outcome == PERDURE_RECEIVE_DISCONNECTED && example_heard(&heard, text));
  example_close(&server);
}

/* Takes the line if the client still has it, and begins the answer. */
EXAMPLE(ipc_server_ack_send) {
  struct example_text answer = example_say("granted");
  receive_question(ask, "may I?");
  OK(perdure_ipc_server_ack_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("granted");
}

/* The answer in pieces. */
EXAMPLE(ipc_server_send) {
  struct example_text first = example_say("one, "), second = example_say("two");
  receive_question(ask, "count!");
  OK(perdure_ipc_server_send(&first.at, &first.left, NULL));
  OK(perdure_ipc_server_send(&second.at, &second.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("one, two");
}

/* Asks back: answers, turns the line, and receives. */
EXAMPLE(ipc_server_ack_send_over_receive) {
  struct example_text back = example_say("which one?"), answer = example_say("done");
  struct example_room more;
  receive_question(ask_twice, "open the door");
  example_listen(&more, sizeof more.bytes);
  OK(perdure_ipc_server_ack_send_over_receive(&back.at, &back.left, &more.at, &more.left, NULL));
  EXPECT(example_heard(&more, "the left one"));
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("done");
}

/* The same when the line is mine already, as it is after a message that was received to its end. */
EXAMPLE(ipc_server_send_over_receive) {
  struct example_text back = example_say("which one?"), answer = example_say("done");
  struct example_room more;
  receive_question(ask_twice, "close the door");
  example_listen(&more, sizeof more.bytes);
  OK(perdure_ipc_server_send_over_receive(&back.at, &back.left, &more.at, &more.left, NULL));
  EXPECT(example_heard(&more, "the left one"));
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("done");
}

/* All is said already: only turns the line and receives. */
EXAMPLE(ipc_server_over_receive) {
  struct example_text back = example_say("which one?"), answer = example_say("painted");
  struct example_room more;
  receive_question(ask_twice, "paint the door");
  OK(perdure_ipc_server_send(&back.at, &back.left, NULL));
  example_listen(&more, sizeof more.bytes);
  OK(perdure_ipc_server_over_receive(&more.at, &more.left, NULL));
  EXPECT(example_heard(&more, "the left one"));
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("painted");
}

/* A question that is longer than the room for it comes in pieces. */
EXAMPLE(ipc_server_receive) {
  struct example_room head, tail;
  struct example_text answer = example_say("noted");
  uint64_t flavour = 0, alias = 0;
  example_open(&server, 9);
  OK(perdure_worker_start(&worker, ask, "a long story", 0));
  example_listen(&head, 7);
  EXPECT(perdure_ipc_wait_receive(&server.server.portset, &head.at, &head.left, &flavour, &alias, NULL) ==
         PERDURE_RECEIVE_MORE_DATA);
  example_listen(&tail, sizeof tail.bytes);
  OK(perdure_ipc_server_receive(&tail.at, &tail.left, NULL));
  EXPECT(example_heard(&head, "a long ") && example_heard(&tail, "story"));
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("noted");
}

/* Breaks it off without an answer. The client is told: what it heard is not all. */
EXAMPLE(ipc_server_disconnect) {
  struct example_room question;
  uint64_t flavour = 0, alias = 0;
  example_open(&server, 9);
  OK(perdure_worker_start(&worker, ask, "a question without end", 0));
  example_listen(&question, 4);
  EXPECT(perdure_ipc_wait_receive(&server.server.portset, &question.at, &question.left, &flavour, &alias, NULL) ==
         PERDURE_RECEIVE_MORE_DATA);
  OK(perdure_ipc_server_disconnect());
  perdure_worker_join(&worker);
  EXPECT(outcome == PERDURE_SEND_DISCONNECTED);
  example_close(&server);
}

static void *ask_two_questions(void *text) {
  ask(text);
  EXPECT(outcome == PERDURE_RECEIVE_DISCONNECTED && example_heard(&heard, "first answer"));
  return ask(text);
}

/* Answers, ends the conversation and receives the next question: one entry a question. */
EXAMPLE(ipc_server_ack_send_wait_receive) {
  struct example_room next;
  struct example_text answer = example_say("second answer");
  uint64_t flavour = 0, alias = 0;
  receive_question(ask_two_questions, "again");
  example_listen(&next, sizeof next.bytes);
  OK(perdure_ipc_server_ack_send_wait_receive(&server.server.portset, "first answer", 12, &next.at, &next.left, &flavour,
                                              &alias, NULL));
  EXPECT(example_heard(&next, "again"));
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("second answer");
}

/* The same after a part of the answer has been sent. */
EXAMPLE(ipc_server_send_wait_receive) {
  struct example_room next;
  struct example_text begin = example_say("first "), answer = example_say("second answer");
  uint64_t flavour = 0, alias = 0;
  receive_question(ask_two_questions, "once more");
  OK(perdure_ipc_server_send(&begin.at, &begin.left, NULL));
  example_listen(&next, sizeof next.bytes);
  OK(perdure_ipc_server_send_wait_receive(&server.server.portset, "answer", 6, &next.at, &next.left, &flavour, &alias,
                                          NULL));
  EXPECT(example_heard(&next, "once more"));
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("second answer");
}

static volatile uint64_t alert_count;

static void count_alert(struct perdure_exception *exception) {
  (void)exception;
  alert_count += 1;
}

static void *ask_alert(void *text) {
  OK(perdure_on_client_alert(count_alert));
  return ask(text);
}

/* Interrupts the client, which waits for its answer; afterwards it waits on. */
EXAMPLE(ipc_server_alert) {
  struct example_text answer = example_say("soon");
  alert_count = 0;
  receive_question(ask_alert, "when?");
  OK(perdure_ipc_server_alert());
  OK(perdure_ipc_server_send(&answer.at, &answer.left, NULL));
  OK(perdure_ipc_server_disconnect());
  client_heard("soon");
  EXPECT(alert_count == 1);
}
