/* Two threads pass tokens through a one-place box guarded by a mutex and a cond: the classic pair.

   pair [TOKENS]: how many tokens (default 10). The consumer prints each token with the sum so far. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

static perdure_mutex mutex;
static perdure_cond changed;
static unsigned long box;
static int is_full;
static unsigned long token_count = 10;

static void *produce(void *unused) {
  (void)unused;
  for (unsigned long token = 1; token <= token_count; token += 1) {
    perdure_mutex_lock(&mutex);
    while (is_full) perdure_cond_wait(&changed, &mutex);
    box = token;
    is_full = 1;
    perdure_cond_broadcast(&changed);
    perdure_mutex_unlock(&mutex);
  }
  return NULL;
}

static void *consume(void *unused) {
  (void)unused;
  unsigned long sum = 0;
  for (unsigned long count = 0; count < token_count; count += 1) {
    perdure_mutex_lock(&mutex);
    while (!is_full) perdure_cond_wait(&changed, &mutex);
    const unsigned long token = box;
    is_full = 0;
    perdure_cond_broadcast(&changed);
    perdure_mutex_unlock(&mutex);
    sum += token;
    printf("token %lu sum %lu\n", token, sum);
  }
  return (void *)sum;
}

int main(int argc, char **argv) {
  static struct perdure_worker producer, consumer;
  if (argc > 1) token_count = strtoul(argv[1], NULL, 10);
  perdure_mutex_create(&mutex);
  perdure_cond_create(&changed);
  if (perdure_worker_start(&consumer, consume, NULL, 0) != PERDURE_SUCCESS) return 1;
  if (perdure_worker_start(&producer, produce, NULL, 0) != PERDURE_SUCCESS) return 1;
  perdure_worker_join(&producer);
  const unsigned long sum = (unsigned long)perdure_worker_join(&consumer);
  printf("pair: %lu tokens, sum %lu\n", token_count, sum);
  return sum == token_count * (token_count + 1) / 2 ? 0 : 1;
}
