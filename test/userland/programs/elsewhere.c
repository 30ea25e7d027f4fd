/* A C program that knows nothing of Perdure: arguments, environment, heap, mathematics, input, both outputs, status. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int count, char **words) {
  for (char **variable = environ; *variable != NULL; variable++) {
    if (strncmp(*variable, "NODE", 4) == 0) printf("the host's: %s\n", *variable);
  }
  printf("%d words, %s\n", count, getenv("COLOUR") == NULL ? "no colour" : getenv("COLOUR"));
  qsort(words + 1, count - 1, sizeof *words, compare);
  for (int i = 1; i < count; i++) printf("word %s\n", words[i]);

  /* Large enough for a C library to ask for more than its heap. */
  const size_t size = 1 << 18;
  double *numbers = malloc(size * sizeof *numbers);
  if (numbers == NULL) return 1;
  for (size_t i = 0; i < size; i++) numbers[i] = sqrt((double)i);
  double sum = 0;
  for (size_t i = 0; i < size; i++) sum = fma(numbers[i], numbers[i], sum);
  numbers = realloc(numbers, size / 2 * sizeof *numbers);
  const float third = 1.0f / (float)count;
  printf("sum %.17g, square root %.17g, float %.9g\n", sum, numbers[2], (double)third);
  free(numbers);

  char line[80];
  while (fgets(line, sizeof line, stdin) != NULL) printf("line %s", line);
  fprintf(stderr, "to the other output\n");
  return 21;
}
