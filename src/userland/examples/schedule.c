/* Scheduling by example: a thread whose link says so runs on the time that its scheduler gives it, and on no other. */
#include "example.h"

static struct example_server scheduler;
static char stack[512] __attribute__((aligned(16)));
static volatile uint64_t steps;

static void count_up(void) {
  for (;;) steps += 1;
}

/* The thread asks at its scheduler's port for the processor. Its scheduler gives it 3000 ticks, twice: so schedulers of
   any policy are ordinary threads, and their own time may be given to them by another. */
EXAMPLE(thread_schedule) {
  static perdure_thread thread;
  struct perdure_scheduler_message asked = {0};
  struct perdure_thread_state state = {
      .thread_address = (uint64_t)&thread,
      .scheduler_value = 7,
      .priority = PERDURE_PRIORITY_DEFAULT,
      .pc = (uint64_t)count_up,
  };
  void *receive = &asked;
  uint64_t room = sizeof asked, flavour = 0, alias = 0, ticks = 3000;
  state.x[2] = (uint64_t)(stack + sizeof stack);
  __asm__("mv %0, gp" : "=r"(state.x[3]));
  steps = 0;
  example_open(&scheduler, 1);
  OK(perdure_thread_create(&thread));
  OK(perdure_thread_set_state(&thread, &state, MY_SPACE, &scheduler.port, NULL, NULL, NULL));
  OK(perdure_ipc_wait_receive(&scheduler.server.portset, &receive, &room, &flavour, &alias, NULL));
  EXPECT(flavour == PERDURE_FLAVOUR_IDEMPOTENT && asked.value == 7 && asked.thread == (uint64_t)&thread);
  EXPECT(steps == 0);
  OK(perdure_thread_schedule(&thread, &ticks, NULL, PERDURE_SENSITIVITY_BLOCK));
  const uint64_t first = steps;
  EXPECT(ticks == 0 && first > 0);
  perdure_sleep_ns(1000);
  EXPECT(steps == first);
  ticks = 3000;
  OK(perdure_thread_schedule(&thread, &ticks, &scheduler.server.portset, PERDURE_SENSITIVITY_BLOCK));
  EXPECT(ticks == 0 && steps > first);
  example_note(first);
  OK(perdure_thread_destroy(&thread));
  example_close(&scheduler);
}
