/* Five threads keep all 32 floating point registers in use, each with flags of its own and a rounding mode that it
   changes every round. They are interrupted in the middle, sleep with their values in registers, and print what is
   left: the rounding mode and the flags as they stand in fcsr, a sum of doubles, a sum of singles, and a hash of all
   registers.

   fractions ROUNDS STEPS. The first thread adds whole numbers, exactly: its flags stay 0. Exit status 0. */
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 5
#define SLEEP_NS 300000
/* Constants as bits, so that the compiler itself uses no floating point register. */
#define ONE 0x3ff0000000000000ull
#define TENTH 0x3fb999999999999aull
#define THREE 0x4008000000000000ull
#define SINGLE_ONE 0xffffffff3f800000ull
#define SINGLE_TENTH 0xffffffff3dcccccdull

static unsigned long round_count;
static unsigned long step_count;

/* f0: the sum of doubles, f7: the sum of singles, f31 and f28: what they grow by, f29: a divisor, f30: 1.
   f8 to f27: where the values of the last 20 steps pass through. Sleeps before it looks at what is there. */
static uint64_t compute(uint64_t registers[32], unsigned long mode, unsigned long steps, uint64_t deadline) {
  register uint64_t a0 __asm__("a0") = deadline;
  register uint64_t a7 __asm__("a7") = PERDURE_ENTRY_CLOCK_SLEEP;
  uint64_t fcsr;
#define EACH(do)                                                                                                     \
  do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15) do(16) do(17) \
      do(18) do(19) do(20) do(21) do(22) do(23) do(24) do(25) do(26) do(27) do(28) do(29) do(30) do(31)
#define LOAD(n) "fld f" #n ", 8*" #n "(%[registers])\n"
#define STORE(n) "fsd f" #n ", 8*" #n "(%[registers])\n"
#define MOVE(to, from) "fmv.d f" #to ", f" #from "\n"
  __asm__ volatile(EACH(LOAD) "fsrm %[mode]\n"
                   "1:\n"
                   "fadd.d f0, f0, f31\n"
                   "fmul.d f1, f0, f30\n"
                   "fmadd.d f2, f0, f31, f30\n"
                   "fdiv.d f3, f0, f29\n"
                   "fmax.d f4, f1, f3\n"
                   "fsub.d f5, f4, f2\n"
                   "fcvt.s.d f6, f0\n"
                   "fadd.s f7, f7, f28\n" MOVE(27, 26) MOVE(26, 25) MOVE(25, 24) MOVE(24, 23) MOVE(23, 22)
                       MOVE(22, 21) MOVE(21, 20) MOVE(20, 19) MOVE(19, 18) MOVE(18, 17) MOVE(17, 16) MOVE(16, 15)
                           MOVE(15, 14) MOVE(14, 13) MOVE(13, 12) MOVE(12, 11) MOVE(11, 10) MOVE(10, 9) MOVE(9, 8)
                               MOVE(8, 5)
                   "addi %[steps], %[steps], -1\n"
                   "bnez %[steps], 1b\n"
                   "ecall\n"
                   "frcsr %[fcsr]\n" EACH(STORE)
                   : [steps] "+r"(steps), [fcsr] "=&r"(fcsr), "+r"(a0), "+r"(a7)
                   : [registers] "r"(registers), [mode] "r"(mode)
                   : "a1", "a2", "a3", "a4", "a5", "a6", "t0", "t1", "memory", "ft0", "ft1", "ft2", "ft3", "ft4",
                     "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs2",
                     "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11");
  return fcsr;
}

/* Raises a flag that no step raises: of the third thread divide by zero, of the fourth invalid, of the fifth overflow. */
static void raise(unsigned long self) {
  static const uint64_t operands[THREADS][2] = {
      {ONE, ONE}, {ONE, ONE}, {ONE, 0}, {0, 0}, {0x7fefffffffffffffull, TENTH},
  };
  __asm__ volatile("fld ft0, 0(%0)\nfld ft1, 8(%0)\nfdiv.d ft0, ft0, ft1" ::"r"(operands[self]) : "ft0", "ft1");
}

static void *work(void *argument) {
  const unsigned long self = (unsigned long)argument;
  const int is_exact = self == 0;
  raise(self);
  for (unsigned long round = 0; round < round_count; round += 1) {
    uint64_t registers[32];
    for (unsigned i = 0; i < 32; i += 1) registers[i] = i * 0x0123456789abcdefull + self;
    registers[0] = 0;
    registers[7] = 0xffffffff00000000ull;
    registers[28] = is_exact ? SINGLE_ONE : SINGLE_TENTH;
    registers[29] = is_exact ? ONE : THREE;
    registers[30] = ONE;
    registers[31] = is_exact ? ONE : TENTH;
    const unsigned long mode = (self + round) % 5;
    const uint64_t fcsr = compute(registers, mode, step_count, perdure_now_ns() + SLEEP_NS);
    uint64_t hash = 0;
    for (unsigned i = 0; i < 32; i += 1) hash = (hash ^ registers[i]) * 0x9e3779b97f4a7c15ull;
    printf("thread %lu mode %lu fcsr %02lx sum %016lx single %016lx hash %016lx\n", self, mode, fcsr, registers[0],
           registers[7], hash);
  }
  return NULL;
}

int main(int argc, char **argv) {
  static struct perdure_worker workers[THREADS];
  if (argc != 3) return 64;
  round_count = strtoul(argv[1], NULL, 10);
  step_count = strtoul(argv[2], NULL, 10);
  for (unsigned long i = 0; i < THREADS; i += 1)
    if (perdure_worker_start(&workers[i], work, (void *)i, 0) != PERDURE_SUCCESS) return 1;
  for (unsigned i = 0; i < THREADS; i += 1) perdure_worker_join(&workers[i]);
  return 0;
}
