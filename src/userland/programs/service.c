/* A client and a server in two spaces: the client asks by reliable IPC, the server answers, the client prints.

   service [QUESTIONS]: how many (default 10). The server is this program; the client is a child that it makes, with a
   copy of its data, so a variable of one says nothing to the other. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

struct question {
  unsigned long number;
  unsigned long is_last;
};

struct answer {
  unsigned long square;
  /* The server's own count: kept in its memory alone. */
  unsigned long served;
};

static unsigned long question_count = 10;
static unsigned long served;

static void client(void *unused) {
  (void)unused;
  perdure_reference *server = perdure_given_reference(0);
  for (unsigned long number = 1; number <= question_count; number += 1) {
    const struct question question = {.number = number, .is_last = 0};
    struct answer answer = {0};
    size_t answer_length = sizeof answer;
    const perdure_outcome outcome = perdure_ask(server, &question, sizeof question, &answer, &answer_length);
    if (outcome != PERDURE_SUCCESS || answer_length != sizeof answer) {
      printf("question %lu: outcome %lu, %lu bytes\n", number, outcome, (unsigned long)answer_length);
      break;
    }
    printf("question %lu: square %lu, served %lu, mine %lu\n", number, answer.square, answer.served, served);
  }
  const struct question goodbye = {.number = 0, .is_last = 1};
  char nothing[1];
  size_t nothing_length = 0;
  perdure_ask(server, &goodbye, sizeof goodbye, nothing, &nothing_length);
}

static size_t answer(void *context, uint64_t alias, void *buffer, size_t length, size_t room) {
  (void)context, (void)alias;
  const struct question *question = buffer;
  if (length != sizeof *question || room < sizeof(struct answer)) return 0;
  if (question->is_last) return PERDURE_SERVER_STOP;
  served += 1;
  const struct answer reply = {.square = question->number * question->number, .served = served};
  *(struct answer *)buffer = reply;
  return sizeof reply;
}

int main(int argc, char **argv) {
  static struct perdure_server server;
  static struct perdure_child child;
  static unsigned long buffer[512];
  if (argc > 1) question_count = strtoul(argv[1], NULL, 10);
  perdure_outcome outcome = perdure_server_create(&server, 7);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_child_create(&child, client, NULL, 65536);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_port_reference(&server.port, perdure_child_reference(&child, 0));
  if (outcome == PERDURE_SUCCESS) outcome = perdure_child_start(&child);
  if (outcome == PERDURE_SUCCESS) outcome = perdure_server_run(&server, answer, NULL, buffer, sizeof buffer);
  if (outcome != PERDURE_SUCCESS) {
    printf("service: outcome %lu\n", outcome);
    return 1;
  }
  printf("service: %lu questions answered\n", served);
  perdure_child_destroy(&child);
  return served == question_count ? 0 : 1;
}
