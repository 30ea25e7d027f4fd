/* A long computation over much memory: fills an area with pseudo-random words, then walks through it in a scattered
   order, changing and summing it. Prints a checksum a round.

   fill [MEBIBYTES [ROUNDS]]: 4 MiB and 4 rounds when not given. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  const unsigned long mebibytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
  const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 4;
  const size_t count = mebibytes * (1024 * 1024 / sizeof(uint64_t));
  uint64_t *words = malloc(count * sizeof *words);
  if (words == NULL || count == 0) {
    printf("fill: no room for %lu MiB\n", mebibytes);
    return 1;
  }
  /* Knuth's MMIX generator. */
  uint64_t random = 1;
  for (size_t i = 0; i < count; i += 1) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    words[i] = random;
  }
  uint64_t sum = 0;
  for (unsigned long round = 1; round <= rounds; round += 1) {
    /* A step that shares no factor with the count visits every word once, each far from the last. */
    size_t at = 0;
    for (size_t i = 0; i < count; i += 1) {
      at = (at + 81007) % count;
      sum = (sum << 7 | sum >> 57) ^ words[at];
      words[at] = words[at] * 0x9e3779b97f4a7c15ull + sum;
    }
    printf("round %lu of %lu MiB: %016lx\n", round, mebibytes, sum);
  }
  free(words);
  return 0;
}
