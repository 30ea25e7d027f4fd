/* Memory copy: memcpy, memmove and memset of the C library, from one byte to 128 KiB, at all alignments.
   A unit: 64 copies of up to 64 bytes, 16 of up to 4 KiB, one of up to 128 KiB, of each kind in turn. */
#include <string.h>

#include "bench.h"

enum { AREA = 512 * 1024, LARGE = 128 * 1024 };

typedef struct {
  uint8_t *from, *to;
  uint64_t state;
} areas;

static void one(areas *a, uint32_t limit, uint32_t kind) {
  const uint64_t r = next_random(&a->state);
  const uint32_t length = 1 + (uint32_t)(r % limit);
  const uint32_t source = (uint32_t)(r >> 20) % (AREA - length), target = (uint32_t)(r >> 40) % (AREA - length);
  switch (kind % 3) {
    case 0:
      memcpy(a->to + target, a->from + source, length);
      break;
    case 1: {
      /* Overlapping by about half. */
      const uint32_t shift = length / 2;
      const uint32_t near = source > shift ? source - shift : source;
      memmove(a->from + near, a->from + source, length);
      break;
    }
    default:
      memset(a->to + target, (int)(r >> 56), length);
  }
}

static uint64_t sample(const uint8_t *bytes, uint64_t sum) {
  for (uint32_t i = 0; i < AREA; i += 257) sum = mix(sum, bytes[i]);
  return sum;
}

uint64_t run_copy(uint64_t size, uint64_t seed) {
  areas a = {allocate(AREA), allocate(AREA), seed};
  for (uint32_t i = 0; i < AREA; i += 8) {
    const uint64_t r = next_random(&a.state);
    memcpy(a.from + i, &r, 8);
  }
  memcpy(a.to, a.from, AREA);
  require(memcmp(a.to, a.from, AREA) == 0, "a copy is equal");
  uint64_t sum = 0;
  for (uint64_t round = 0; round < size; round++) {
    for (uint32_t i = 0; i < 64; i++) one(&a, 64, i);
    for (uint32_t i = 0; i < 16; i++) one(&a, 4096, i + (uint32_t)round);
    one(&a, LARGE, (uint32_t)round);
    if (round % 256 == 0) sum = sample(a.to, sample(a.from, sum));
  }
  sum = sample(a.to, sample(a.from, sum));
  release(a.from), release(a.to);
  return sum;
}
