/* What the workloads of `npm run bench:cpu` share.

   A workload is a function of size and seed: it does `size` units of work on contents that the seed makes, checks
   what can be checked on the way (require), and returns a checksum that is the same on every machine. Nothing here
   depends on time, addresses, or the width of long. Floating point is compiled with -ffp-contract=off, so that a
   multiply-add is fused where it is written so and nowhere else. */
#ifndef BENCH_H
#define BENCH_H
#include <stddef.h>
#include <stdint.h>

typedef uint64_t workload(uint64_t size, uint64_t seed);

workload run_sort, run_hash, run_matrix, run_fma, run_string, run_pointers, run_virtual, run_recursion, run_switch,
    run_copy, run_atomics, run_floats, run_state;

/* Ends the program with status 1 and this sentence unless the fact holds. */
void require(int fact, const char *sentence);

/* Memory that lasts until the program ends or `release` is called with it. */
void *allocate(size_t bytes);
void release(void *memory);

/* splitmix64: the next number of the sequence that *state stands for. */
static inline uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* A number below `limit` (less than 2^32). */
static inline uint32_t random_below(uint64_t *state, uint32_t limit) {
  return (uint32_t)(((next_random(state) >> 32) * limit) >> 32);
}

/* A double in [low, high), of 32 random bits. */
static inline double random_between(uint64_t *state, double low, double high) {
  const double part = (double)(uint32_t)(next_random(state) >> 32) / 4294967296.0;
  return low + part * (high - low);
}

/* Folds a value into a checksum, so that order matters. */
static inline uint64_t mix(uint64_t sum, uint64_t value) {
  sum = (sum ^ value) * 0x9fb21c651e98df25ull;
  return sum ^ (sum >> 29);
}

static inline uint64_t double_bits(double value) {
  union {
    double number;
    uint64_t bits;
  } both = {value};
  return both.bits;
}

static inline uint32_t float_bits(float value) {
  union {
    float number;
    uint32_t bits;
  } both = {value};
  return both.bits;
}

#endif
