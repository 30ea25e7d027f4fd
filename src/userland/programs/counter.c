/* Counts, a line a step, and sleeps between steps. The count is a variable: nothing is written down anywhere, and
   still it goes on after the machine was killed.

   counter [COUNT [PAUSE_MS]]: COUNT 0 (the default) counts for ever; the pause is 100 ms when not given. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  const unsigned long last = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  const unsigned long pause_ms = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
  for (unsigned long count = 1; last == 0 || count <= last; count += 1) {
    printf("count %lu\n", count);
    if (pause_ms != 0) perdure_sleep_ns(pause_ms * 1000000ul);
  }
  return 0;
}
