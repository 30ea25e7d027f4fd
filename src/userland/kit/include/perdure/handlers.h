/* Exceptions, interrupts and alerts as C functions. Include perdure.h.

   A handler belongs to the thread that sets it. While it runs, no other handler of the thread is entered: what is posted
   meanwhile is pending until it returns, and an exception in it goes to the keeper of the space, which ends the program.
   It runs on the stack of what it interrupted and may call anything that the interrupted code could not be in the middle
   of: entry points always, the C library (printf, malloc) only if the interrupted code was not inside it. */
#ifndef PERDURE_HANDLERS_H
#define PERDURE_HANDLERS_H

#include <perdure/entries.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a handler is told. It may change pc, x and f: the thread goes on with what they hold when the handler returns.
   A call that was interrupted while it waited stands there as the call it is now, with pc at its ecall: it is made again. */
struct perdure_exception {
  /* A fault of codes.h: PERDURE_FAULT_PROCESSOR plus a cause, or a programming error. 0 for interrupts and alerts. */
  uint64_t code;
  /* The address that could not be accessed, or the instruction's trap value. */
  uint64_t address;
  /* The protection bits that were wanted. */
  uint64_t access;
  /* One of the bits PERDURE_PENDING_...; 0 for an exception. */
  uint64_t posted;
  /* Where the thread goes on: at first the instruction that trapped. */
  uint64_t pc;
  /* x[0] is ignored. */
  uint64_t x[32];
  uint64_t fcsr;
  uint64_t f[32];
};
_Static_assert(offsetof(struct perdure_exception, pc) == 32, "perdure_exception.pc: handlers.S");
_Static_assert(offsetof(struct perdure_exception, x) == 40, "perdure_exception.x: handlers.S");
_Static_assert(offsetof(struct perdure_exception, fcsr) == 296, "perdure_exception.fcsr: handlers.S");
_Static_assert(offsetof(struct perdure_exception, f) == 304, "perdure_exception.f: handlers.S");
_Static_assert(sizeof(struct perdure_exception) == 560, "perdure_exception: handlers.S");

typedef void perdure_handler(struct perdure_exception *exception);

/* Set the calling thread's handlers (NULL: none any more), and enable its exceptions. */
/* For exceptions: page faults that no pager answered, breakpoints, illegal instructions, programming errors. */
perdure_outcome perdure_on_exception(perdure_handler *handler);
/* For software interrupts (perdure_thread_interrupt). */
perdure_outcome perdure_on_interrupt(perdure_handler *handler);
/* For alerts of my server (perdure_ipc_server_alert), and of my client (perdure_ipc_client_alert). */
perdure_outcome perdure_on_client_alert(perdure_handler *handler);
perdure_outcome perdure_on_server_alert(perdure_handler *handler);

/* Calls function(argument). Returns 1 when it returned, and 0 when an exception ended it: then `*exception` says which
   (may be NULL). What the function had begun stays as it was when it was ended: locks it took are still taken. */
int perdure_try(void (*function)(void *), void *argument, struct perdure_exception *exception);

/* Bytes of the instruction at `pc` (2 or 4), for handlers that go on behind it. */
uint64_t perdure_instruction_size(uint64_t pc);

#ifdef __cplusplus
}
#endif

#endif
