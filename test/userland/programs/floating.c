/* What C programs do with floating point: mathematics, rounding modes, flags, conversions, jumps that keep registers. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma STDC FENV_ACCESS ON

static uint64_t bits(double x) {
  uint64_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

static uint32_t bits_single(float x) {
  uint32_t b;
  memcpy(&b, &x, sizeof b);
  return b;
}

static volatile double third = 1.0 / 3, tiny = DBL_MIN, huge = DBL_MAX, zero = 0.0, one = 1.0;
static volatile float third_single = 1.0f / 3, tiny_single = FLT_MIN;

/* A number from a small generator, between -2^k and 2^k. */
static double random_number(uint64_t *state, int k) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return ldexp((double)(int64_t)*state, k - 63);
}

static void modes(void) {
  static const int all[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  for (int i = 0; i < 4; i++) {
    fesetround(all[i]);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double a = one / 3 + third * third - tiny / 7;
    volatile float b = third_single * third_single + tiny_single / 3;
    printf("mode %d: %016llx %08x %ld %ld %d, flags %x\n", i, (unsigned long long)bits(a), (unsigned)bits_single(b),
           lrint(a * 1e15), lround(-a * 1e3), (int)rint(-a * 10), (unsigned)fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    volatile double c = huge * 2, d = tiny / 3;
    printf("  over %016llx, under %016llx, flags %x\n", (unsigned long long)bits(c), (unsigned long long)bits(d),
           (unsigned)fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    volatile double e = one / zero, f = zero / zero, g = sqrt(-one);
    printf("  %016llx %016llx %016llx, flags %x\n", (unsigned long long)bits(e), (unsigned long long)bits(f),
           (unsigned long long)bits(g), (unsigned)fetestexcept(FE_ALL_EXCEPT));
  }
  fesetround(FE_TONEAREST);
  feclearexcept(FE_ALL_EXCEPT);
}

/* Products of matrices, first of small whole numbers, so that all is exact and nothing sets NX, then of any. */
static void matrices(void) {
  enum { N = 24 };
  static double a[N][N], b[N][N], c[N][N];
  uint64_t state = 5;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        a[i][j] = round ? random_number(&state, 3) : (i * 7 + j) % 11 - 5;
        b[i][j] = round ? random_number(&state, -3) : (i + j * 5) % 13 - 6;
      }
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
    uint64_t hash = 0;
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) hash = hash * 31 + bits(c[i][j]);
    printf("matrix %d: %016llx, flags %x\n", round, (unsigned long long)hash, (unsigned)fetestexcept(FE_ALL_EXCEPT));
  }
}

static void functions(void) {
  uint64_t state = 9, hash = 0;
  for (int i = 0; i < 300; i++) {
    double x = random_number(&state, 4), y = random_number(&state, 2);
    double all[] = {sin(x), cos(x), tan(x), exp(y), log(fabs(x)), pow(fabs(x), y), atan2(x, y), cbrt(x),
                    hypot(x, y), fma(x, y, -x * y), fmod(x, y), tgamma(y), erf(y), sinhf((float)y), expm1f((float)x)};
    for (unsigned k = 0; k < sizeof all / sizeof *all; k++) hash = hash * 1099511628211u + bits(all[k]);
    int exponent;
    hash += (uint64_t)(long)(x * 1e6) ^ (uint64_t)(unsigned)(int)y ^ bits(frexp(x, &exponent)) ^ (uint64_t)fpclassify(x);
  }
  printf("functions: %016llx\n", (unsigned long long)hash);
}

static void text(void) {
  static const char *const numbers[] = {"0.1", "1e23", "4.9e-324", "2.2250738585072011e-308", "1.7976931348623157e308",
                                        "9007199254740993", "0x1.fffffep-127", "-inf", "nan"};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    double x = strtod(numbers[i], NULL);
    printf("%s: %016llx %08x %.17g %a\n", numbers[i], (unsigned long long)bits(x),
           (unsigned)bits_single(strtof(numbers[i], NULL)), x, x);
  }
}

static jmp_buf place;

static __attribute__((noinline)) void leave(double x) {
  /* Ruins every register that a callee saves, then jumps. */
  __asm__ volatile("fmv.d fs0, %0\n fmv.d fs1, %0\n fmv.d fs2, %0\n fmv.d fs3, %0\n fmv.d fs4, %0\n fmv.d fs5, %0\n"
                   "fmv.d fs6, %0\n fmv.d fs7, %0\n fmv.d fs8, %0\n fmv.d fs9, %0\n fmv.d fs10, %0\n fmv.d fs11, %0"
                   :
                   : "f"(x)
                   : "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11");
  longjmp(place, 1);
}

static void jumps(void) {
  register double kept __asm__("fs3") = third;
  __asm__ volatile("" : "+f"(kept));
  if (setjmp(place) == 0) leave(-7);
  __asm__ volatile("" : "+f"(kept));
  printf("kept over a jump: %d\n", kept == third);
}

int main(void) {
  modes();
  matrices();
  functions();
  text();
  jumps();
  return 0;
}
