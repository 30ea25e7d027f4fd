/* Handlers in C: which function each of the four entries of handlers.S calls, per thread. */
#include <perdure.h>
#include <setjmp.h>
#include <stddef.h>

/* handlers.S, which knows this number. */
_Static_assert(PERDURE_ENTRY_THREAD_RETURN_FROM_EXCEPTION == 0x617, "handlers.S");
_Static_assert(PERDURE_PENDING_INTERRUPT == 1 && PERDURE_PENDING_CLIENT_ALERT == 2 && PERDURE_PENDING_SERVER_ALERT == 4,
               "handlers.S");
void perdure_trap_entry(void);
void perdure_interrupt_entry(void);
void perdure_client_alert_entry(void);
void perdure_server_alert_entry(void);

static _Thread_local perdure_handler *on_exception;
static _Thread_local perdure_handler *on_interrupt;
static _Thread_local perdure_handler *on_client_alert;
static _Thread_local perdure_handler *on_server_alert;

/* Called by handlers.S. The saved state holds what the entry itself had to overwrite. */
__attribute__((used)) void perdure_handle(struct perdure_exception *exception) {
  struct perdure_saved_state saved;
  perdure_thread_get_saved_state(&saved);
  exception->pc = saved.pc;
  exception->x[10] = saved.a0;
  exception->x[11] = saved.a1;
  exception->x[12] = saved.a2;
  exception->x[17] = saved.a7;
  perdure_handler *handler = exception->posted == 0                              ? on_exception
                             : exception->posted == PERDURE_PENDING_INTERRUPT    ? on_interrupt
                             : exception->posted == PERDURE_PENDING_CLIENT_ALERT ? on_client_alert
                                                                                 : on_server_alert;
  if (handler) handler(exception);
  saved.pc = exception->pc;
  saved.a0 = exception->x[10];
  saved.a1 = exception->x[11];
  saved.a2 = exception->x[12];
  saved.a7 = exception->x[17];
  perdure_thread_set_saved_state(&saved);
}

/* Tells the kernel the entries of the handlers that there are. */
static perdure_outcome install(void) {
  const struct perdure_handlers handlers = {
      .trap = on_exception ? (uint64_t)perdure_trap_entry : 0,
      .interrupt = on_interrupt ? (uint64_t)perdure_interrupt_entry : 0,
      .client_alert = on_client_alert ? (uint64_t)perdure_client_alert_entry : 0,
      .server_alert = on_server_alert ? (uint64_t)perdure_server_alert_entry : 0,
  };
  const perdure_outcome outcome = perdure_thread_set_handlers(&handlers);
  return outcome == PERDURE_SUCCESS ? perdure_thread_enable_exceptions() : outcome;
}

perdure_outcome perdure_on_exception(perdure_handler *handler) {
  on_exception = handler;
  return install();
}

perdure_outcome perdure_on_interrupt(perdure_handler *handler) {
  on_interrupt = handler;
  return install();
}

perdure_outcome perdure_on_client_alert(perdure_handler *handler) {
  on_client_alert = handler;
  return install();
}

perdure_outcome perdure_on_server_alert(perdure_handler *handler) {
  on_server_alert = handler;
  return install();
}

/* ---- try ---- */

struct attempt {
  jmp_buf start;
  struct perdure_exception *exception;
};

static _Thread_local struct attempt *attempt;

/* Goes on in longjmp instead of where the exception was: outside the handler, with exceptions enabled as they were. */
static void end_attempt(struct perdure_exception *exception) {
  if (attempt->exception) *attempt->exception = *exception;
  exception->pc = (uint64_t)longjmp;
  exception->x[10] = (uint64_t)attempt->start;
  exception->x[11] = 1;
}

int perdure_try(void (*function)(void *), void *argument, struct perdure_exception *exception) {
  struct attempt mine = {.exception = exception};
  struct attempt *const outer = attempt;
  perdure_handler *const before = on_exception;
  const int was_ended = setjmp(mine.start);
  if (!was_ended) {
    attempt = &mine;
    perdure_on_exception(end_attempt);
    function(argument);
  }
  attempt = outer;
  perdure_on_exception(before);
  return !was_ended;
}

uint64_t perdure_instruction_size(uint64_t pc) {
  return (*(const uint16_t *)pc & 3) == 3 ? 4 : 2;
}
