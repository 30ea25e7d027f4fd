/* What picolibc asks of a system, in bare mode: `perdure hart` and qemu-riscv64 answer these calls of Linux.

   Only write, read, exit, brk and clock_gettime; no threads, no kernel objects. Used to compare a program's
   computation on our hart with another machine's. */
#include <errno.h>
#include <perdure.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

/* Linux's call numbers on RISC-V. */
enum { CALL_READ = 63, CALL_WRITE = 64, CALL_EXIT = 93, CALL_CLOCK_GETTIME = 113, CALL_BRK = 214 };

/* Linux's clock identifiers; picolibc's differ. */
enum { LINUX_CLOCK_REALTIME = 0, LINUX_CLOCK_MONOTONIC = 1 };

static long call(long number, long first, long second, long third) {
  register long a0 __asm__("a0") = first;
  register long a1 __asm__("a1") = second;
  register long a2 __asm__("a2") = third;
  register long a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
}

/* Linux returns a negated error number. */
static long checked(long result) {
  if (result >= 0 || result < -4095) return result;
  errno = (int)-result;
  return -1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  return checked(call(CALL_WRITE, fd, (long)bytes, (long)length));
}

ssize_t read(int fd, void *bytes, size_t length) {
  return checked(call(CALL_READ, fd, (long)bytes, (long)length));
}

_Noreturn void _exit(int status) {
  for (;;) call(CALL_EXIT, status, 0, 0);
}

void *sbrk(ptrdiff_t increment) {
  static char *heap_break;
  if (heap_break == NULL) heap_break = (char *)call(CALL_BRK, 0, 0, 0);
  char *old = heap_break;
  char *wanted = old + increment;
  if ((char *)call(CALL_BRK, (long)wanted, 0, 0) != wanted) {
    errno = ENOMEM;
    return (void *)-1;
  }
  heap_break = wanted;
  return old;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  const long which = clock == CLOCK_REALTIME ? LINUX_CLOCK_REALTIME : LINUX_CLOCK_MONOTONIC;
  return (int)checked(call(CALL_CLOCK_GETTIME, which, (long)now, 0));
}

int gettimeofday(struct timeval *now, void *zone) {
  (void)zone;
  struct timespec time;
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

uint64_t perdure_now_ns(void) {
  struct timespec now = {0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* There is nothing to sleep on: bare programs do not wait. */
void perdure_sleep_ns(uint64_t duration_ns) {
  (void)duration_ns;
}

clock_t times(struct tms *usage) {
  const clock_t ticks = (clock_t)(perdure_now_ns() / (1000000000ull / CLOCKS_PER_SEC));
  memset(usage, 0, sizeof *usage);
  usage->tms_utime = ticks;
  return ticks;
}
