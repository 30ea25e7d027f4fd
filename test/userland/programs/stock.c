/* Stock C that knows nothing of Perdure: stdio, malloc, math, time, setjmp, sorting, environment, exit handlers.
   Built for bare mode and run under qemu, and for the kernel; prints only what must not differ between the two. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static jmp_buf checkpoint;
static int constructed;
static _Thread_local int initialised = 41;
static _Thread_local int zeroed;

__attribute__((constructor)) static void construct(void) {
  constructed += 1;
}

static void first_handler(void) {
  printf("exit handler 1, the last to run");
}

static void second_handler(void) {
  printf("exit handler 2\n");
}

static int ascending(const void *left, const void *right) {
  return *(const int *)left - *(const int *)right;
}

static void heap(void) {
  char *blocks[64];
  for (int i = 0; i < 64; i += 1) {
    blocks[i] = malloc((size_t)(i + 1) * 1000);
    assert(blocks[i] != NULL);
    memset(blocks[i], i, (size_t)(i + 1) * 1000);
  }
  for (int i = 0; i < 64; i += 2) free(blocks[i]);
  unsigned long sum = 0;
  for (int i = 1; i < 64; i += 2) {
    blocks[i] = realloc(blocks[i], (size_t)(i + 1) * 2000);
    for (int j = 0; j < (i + 1) * 1000; j += 1) sum += (unsigned char)blocks[i][j];
    free(blocks[i]);
  }
  char *zeros = calloc(1000, 8);
  for (int i = 0; i < 8000; i += 1) sum += (unsigned char)zeros[i];
  free(zeros);
  printf("heap %lu\n", sum);
  errno = 0;
  printf("too much %d %s\n", malloc((size_t)1 << 40) == NULL, strerror(errno));
}

static void leap(int value) {
  longjmp(checkpoint, value);
}

int main(int argc, char **argv) {
  atexit(first_handler);
  atexit(second_handler);
  printf("constructed %d, tls %d %d\n", constructed, initialised++, zeroed);
  for (int i = 0; i <= argc; i += 1) printf("argv[%d] %s\n", i, argv[i] ? argv[i] : "null");
  printf("environment %s\n", getenv("COLOUR") ? getenv("COLOUR") : "without");

  printf("%5d|%-6s|%08.3f|%g|%x|%lld|%c|%p\n", -42, "abc", 3.14159, 1e100, 48879, 1ll << 62, 'z', (void *)0x1000);
  int number = 0;
  char word[16];
  double real = 0;
  printf("scanned %d", sscanf("17 words 2.5", "%d %15s %lf", &number, word, &real));
  printf(" %d %s %.2f\n", number, word, real);
  printf("math %.12f %.12f %.12f\n", sqrt(2), sin(1), pow(1.5, 10.25));
  printf("strtod %d strtol %ld\n", strtod("0.1", NULL) == 0.1, strtol("-0x7f", NULL, 0));

  heap();
  int numbers[] = {5, 3, 9, -1, 7};
  qsort(numbers, 5, sizeof numbers[0], ascending);
  for (int i = 0; i < 5; i += 1) printf("%d%c", numbers[i], i < 4 ? ' ' : '\n');

  const int leapt = setjmp(checkpoint);
  if (leapt < 3) leap(leapt + 1);
  printf("leapt %d\n", leapt);

  struct timespec before, after;
  assert(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
  for (volatile int i = 0; i < 100000; i += 1) continue;
  assert(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
  printf("time passes %d\n", after.tv_sec > before.tv_sec || after.tv_nsec > before.tv_nsec);
  const time_t day = 86400;
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%d", gmtime(&day));
  printf("date %s, clock %d, time %d\n", text, clock() != (clock_t)-1, time(NULL) != (time_t)-1);

  char line[8];
  while (fgets(line, sizeof line, stdin)) printf("read %lu\n", (unsigned long)strlen(line));
  printf("end of input %d\n", feof(stdin) != 0);
  fprintf(stderr, "to the error stream\n");
  FILE *missing = fopen("missing", "r");
  printf("fopen %d %s\n", missing == NULL, strerror(errno));
  exit(7);
}
