/* Handlers by example. The kit's way is perdure_on_exception and its like (perdure/handlers.h); here is what is below. */
#include "example.h"

#include <setjmp.h>

static volatile uint64_t interrupt_count;

/* Without this, the call that was interrupted would be made again: here it ends with `canceled`. */
static void end_the_wait(struct perdure_exception *exception) {
  interrupt_count += 1;
  exception->pc += 4;
  exception->x[10] = PERDURE_CANCELED;
}

static void *sleep_long(void *unused) {
  (void)unused;
  OK(perdure_on_interrupt(end_the_wait));
  return (void *)perdure_clock_sleep(UINT64_MAX);
}

/* Waits until the thread sleeps. */
static void until_asleep(perdure_thread *thread) {
  struct perdure_thread_state state;
  do {
    perdure_sleep_ns(1000);
    OK(perdure_thread_peek_state(thread, &state, NULL, NULL, NULL, NULL, NULL));
  } while (state.deadline == 0);
}

/* Wakes a thread from any wait, if it has a handler for it and exceptions enabled. */
EXAMPLE(thread_interrupt) {
  static struct perdure_worker worker;
  interrupt_count = 0;
  OK(perdure_worker_start(&worker, sleep_long, NULL, 0));
  until_asleep(&worker.thread);
  OK(perdure_thread_interrupt(&worker.thread));
  EXPECT((uint64_t)perdure_worker_join(&worker) == PERDURE_CANCELED);
  EXPECT(interrupt_count == 1);
}

static perdure_mutex door;

static void count_it(struct perdure_exception *exception) {
  (void)exception;
  interrupt_count += 1;
}

/* Goes through the door with exceptions disabled, and enables them only then. */
static void *go_through(void *unused) {
  (void)unused;
  OK(perdure_on_interrupt(count_it));
  OK(perdure_thread_disable_exceptions());
  OK(perdure_mutex_lock(&door));
  OK(perdure_mutex_unlock(&door));
  const uint64_t before = interrupt_count;
  OK(perdure_thread_enable_exceptions());
  return (void *)(before * 16 + interrupt_count);
}

static uint64_t interrupt_at_the_door(void) {
  static struct perdure_worker worker;
  struct perdure_thread_state state;
  interrupt_count = 0;
  OK(perdure_mutex_create(&door));
  OK(perdure_mutex_lock(&door));
  OK(perdure_worker_start(&worker, go_through, NULL, 0));
  example_until_waiting(&worker.thread);
  OK(perdure_thread_interrupt(&worker.thread));
  OK(perdure_thread_peek_state(&worker.thread, &state, NULL, NULL, NULL, NULL, NULL));
  EXPECT(state.pending == PERDURE_PENDING_INTERRUPT);
  OK(perdure_mutex_unlock(&door));
  const uint64_t counts = (uint64_t)perdure_worker_join(&worker);
  OK(perdure_mutex_destroy(&door));
  return counts;
}

/* What was posted meanwhile comes at once. */
EXAMPLE(thread_enable_exceptions) {
  EXPECT((interrupt_at_the_door() & 15) == 1);
}

/* A thread that must not be interrupted for a while: nothing is lost, it only comes later. */
EXAMPLE(thread_disable_exceptions) {
  EXPECT(interrupt_at_the_door() / 16 == 0);
}

/* A handler without the kit. All registers but a0, a1, a2 and a7 are the interrupted code's, so it keeps them: it goes
   on behind the breakpoint, which has two bytes. */
__attribute__((naked)) static void skip_breakpoint(void) {
  __asm__("addi sp, sp, -48\n"
          "mv a0, sp\n"
          "li a7, 0x615\n" /* thread_get_saved_state */
          "ecall\n"
          "ld a0, 0(sp)\n"
          "addi a0, a0, 2\n"
          "sd a0, 0(sp)\n"
          "mv a0, sp\n"
          "li a7, 0x616\n" /* thread_set_saved_state */
          "ecall\n"
          "addi sp, sp, 48\n"
          "li a7, 0x617\n" /* thread_return_from_exception */
          "ecall\n");
}

/* Back to no handlers at all. */
static void forget_handlers(void) {
  const struct perdure_handlers none = {0};
  OK(perdure_thread_disable_exceptions());
  OK(perdure_thread_set_handlers(&none));
}

/* Where each handler begins; 0: none. */
EXAMPLE(thread_set_handlers) {
  const struct perdure_handlers handlers = {.trap = (uint64_t)skip_breakpoint};
  uint64_t word = 1;
  OK(perdure_thread_set_handlers(&handlers));
  OK(perdure_thread_enable_exceptions());
  __asm__ volatile("c.ebreak\n"
                   "addi %0, %0, 1"
                   : "+r"(word));
  EXPECT(word == 2);
  forget_handlers();
}

EXAMPLE(thread_get_handlers) {
  struct perdure_handlers handlers = {0};
  OK(perdure_on_interrupt(count_it));
  OK(perdure_thread_get_handlers(&handlers));
  EXPECT(handlers.interrupt != 0 && handlers.client_alert == 0);
  OK(perdure_on_interrupt(NULL));
  OK(perdure_thread_get_handlers(&handlers));
  EXPECT(handlers.interrupt == 0);
  forget_handlers();
}

static uint64_t difference;

static void look(struct perdure_exception *exception) {
  struct perdure_saved_state saved;
  OK(perdure_thread_get_saved_state(&saved));
  difference = (saved.pc ^ exception->pc) | (saved.a0 ^ exception->x[10]);
  exception->pc += perdure_instruction_size(exception->pc);
}

/* What the entry of a handler had to overwrite: pc, a0, a1, a2, a7, and whether exceptions were enabled. The kit hands
   it to handlers as a part of struct perdure_exception. */
EXAMPLE(thread_get_saved_state) {
  difference = 1;
  OK(perdure_on_exception(look));
  __asm__ volatile("ebreak");
  EXPECT(difference == 0);
  OK(perdure_on_exception(NULL));
  forget_handlers();
}

/* Says where return_from_exception goes: outside a handler it is a jump with four registers. */
EXAMPLE(thread_set_saved_state) {
  jmp_buf here;
  const struct perdure_saved_state saved = {.pc = (uint64_t)longjmp, .a0 = (uint64_t)here, .a1 = 7};
  const int arrived = setjmp(here);
  if (arrived == 0) {
    OK(perdure_thread_set_saved_state(&saved));
    perdure_thread_return_from_exception();
  }
  EXPECT(arrived == 7);
}

/* The last thing that a handler does. It does not return: the interrupted code goes on, here behind its breakpoint. */
EXAMPLE(thread_return_from_exception) {
  const struct perdure_handlers handlers = {.trap = (uint64_t)skip_breakpoint};
  jmp_buf here;
  const struct perdure_saved_state saved = {.pc = (uint64_t)longjmp, .a0 = (uint64_t)here, .a1 = 1};
  uint64_t count = 0;
  OK(perdure_thread_set_handlers(&handlers));
  OK(perdure_thread_enable_exceptions());
  for (int i = 0; i < 3; i += 1) __asm__ volatile("c.ebreak\naddi %0, %0, 1" : "+r"(count));
  EXPECT(count == 3);
  forget_handlers();
  OK(perdure_thread_set_saved_state(&saved));
  if (setjmp(here) == 0) perdure_thread_return_from_exception();
}
