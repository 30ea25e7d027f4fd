/* A mix of single precision: points of the Mandelbrot set, a filter, conversions between integers, floats and doubles,
   divisions, square roots, comparisons, minima. A unit: 16 points, 256 samples through the filter, 256 conversions. */
#include <math.h>

#include "bench.h"

enum { POINTS = 16, DEPTH = 100, SAMPLES = 256, TAPS = 8 };

static uint32_t escape(float cx, float cy) {
  float x = 0, y = 0;
  uint32_t n = 0;
  for (; n < DEPTH; n++) {
    const float xx = x * x, yy = y * y;
    if (xx + yy > 4.0f) break;
    y = 2.0f * x * y + cy;
    x = xx - yy + cx;
  }
  return n;
}

static float filter(const float *samples, const float *taps, float *out) {
  float loudest = 0;
  for (int i = 0; i + TAPS <= SAMPLES; i++) {
    float sum = 0;
    for (int k = 0; k < TAPS; k++) sum += samples[i + k] * taps[k];
    out[i] = sum;
    const float size = fabsf(sum);
    if (size > loudest) loudest = size;
  }
  return loudest;
}

/* Roots, quotients and rounding there and back. */
static uint64_t convert(const float *samples, int32_t *integers) {
  uint64_t sum = 0;
  for (int i = 0; i < SAMPLES; i++) {
    const float x = samples[i];
    const float root = sqrtf(fabsf(x) + 1.0f);
    const float quotient = x / root;
    const double wide = (double)quotient * 1e6 + (double)(uint32_t)i;
    const int64_t whole = (int64_t)wide;
    const int32_t narrow = (int32_t)(quotient * 1000.0f);
    const float back = (float)whole / (float)(narrow | 1);
    integers[i] = narrow - (int32_t)(back * 0.5f);
    sum += (uint64_t)(uint32_t)integers[i] ^ float_bits(fminf(back, root)) ^ float_bits((float)sqrt(fabs(wide)));
  }
  return sum;
}

uint64_t run_floats(uint64_t size, uint64_t seed) {
  uint64_t state = seed, sum = 0;
  float *samples = allocate(SAMPLES * sizeof *samples), *out = allocate(SAMPLES * sizeof *out);
  int32_t *integers = allocate(SAMPLES * sizeof *integers);
  float taps[TAPS];
  for (int i = 0; i < TAPS; i++) taps[i] = (float)random_between(&state, -0.5, 0.5);
  for (int i = 0; i < SAMPLES; i++) {
    samples[i] = (float)random_between(&state, -100, 100);
    out[i] = 0;
  }
  require(escape(0, 0) == DEPTH && escape(2, 2) == 1, "zero is in the set and 2 + 2i is not");
  for (uint64_t round = 0; round < size; round++) {
    uint32_t steps = 0;
    for (int i = 0; i < POINTS; i++) {
      const uint64_t r = next_random(&state);
      steps += escape((float)(uint32_t)(r & 0xffff) / 21845.0f - 2.0f, (float)(uint32_t)(r >> 16 & 0xffff) / 32768.0f);
    }
    const float loudest = filter(samples, taps, out);
    require(loudest >= 0 && loudest < 1e6f, "the filter is stable");
    sum = mix(sum, convert(out, integers) + float_bits(loudest) + steps);
    /* New samples each round, near the old ones. */
    for (int i = 0; i < 8; i++) samples[(round * 8 + (uint64_t)i) % SAMPLES] = (float)(integers[i] % 100) + 0.25f;
  }
  release(samples), release(out), release(integers);
  return sum;
}
