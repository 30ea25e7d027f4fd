/* Recursion: Fibonacci, Ackermann, the towers of Hanoi, and all queens on the board.
   A unit: fib(18), ack(2, 40), hanoi(11), queens(6). */
#include "bench.h"

/* noinline, because a compiler that unrolls recursion does less of it. */
#define RECURSIVE static __attribute__((noinline))

RECURSIVE uint64_t fibonacci(unsigned n, uint64_t zero, uint64_t one) {
  if (n == 0) return zero;
  if (n == 1) return one;
  return fibonacci(n - 1, zero, one) + fibonacci(n - 2, zero, one);
}

RECURSIVE uint32_t ackermann(uint32_t m, uint32_t n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

typedef struct {
  uint64_t moves, trace;
} towers;

RECURSIVE void hanoi(towers *t, unsigned disks, unsigned from, unsigned to, unsigned over) {
  if (disks == 0) return;
  hanoi(t, disks - 1, from, over, to);
  t->moves++;
  t->trace = t->trace * 5 + (disks ^ from * 3 ^ to);
  hanoi(t, disks - 1, over, to, from);
}

RECURSIVE uint32_t queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
  if (columns == all) return 1;
  uint32_t found = 0;
  for (uint32_t free = all & ~(columns | left | right); free != 0; free &= free - 1) {
    const uint32_t place = free & -free;
    found += queens(all, columns | place, (left | place) << 1, (right | place) >> 1);
  }
  return found;
}

uint64_t run_recursion(uint64_t size, uint64_t seed) {
  uint64_t state = seed, sum = 0;
  for (uint64_t round = 0; round < size; round++) {
    const uint64_t zero = next_random(&state), one = next_random(&state);
    const uint64_t fib = fibonacci(18, zero, one);
    /* The sequence is linear in what it begins with: F(17) = 1597 and F(18) = 2584. */
    require(fib == 1597 * zero + 2584 * one, "Fibonacci's numbers are his");
    const uint32_t ack = ackermann(2, 40);
    require(ack == 83, "ack(2, n) is 2 n + 3");
    towers t = {0, zero};
    hanoi(&t, 11, (unsigned)(one % 3), (unsigned)((one + 1) % 3), (unsigned)((one + 2) % 3));
    require(t.moves == 2047, "eleven disks take 2,047 moves");
    const uint32_t found = queens(63, 0, 0, 0);
    require(found == 4, "six queens stand in four ways");
    sum = mix(sum, fib + ack + t.trace + found);
  }
  return sum;
}
