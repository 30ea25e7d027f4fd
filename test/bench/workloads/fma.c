/* Floating point heavy in fused multiply-add, written as __builtin_fma so that it is fused on every machine (a native
   build without -mfma calls fma() of the C library): gravity of eight bodies, polynomials, dot products and products
   of matrices. A unit: 16 steps, 512 polynomials, dot products of 2,048 elements, a product of 16 x 16. */
#include <math.h>

#include "bench.h"

enum { BODIES = 8, STEPS = 16, POLYNOMIALS = 512, DEGREE = 11, VECTOR = 2048, N = 16 };

#define FMA(a, b, c) __builtin_fma(a, b, c)
#define FMAF(a, b, c) __builtin_fmaf(a, b, c)

typedef struct {
  double place[3], speed[3], mass;
} body;

static void step(body *bodies, double dt) {
  for (int i = 0; i < BODIES; i++) {
    for (int j = i + 1; j < BODIES; j++) {
      const double dx = bodies[i].place[0] - bodies[j].place[0];
      const double dy = bodies[i].place[1] - bodies[j].place[1];
      const double dz = bodies[i].place[2] - bodies[j].place[2];
      /* The softening keeps close encounters tame. */
      const double square = FMA(dx, dx, FMA(dy, dy, FMA(dz, dz, 0.05)));
      const double scale = dt / (square * sqrt(square));
      const double mi = bodies[i].mass * scale, mj = bodies[j].mass * scale;
      bodies[i].speed[0] = FMA(-dx, mj, bodies[i].speed[0]);
      bodies[i].speed[1] = FMA(-dy, mj, bodies[i].speed[1]);
      bodies[i].speed[2] = FMA(-dz, mj, bodies[i].speed[2]);
      bodies[j].speed[0] = FMA(dx, mi, bodies[j].speed[0]);
      bodies[j].speed[1] = FMA(dy, mi, bodies[j].speed[1]);
      bodies[j].speed[2] = FMA(dz, mi, bodies[j].speed[2]);
    }
  }
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) bodies[i].place[k] = FMA(dt, bodies[i].speed[k], bodies[i].place[k]);
}

/* Total momentum: it stays what it was, but for rounding. */
static double momentum(const body *bodies, int axis) {
  double sum = 0;
  for (int i = 0; i < BODIES; i++) sum = FMA(bodies[i].mass, bodies[i].speed[axis], sum);
  return sum;
}

static double horner(const double *c, double x) {
  double y = c[DEGREE];
  for (int i = DEGREE - 1; i >= 0; i--) y = FMA(y, x, c[i]);
  return y;
}

static double dot(const double *a, const double *b) {
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int i = 0; i < VECTOR; i += 4) {
    s0 = FMA(a[i], b[i], s0);
    s1 = FMA(a[i + 1], b[i + 1], s1);
    s2 = FMA(a[i + 2], b[i + 2], s2);
    s3 = FMA(a[i + 3], b[i + 3], s3);
  }
  return (s0 + s1) + (s2 + s3);
}

static float dot_single(const float *a, const float *b) {
  float s0 = 0, s1 = 0;
  for (int i = 0; i < VECTOR; i += 2) {
    s0 = FMAF(a[i], b[i], s0);
    /* A subtraction too: fnmsub. */
    s1 = FMAF(-a[i + 1], b[i + 1], s1);
  }
  return s0 - s1;
}

static void multiply(double c[N][N], double a[N][N], double b[N][N]) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < N; k++) sum = FMA(a[i][k], b[k][j], sum);
      c[i][j] = sum;
    }
}

uint64_t run_fma(uint64_t size, uint64_t seed) {
  uint64_t state = seed, sum = 0;
  body bodies[BODIES];
  double c[DEGREE + 1], m[3][N][N];
  double *a = allocate(VECTOR * sizeof *a), *b = allocate(VECTOR * sizeof *b);
  float *f = allocate(VECTOR * sizeof *f), *g = allocate(VECTOR * sizeof *g);
  for (int i = 0; i < BODIES; i++) {
    for (int k = 0; k < 3; k++) {
      bodies[i].place[k] = random_between(&state, -5, 5);
      bodies[i].speed[k] = random_between(&state, -0.1, 0.1);
    }
    bodies[i].mass = random_between(&state, 0.1, 1);
  }
  const double before = momentum(bodies, 0);
  /* Coefficients of exp, each moved a little. */
  double factorial = 1;
  for (int i = 0; i <= DEGREE; i++) {
    if (i > 0) factorial *= i;
    c[i] = random_between(&state, 0.999, 1.001) / factorial;
  }
  for (int i = 0; i < VECTOR; i++) {
    a[i] = random_between(&state, -1, 1);
    b[i] = random_between(&state, -1, 1);
    f[i] = (float)a[i];
    g[i] = (float)b[i];
  }
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) m[k][i][j] = random_between(&state, -1, 1);
  for (uint64_t round = 0; round < size; round++) {
    for (int i = 0; i < STEPS; i++) step(bodies, 0.01);
    sum = mix(sum, double_bits(bodies[round % BODIES].place[round % 3]));
    double y = 0;
    for (int i = 0; i < POLYNOMIALS; i++) y += horner(c, FMA(i, 1.0 / POLYNOMIALS, -0.5));
    sum = mix(sum, double_bits(y));
    a[round % VECTOR] = y / (POLYNOMIALS * 2);
    const double product = dot(a, b);
    const float single = dot_single(f, g);
    sum = mix(sum, double_bits(product) ^ float_bits(single));
    f[round % VECTOR] = (float)(product / VECTOR);
    multiply(m[2], m[0], m[1]);
    for (int j = 0; j < N; j++) {
      m[0][round % N][j] = m[2][round % N][j] / N;
      sum = mix(sum, double_bits(m[2][round % N][j]));
    }
  }
  require(fabs(momentum(bodies, 0) - before) < 1e-6, "the momentum is what it was");
  require(fabs(horner(c, 0.5) - 1.6487212707) < 0.01, "the polynomial is near exp");
  release(a), release(b), release(f), release(g);
  return sum;
}
