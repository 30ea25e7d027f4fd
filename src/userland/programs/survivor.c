/* A program that handles its own exceptions: it survives a null pointer, looks at itself at breakpoints, ends a
   computation that takes too long, and says what another thread did wrong.

   survivor [ROUNDS]: how often (default 1). Each round prints the same lines. Exit status 0. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- a null pointer ---- */

struct list {
  struct list *next;
  unsigned long word;
};

static volatile unsigned long sum;

static void add_up(void *list) {
  /* No end of the list is looked for: the null pointer is found the hard way. */
  for (const volatile struct list *one = list;; one = one->next) sum += one->word;
}

static void survive_null(void) {
  static struct list third = {.word = 3}, second = {.next = &third, .word = 2}, first = {.next = &second, .word = 1};
  struct perdure_exception exception;
  sum = 0;
  if (perdure_try(add_up, &first, &exception)) return;
  printf("null: fault 0x%lx at address %lu, sum so far %lu\n", exception.code, exception.address, sum);
}

/* ---- breakpoints ---- */

static unsigned long stops;

/* Shows the register in which the function below has its sum, changes it at the third stop, and goes on. */
static void at_breakpoint(struct perdure_exception *exception) {
  if (exception->code != PERDURE_FAULT_PROCESSOR + PERDURE_CAUSE_BREAKPOINT) {
    printf("not a breakpoint: 0x%lx\n", exception->code);
    exit(1);
  }
  stops += 1;
  printf("breakpoint %lu: a0 is %lu\n", stops, exception->x[10]);
  if (stops == 3) exception->x[10] = 1000;
  exception->pc += perdure_instruction_size(exception->pc);
}

static unsigned long stop_with(unsigned long word) {
  register unsigned long a0 __asm__("a0") = word;
  __asm__ volatile("ebreak" : "+r"(a0));
  return a0;
}

static void look_at_itself(void) {
  unsigned long total = 0;
  stops = 0;
  perdure_on_exception(at_breakpoint);
  for (unsigned long i = 1; i <= 4; i += 1) total = stop_with(total + i);
  perdure_on_exception(NULL);
  printf("breakpoints: total %lu\n", total);
}

/* ---- a computation that takes too long ---- */

static struct perdure_worker worker;
static volatile int is_over;

static void give_up(struct perdure_exception *exception) {
  (void)exception;
  is_over = 1;
}

static void *compute(void *unused) {
  (void)unused;
  unsigned long steps = 0;
  perdure_on_interrupt(give_up);
  while (!is_over) steps += 1;
  return (void *)steps;
}

static void end_what_takes_too_long(void) {
  is_over = 0;
  perdure_worker_start(&worker, compute, NULL, 0);
  perdure_sleep_ns(200000);
  perdure_thread_interrupt(&worker.thread);
  perdure_worker_join(&worker);
  printf("interrupt: the computation gave up\n");
}

/* ---- a programming error of another thread ---- */

static void unlock(void *mutex) {
  perdure_mutex_unlock(mutex);
}

static void *unlock_what_is_not_mine(void *mutex) {
  struct perdure_exception exception;
  const int is_fine = perdure_try(unlock, mutex, &exception);
  return (void *)(is_fine ? 0 : exception.code);
}

static void tell_the_error(void) {
  static perdure_mutex mutex;
  perdure_mutex_create(&mutex);
  perdure_mutex_lock(&mutex);
  perdure_worker_start(&worker, unlock_what_is_not_mine, &mutex, 0);
  const unsigned long code = (unsigned long)perdure_worker_join(&worker);
  printf("error: %s\n", code == PERDURE_FAULT_NOT_OWNER ? "not the owner" : "something else");
  perdure_mutex_unlock(&mutex);
  perdure_mutex_destroy(&mutex);
}

int main(int argc, char **argv) {
  const unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
  for (unsigned long round = 0; round < rounds; round += 1) {
    survive_null();
    look_at_itself();
    end_what_takes_too_long();
    tell_the_error();
  }
  return 0;
}
