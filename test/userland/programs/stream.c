/* Long messages and references through the stubs themselves: a client in its own space sends 200,000 bytes and a
   reference to one of its mutexes; the server, with a small buffer, receives in pieces, then answers with as many bytes
   as it got, each changed. Exit status 0 when everything arrived once and in order. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 200000
#define PIECE 30000

static unsigned char expected(unsigned long i) {
  return (unsigned char)(i * 7 + i / 251);
}

static void client(void *unused) {
  (void)unused;
  static perdure_mutex mutex;
  static perdure_reference reference;
  perdure_reference *table[1] = {&reference};
  struct perdure_references references = {.send = table, .send_count = 1};
  unsigned char *question = malloc(LENGTH);
  unsigned char *answer = malloc(LENGTH + 100);
  for (unsigned long i = 0; i < LENGTH; i += 1) question[i] = expected(i);
  perdure_mutex_create(&mutex);
  perdure_reference_create(&reference);
  perdure_mutex_reference(&mutex, &reference);

  const void *send = question;
  uint64_t send_length = LENGTH;
  void *receive = answer;
  uint64_t room = LENGTH + 100;
  const perdure_outcome outcome = perdure_ipc_client_connect_send_over_receive(
      perdure_given_reference(0), &send, &send_length, &receive, &room, &references);
  unsigned long wrong = 0;
  for (unsigned long i = 0; i < LENGTH; i += 1) wrong += answer[i] != (unsigned char)(expected(i) ^ 0x5a);
  printf("client: outcome %lu, left to send %lu, room %lu, ", outcome, send_length, room);
  printf("references left %lu, wrong %lu\n", references.send_count, wrong);
  printf("client: pointers advanced %d %d\n", send == question + LENGTH, receive == answer + LENGTH);
}

/* Gives the client time to check and print, then ends the program. */
static void *watch(void *child) {
  perdure_sleep_ns(1000000000);
  perdure_child_destroy(child);
  exit(0);
}

int main(void) {
  static struct perdure_server server;
  static struct perdure_child child;
  static perdure_reference received;
  static unsigned char all[LENGTH + PIECE];
  perdure_outcome outcome = perdure_server_create(&server, 9);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_child_create(&child, client, NULL, 1 << 20);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_port_reference(&server.port, perdure_child_reference(&child, 0));
  if (outcome == PERDURE_SUCCESS) outcome = perdure_reference_create(&received);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_child_start(&child);
  if (outcome != PERDURE_SUCCESS) return 1;

  perdure_reference *table[1] = {&received};
  struct perdure_references references = {.receive = table, .receive_count = 1};
  void *receive = all;
  uint64_t room = PIECE;
  uint64_t flavour = 0;
  uint64_t alias = 0;
  unsigned pieces = 1;
  outcome = perdure_ipc_wait_receive(&server.portset, &receive, &room, &flavour, &alias, &references);
  while (outcome == PERDURE_RECEIVE_MORE_DATA) {
    room = PIECE;
    pieces += 1;
    outcome = perdure_ipc_server_receive(&receive, &room, NULL);
  }
  const unsigned long length = (unsigned long)((unsigned char *)receive - all);
  uint64_t type = 0;
  perdure_reference_type(&received, &type);
  printf("server: outcome %lu, flavour %lu, alias %lu, %lu bytes in %u pieces, ", outcome, flavour, alias, length, pieces);
  printf("reference to type %lu, room for %lu\n", type, references.receive_count);
  for (unsigned long i = 0; i < length; i += 1) all[i] ^= 0x5a;
  fflush(stdout);

  /* The answer leaves; then nobody asks any more, and the client's thread is what is left to look at. */
  char nothing[8];
  receive = nothing;
  room = sizeof nothing;
  static struct perdure_worker waiter;
  perdure_worker_start(&waiter, watch, &child, 0);
  perdure_ipc_server_ack_send_wait_receive(&server.portset, all, length, &receive, &room, &flavour, &alias, NULL);
  return 1;
}
