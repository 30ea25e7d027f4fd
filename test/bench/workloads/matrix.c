/* Matrices: products of doubles (separate multiplications and additions) and of integers, transposed and not.
   A unit: one 64 x 64 product of each. */
#include "bench.h"

enum { N = 64 };

typedef double doubles[N][N];
typedef int64_t integers[N][N];

/* Both factors by rows: the inner loop walks two rows and writes one. */
static void multiply_doubles(doubles c, doubles a, doubles b) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) c[i][j] = 0;
    for (int k = 0; k < N; k++) {
      const double factor = a[i][k];
      for (int j = 0; j < N; j++) c[i][j] = c[i][j] + factor * b[k][j];
    }
  }
}

/* The textbook's order: the inner loop walks a column. */
static void multiply_integers(integers c, integers a, integers b) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) {
      uint64_t sum = 0;
      for (int k = 0; k < N; k++) sum += (uint64_t)a[i][k] * (uint64_t)b[k][j];
      c[i][j] = (int64_t)sum;
    }
  }
}

/* Freivalds: C r = A (B r) modulo 2^64 for a random vector r. */
static void check_integers(integers c, integers a, integers b, uint64_t *state) {
  uint64_t r[N], br[N];
  for (int i = 0; i < N; i++) r[i] = next_random(state);
  for (int i = 0; i < N; i++) {
    br[i] = 0;
    for (int j = 0; j < N; j++) br[i] += (uint64_t)b[i][j] * r[j];
  }
  for (int i = 0; i < N; i++) {
    uint64_t left = 0, right = 0;
    for (int j = 0; j < N; j++) {
      left += (uint64_t)c[i][j] * r[j];
      right += (uint64_t)a[i][j] * br[j];
    }
    require(left == right, "the integer product is the product");
  }
}

uint64_t run_matrix(uint64_t size, uint64_t seed) {
  doubles *d = allocate(3 * sizeof *d);
  integers *n = allocate(3 * sizeof *n);
  uint64_t state = seed, sum = 0;
  for (int m = 0; m < 2; m++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        d[m][i][j] = random_between(&state, -1, 1);
        n[m][i][j] = (int64_t)next_random(&state);
      }
  for (uint64_t round = 0; round < size; round++) {
    multiply_doubles(d[2], d[0], d[1]);
    multiply_integers(n[2], n[0], n[1]);
    if (round % 16 == 0) check_integers(n[2], n[0], n[1], &state);
    const int row = (int)(round % N);
    /* The next round's factors come from this one's results, brought back to a sane size. */
    for (int j = 0; j < N; j++) {
      sum = mix(sum, double_bits(d[2][row][j]) ^ (uint64_t)n[2][j][row]);
      d[0][row][j] = d[2][row][j] / 64.0;
      n[1][j][row] = n[2][j][row];
    }
  }
  release(d);
  release(n);
  return sum;
}
