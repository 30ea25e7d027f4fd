/* One thread with several conversations, by example: the link to a peer is taken out into a reference, and put back. */
#include "example.h"

static struct example_server server;
static struct perdure_worker clients[2];
static struct example_room heard[2];

static void *ask(void *argument) {
  const uint64_t number = (uint64_t)argument;
  struct example_text question = example_say(number == 0 ? "first" : "second");
  example_listen(&heard[number], sizeof heard[number].bytes);
  EXPECT(perdure_ipc_client_connect_send_over_receive(&server.port, &question.at, &question.left, &heard[number].at,
                                                      &heard[number].left, NULL) == PERDURE_RECEIVE_DISCONNECTED);
  return NULL;
}

static void receive(const char *text) {
  struct example_room question;
  uint64_t flavour = 0, alias = 0;
  example_listen(&question, sizeof question.bytes);
  OK(perdure_ipc_wait_receive(&server.server.portset, &question.at, &question.left, &flavour, &alias, NULL));
  EXPECT(example_heard(&question, text));
}

static void answer(const char *text) {
  struct example_text reply = example_say(text);
  OK(perdure_ipc_server_ack_send(&reply.at, &reply.left, NULL));
  OK(perdure_ipc_server_disconnect());
}

/* Puts a client off, serves another, and comes back to the first one. */
static void serve_the_other_first(void) {
  perdure_reference put_off;
  example_open(&server, 1);
  for (uint64_t i = 0; i < 2; i += 1) {
    OK(perdure_worker_start(&clients[i], ask, (void *)i, 0));
    example_until_waiting(&clients[i].thread);
  }
  OK(perdure_reference_create(&put_off));
  receive("first");
  OK(perdure_thread_get_client(&put_off));
  receive("second");
  answer("two");
  perdure_worker_join(&clients[1]);
  OK(perdure_thread_set_client(&put_off));
  answer("one");
  perdure_worker_join(&clients[0]);
  EXPECT(example_heard(&heard[0], "one") && example_heard(&heard[1], "two"));
  OK(perdure_reference_destroy(&put_off));
  example_close(&server);
}

/* The client waits, and cannot tell. */
EXAMPLE(thread_get_client) {
  perdure_reference nobody;
  OK(perdure_reference_create(&nobody));
  EXPECT(perdure_thread_get_client(&nobody) == PERDURE_NOT_CONNECTED);
  OK(perdure_reference_destroy(&nobody));
  serve_the_other_first();
}

/* Goes back only while that client still waits for me: a reference to a thread is not the right to be its server. */
EXAMPLE(thread_set_client) {
  perdure_reference stranger;
  OK(perdure_reference_create(&stranger));
  OK(perdure_thread_reference(MY_THREAD, &stranger));
  EXPECT(perdure_thread_set_client(&stranger) == PERDURE_NOT_CONNECTED);
  OK(perdure_reference_destroy(&stranger));
  serve_the_other_first();
}

/* Begins a conversation with one server, asks another one meanwhile, and ends the first. */
static void ask_another_meanwhile(void) {
  static struct example_server first, second;
  static struct perdure_worker workers[2];
  struct example_text begin = example_say("left "), end = example_say("right"), other = example_say("meanwhile");
  struct example_room reply;
  perdure_reference kept;
  struct example_server *const servers[2] = {&first, &second};
  for (int i = 0; i < 2; i += 1) {
    example_open(servers[i], 1);
    OK(perdure_worker_start(&workers[i], example_shout, servers[i], 0));
  }
  OK(perdure_reference_create(&kept));
  OK(perdure_ipc_client_connect_send(&first.port, &begin.at, &begin.left, NULL));
  OK(perdure_thread_get_server(&kept));
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_connect_send_over_receive(&second.port, &other.at, &other.left, &reply.at, &reply.left,
                                                      NULL) == PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "MEANWHILE"));
  OK(perdure_thread_set_server(&kept));
  example_listen(&reply, sizeof reply.bytes);
  EXPECT(perdure_ipc_client_send_over_receive(&end.at, &end.left, &reply.at, &reply.left, NULL) ==
         PERDURE_RECEIVE_DISCONNECTED);
  EXPECT(example_heard(&reply, "LEFT RIGHT"));
  OK(perdure_reference_destroy(&kept));
  for (int i = 0; i < 2; i += 1) {
    example_until_waiting(&workers[i].thread);
    example_close(servers[i]);
    perdure_worker_join(&workers[i]);
  }
}

EXAMPLE(thread_get_server) {
  perdure_reference nobody;
  OK(perdure_reference_create(&nobody));
  EXPECT(perdure_thread_get_server(&nobody) == PERDURE_NOT_CONNECTED);
  OK(perdure_reference_destroy(&nobody));
  ask_another_meanwhile();
}

/* As with clients: the server must still be waiting for me. A null reference: I have no server any more. */
EXAMPLE(thread_set_server) {
  perdure_reference nothing;
  OK(perdure_reference_create(&nothing));
  OK(perdure_thread_set_server(&nothing));
  OK(perdure_reference_destroy(&nothing));
  ask_another_meanwhile();
}
