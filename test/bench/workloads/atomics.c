/* Atomics of C11 by one thread: counters (amoadd), flags (amoor, amoand, amoxor), exchange (amoswap), maxima and
   additions by compare-and-swap (lr and sc), a lock, and a stack of Treiber's kind. A unit: 256 rounds of all. */
#include <stdatomic.h>

#include "bench.h"

enum { ROUNDS = 256, CELLS = 16, NODES = 64 };

typedef struct {
  _Atomic uint64_t wide[CELLS];
  _Atomic uint32_t narrow[CELLS];
  atomic_flag lock;
  /* A stack of indexes plus one: the low half is the top, the high half counts changes. */
  _Atomic uint64_t top;
  uint32_t below[NODES];
  uint64_t guarded;
} shared;

static void push(shared *s, uint32_t node) {
  uint64_t old = atomic_load(&s->top), wanted;
  do {
    s->below[node] = (uint32_t)old;
    wanted = ((old >> 32) + 1) << 32 | (node + 1);
  } while (!atomic_compare_exchange_weak(&s->top, &old, wanted));
}

/* The top node, or NODES when there is none. */
static uint32_t pop(shared *s) {
  uint64_t old = atomic_load(&s->top), wanted;
  do {
    if ((uint32_t)old == 0) return NODES;
    wanted = ((old >> 32) + 1) << 32 | s->below[(uint32_t)old - 1];
  } while (!atomic_compare_exchange_weak(&s->top, &old, wanted));
  return (uint32_t)old - 1;
}

static void raise_to(_Atomic uint32_t *cell, uint32_t value) {
  uint32_t old = atomic_load_explicit(cell, memory_order_relaxed);
  while (old < value && !atomic_compare_exchange_weak(cell, &old, value)) {
  }
}

uint64_t run_atomics(uint64_t size, uint64_t seed) {
  shared *s = allocate(sizeof *s);
  uint64_t state = seed, sum = 0, added = 0;
  for (int i = 0; i < CELLS; i++) {
    atomic_init(&s->wide[i], 0);
    atomic_init(&s->narrow[i], 0);
  }
  atomic_flag_clear(&s->lock);
  atomic_init(&s->top, 0);
  s->guarded = 0;
  for (uint32_t i = 0; i < NODES / 2; i++) push(s, i);
  uint32_t spare = NODES / 2;
  for (uint64_t unit = 0; unit < size; unit++) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
      const uint64_t r = next_random(&state);
      _Atomic uint64_t *const wide = &s->wide[1 + (r & 7)];
      _Atomic uint32_t *const narrow = &s->narrow[1 + (r >> 3 & 7)];
      sum += atomic_fetch_add(wide, r >> 8);
      atomic_fetch_add_explicit(&s->wide[0], 3, memory_order_relaxed);
      added += 3;
      atomic_fetch_or(narrow, (uint32_t)(r >> 16));
      atomic_fetch_and(narrow, ~(uint32_t)(r >> 24));
      sum ^= atomic_fetch_xor(narrow, (uint32_t)(r >> 32));
      sum += atomic_exchange(&s->wide[9 + (r & 3)], r);
      raise_to(&s->narrow[9 + (r & 3)], (uint32_t)r);
      while (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire)) {
      }
      s->guarded += r & 0xff;
      atomic_flag_clear_explicit(&s->lock, memory_order_release);
      const uint32_t node = pop(s);
      if (node != NODES) {
        push(s, spare);
        spare = node;
      }
    }
    sum = mix(sum, atomic_load(&s->top));
  }
  require(atomic_load(&s->wide[0]) == added, "no addition was lost");
  sum = mix(sum, s->guarded);
  for (int i = 0; i < CELLS; i++) sum = mix(sum, atomic_load(&s->wide[i]) ^ atomic_load(&s->narrow[i]));
  release(s);
  return sum;
}
