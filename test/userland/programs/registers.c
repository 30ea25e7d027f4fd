/* A handler leaves no trace in the registers of what it interrupted, whatever it does with them itself. */
#include <math.h>
#include <perdure.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAMES \
  "1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"
#define FLOATS \
  "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31"

static uint64_t seen[64];
static volatile double noise = 2;
static int stop_count;

/* Uses what it can, and the library. */
static void disturb(struct perdure_exception *exception) {
  stop_count += 1;
  noise = sqrt(noise) * sin(noise) + 3;
  memset(seen, 0x55, sizeof seen);
  exception->pc += perdure_instruction_size(exception->pc);
}

/* Every register but sp and tp (a handler in C finds its thread by it) is -1 less its number, f registers too, and fcsr is 0x61; a breakpoint; then all is stored. */
__attribute__((naked)) static void all_registers(void) {
  __asm__("addi sp, sp, -256\n"
          ".irp n, " NAMES "\n sd x\\n, 8*\\n(sp)\n .endr\n"
          "li t0, 0x61\n fscsr t0\n"
          ".irp n, " FLOATS "\n li t0, -\\n-1\n fmv.d.x f\\n, t0\n .endr\n"
          ".irp n, " NAMES "\n li x\\n, -\\n-1\n .endr\n"
          "ebreak\n"
          "sd t0, -8(sp)\n"
          "la t0, seen\n"
          ".irp n, 1, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
          " sd x\\n, 8*\\n(t0)\n .endr\n"
          ".irp n, " FLOATS "\n fsd f\\n, 256+8*\\n(t0)\n .endr\n"
          "ld t1, -8(sp)\n sd t1, 40(t0)\n"
          "frcsr t1\n sd t1, 0(t0)\n"
          "fscsr x0\n"
          ".irp n, " NAMES "\n ld x\\n, 8*\\n(sp)\n .endr\n"
          "addi sp, sp, 256\n"
          "ret\n");
}

int main(void) {
  int wrong = 0;
  perdure_on_exception(disturb);
  for (int i = 0; i < 3; i += 1) {
    all_registers();
    for (uint64_t n = 1; n < 32; n += 1) wrong += n != 2 && n != 4 && seen[n] != -n - 1;
    for (uint64_t n = 0; n < 32; n += 1) wrong += seen[32 + n] != -n - 1;
    wrong += seen[0] != 0x61;
  }
  printf("registers: %d stops, %d wrong\n", stop_count, wrong);
  return wrong != 0;
}
