/* Reads its console line by line and prints each line back with a running number. Ends at the end of the input. */
#include <stdio.h>
#include <string.h>

int main(void) {
  static char line[1024];
  unsigned long count = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = 0;
    count += 1;
    printf("%lu: %s\n", count, line);
  }
  printf("echo: %lu lines\n", count);
  return 0;
}
