/* Clients of a server outside the machine, written in TypeScript (examples/key-value-server.ts): four threads put values
   of growing length under their own keys, by reliable calls, and get them back. The reference to the server's port lies
   on the parent page at 0x100. Exit status 0 when every byte came back. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define ROUNDS 5
#define LENGTH_MAX 70000

enum { PUT = 1, GET = 2, REMOVE = 3, COUNT = 4 };

static perdure_reference *const server = (perdure_reference *)(PERDURE_PARENT_PAGE + 0x100);

struct request {
  unsigned operation;
  unsigned key_length;
  char key[8];
  unsigned char value[LENGTH_MAX];
};

struct answer {
  unsigned long status;
  unsigned char value[LENGTH_MAX];
};

static unsigned char expected(unsigned long thread, unsigned long round, unsigned long i) {
  return (unsigned char)(i * (thread + 3) + round);
}

static unsigned long ask(struct request *request, size_t value_length, struct answer *answer, size_t *length) {
  *length = sizeof *answer;
  const perdure_outcome outcome = perdure_ask(server, request, 16 + value_length, answer, length);
  if (outcome != PERDURE_SUCCESS || *length < 8) return 1000 + outcome;
  *length -= 8;
  return answer->status;
}

static void *work(void *argument) {
  const unsigned long thread = (unsigned long)argument;
  struct request *request = malloc(sizeof *request);
  struct answer *answer = malloc(sizeof *answer);
  unsigned long wrong = 0;
  for (unsigned long round = 0; round < ROUNDS; round += 1) {
    const size_t length = (thread + 1) * (round + 1) * 3400;
    size_t answer_length;
    memset(request->key, 0, 8);
    snprintf(request->key, 8, "key %lu", thread);
    request->key_length = 8;
    request->operation = PUT;
    for (size_t i = 0; i < length; i += 1) request->value[i] = expected(thread, round, i);
    wrong += ask(request, length, answer, &answer_length) != 0;
    request->operation = GET;
    wrong += ask(request, 0, answer, &answer_length) != 0 || answer_length != length;
    for (size_t i = 0; i < length; i += 1) wrong += answer->value[i] != expected(thread, round, i);
  }
  request->operation = REMOVE;
  size_t answer_length;
  if (thread == 0) wrong += ask(request, 0, answer, &answer_length) != 0;
  if (thread == 0) wrong += ask(request, 0, answer, &answer_length) != 1;
  free(request);
  free(answer);
  return (void *)wrong;
}

int main(void) {
  static struct perdure_worker workers[THREADS];
  unsigned long wrong = 0;
  for (unsigned long i = 0; i < THREADS; i += 1) {
    if (perdure_worker_start(&workers[i], work, (void *)i, 0) != PERDURE_SUCCESS) return 2;
  }
  for (unsigned long i = 0; i < THREADS; i += 1) wrong += (unsigned long)perdure_worker_join(&workers[i]);
  static struct request request = {.operation = COUNT};
  static struct answer answer;
  size_t length;
  const unsigned long status = ask(&request, 0, &answer, &length);
  unsigned long keys;
  memcpy(&keys, answer.value, 8);
  printf("keyvalue: status %lu, %lu bytes, %lu keys, wrong %lu\n", status, (unsigned long)length, keys, wrong);
  return wrong == 0 ? 0 : 1;
}
