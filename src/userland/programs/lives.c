/* A server's view of restarts: hands out tickets, and says how each life of its machine began.

   A ticket is a number that nobody may get twice. While the machine is only resumed, a counter in memory is enough:
   what anybody has seen is never undone. In a restored or forked life the counter may stand where it stood before, so
   tickets carry a name made of the id of the life in which they last could have split.

   lives [TICKETS [PAUSE_MS]]: 0 tickets (the default) for ever; the pause between two is 100 ms when not given. */
#include <inttypes.h>
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[] = {"?", "created", "resumed", "restored", "forked"};

static void tell(const char *who, const struct perdure_life *life) {
  printf("%s: life %" PRIu64 " %s ", who, life->count, life->kind < 5 ? kinds[life->kind] : "?");
  for (unsigned i = 0; i < sizeof life->id; i += 1) printf("%02x", life->id[i]);
  printf(" at %" PRIu64 " s\n", life->wall / 1000000000u);
}

/* Runs beside main and is told of every restart, once. Whoever keeps connections would open them anew here. */
static void *watch(void *unused) {
  (void)unused;
  struct perdure_life life;
  while (perdure_next_life(&life) == PERDURE_SUCCESS) tell("notice", &life);
  return NULL;
}

int main(int argc, char **argv) {
  const unsigned long last = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  const unsigned long pause_ms = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
  static struct perdure_worker watcher;
  perdure_worker_start(&watcher, watch, NULL, 0);
  struct perdure_life life;
  if (perdure_life(&life) != PERDURE_SUCCESS) return 1;
  tell("main", &life);
  unsigned name = life.id[0] << 8 | life.id[1];
  uint64_t seen = life.count;
  for (unsigned long ticket = 1; last == 0 || ticket <= last; ticket += 1) {
    /* Asked before every promise: what follows is true of the life that it is made in. */
    perdure_life(&life);
    const int is_resumed = life.count == seen + 1 && life.kind == PERDURE_LIFE_RESUMED;
    if (life.count != seen && !is_resumed) name = life.id[0] << 8 | life.id[1];
    seen = life.count;
    printf("ticket %04x-%lu\n", name, ticket);
    if (pause_ms != 0) perdure_sleep_ns(pause_ms * 1000000ul);
  }
  perdure_life(&life);
  tell("main", &life);
  return 0;
}
