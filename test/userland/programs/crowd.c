/* Four threads print and allocate at the same time, long enough to be interrupted in the middle of both: no character
   is lost or doubled, no block is given out twice, errno belongs to each thread. Exit status 0 when all is well. */
#include <errno.h>
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define ROUNDS 2000
#define LETTERS 30

static void *work(void *argument) {
  const int self = (int)(long)argument;
  unsigned long wrong = 0;
  char *kept[8] = {0};
  errno = self;
  for (int round = 0; round < ROUNDS; round += 1) {
    char **place = &kept[round % 8];
    if (*place != NULL) {
      for (int i = 0; i < 100 + self; i += 1) wrong += (*place)[i] != 'a' + self;
      free(*place);
    }
    *place = malloc((size_t)(100 + self));
    memset(*place, 'a' + self, (size_t)(100 + self));
    for (int i = 0; i < LETTERS; i += 1) putchar('a' + self);
    putchar('\n');
  }
  wrong += errno != self;
  return (void *)wrong;
}

int main(void) {
  static struct perdure_worker workers[THREADS];
  unsigned long wrong = 0;
  for (long i = 0; i < THREADS; i += 1) wrong += perdure_worker_start(&workers[i], work, (void *)i, 0);
  for (int i = 0; i < THREADS; i += 1) wrong += (unsigned long)perdure_worker_join(&workers[i]);
  printf("crowd: %lu wrong\n", wrong);
  return wrong != 0;
}
