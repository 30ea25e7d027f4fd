/* The digits of pi, by nothing but whole numbers: a spigot (Rabinowitz and Wagon 1995). Every digit depends on all of
   an array that every digit changes, and anybody can look the digits up.

   digits [COUNT]: how many (default 500), ten a line, with the number of those before them. Exit status 0. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long printed;
static unsigned long wanted = 500;
static char line[11];

static void print(unsigned digit) {
  if (printed == wanted) return;
  line[printed % 10] = (char)('0' + digit);
  printed += 1;
  if (printed % 10 == 0) printf("%06lu %s\n", printed - 10, line);
}

int main(int argc, char **argv) {
  if (argc > 1) wanted = strtoul(argv[1], NULL, 10);
  const size_t size = wanted * 10 / 3 + 16;
  uint32_t *places = malloc(size * sizeof *places);
  if (places == NULL) return 1;
  for (size_t i = 0; i < size; i += 1) places[i] = 2;
  /* A digit is held back until it is known that no carry reaches it any more; the first one is no digit. */
  unsigned held = 0, nines = 0;
  int is_first = 1;
  while (printed < wanted) {
    uint64_t carry = 0;
    for (size_t i = size; i-- > 1;) {
      const uint64_t value = (uint64_t)places[i] * 10 + carry * (i + 1);
      places[i] = (uint32_t)(value % (2 * i + 1));
      carry = value / (2 * i + 1);
    }
    const uint64_t value = (uint64_t)places[0] * 10 + carry;
    places[0] = (uint32_t)(value % 10);
    const unsigned digit = (unsigned)(value / 10);
    if (digit == 9) {
      nines += 1;
      continue;
    }
    const unsigned over = digit == 10;
    if (!is_first) print(held + over);
    for (; nines > 0; nines -= 1) print(over ? 0 : 9);
    held = over ? 0 : digit;
    is_first = 0;
  }
  printf("%lu digits of pi\n", printed);
  free(places);
  return 0;
}
