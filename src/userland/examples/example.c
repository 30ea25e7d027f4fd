/* What the examples share. */
#include "example.h"

void example_until_waiting(perdure_thread *thread) {
  perdure_reference object;
  uint64_t is_null = 1;
  OK(perdure_reference_create(&object));
  while (is_null) {
    perdure_sleep_ns(1000);
    OK(perdure_thread_peek_state(thread, NULL, NULL, NULL, &object, NULL, NULL));
    OK(perdure_reference_check(&object, &is_null));
  }
  OK(perdure_reference_destroy(&object));
}

uint64_t example_fault_of(void (*function)(void *), void *argument) {
  struct perdure_exception exception;
  EXPECT(!perdure_try(function, argument, &exception));
  return exception.code;
}
