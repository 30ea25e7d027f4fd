/* The clock by example. */
#include "example.h"

/* The monotonic clock never goes back, also not over the death of the host; the wall clock is what the world says. */
EXAMPLE(clock_read) {
  uint64_t first = 0, second = 0, wall = 0;
  OK(perdure_clock_read(&first, &wall));
  OK(perdure_clock_read(&second, NULL));
  EXPECT(second >= first);
  EXPECT(wall >= first);
}

/* The deadline is a moment, not a duration: a sleeper that is resumed sleeps the rest. */
EXAMPLE(clock_sleep) {
  uint64_t before = 0, after = 0;
  OK(perdure_clock_read(&before, NULL));
  OK(perdure_clock_sleep(before + 50000));
  OK(perdure_clock_read(&after, NULL));
  EXPECT(after >= before + 50000);
  /* A moment that is over is no wait. */
  OK(perdure_clock_sleep(before));
}
