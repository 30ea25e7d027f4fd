/* What picolibc asks of a system, on Perdure's own entry points.

   Output goes to the parent's output port, input comes from its input port, the end of the program is a request to
   the parent, time comes from clock_read. Nothing here keeps state of its own except the end of the heap. */
#include "kit.h"

#include <errno.h>
#include <perdure.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS_PER_SECOND 1000000000ull

/* A moment so far off that nobody waits for it, and still no tick number overflows: 36 years in nanoseconds. */
#define NEVER_NS (1ull << 60)

static perdure_reference *const output = (perdure_reference *)PERDURE_PARENT_OUTPUT_REFERENCE;
static perdure_reference *const input = (perdure_reference *)PERDURE_PARENT_INPUT_REFERENCE;
static perdure_reference *const parent = (perdure_reference *)PERDURE_PARENT_PARENT_REFERENCE;

/* The heap lies between the end of the data and here; a child made by perdure_child_start has less of it. */
char *perdure_heap_end = (char *)PERDURE_PROGRAM_END;
extern char _end[];
static char *heap_break = _end;

void *sbrk(ptrdiff_t increment) {
  char *old = heap_break;
  if (increment > perdure_heap_end - old || increment < _end - old) {
    errno = ENOMEM;
    return (void *)-1;
  }
  heap_break = old + increment;
  return old;
}

void *perdure_take_pages(size_t bytes) {
  const size_t rounded = (bytes + PERDURE_PAGE_SIZE - 1) & ~(size_t)(PERDURE_PAGE_SIZE - 1);
  if (rounded < bytes || rounded > (size_t)(perdure_heap_end - heap_break)) {
    errno = ENOMEM;
    return NULL;
  }
  perdure_heap_end -= rounded;
  return perdure_heap_end;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (fd != 1 && fd != 2) {
    errno = EBADF;
    return -1;
  }
  size_t done = 0;
  while (done < length) {
    const void *send = (const char *)bytes + done;
    uint64_t send_length = length - done;
    if (send_length > PERDURE_SHORT_MESSAGE_BYTES) send_length = PERDURE_SHORT_MESSAGE_BYTES;
    uint64_t taken = 0;
    void *receive = &taken;
    uint64_t receive_length = sizeof taken;
    const perdure_outcome outcome = perdure_ipc_call(output, &send, &send_length, &receive, &receive_length);
    if (outcome != PERDURE_SUCCESS || receive_length != 0 || taken == 0) {
      if (done != 0) break;
      errno = EIO;
      return -1;
    }
    done += taken;
  }
  return (ssize_t)done;
}

ssize_t read(int fd, void *bytes, size_t length) {
  if (fd != 0) {
    errno = EBADF;
    return -1;
  }
  if (length == 0) return 0;
  const void *send = NULL;
  uint64_t send_length = 0;
  void *receive = bytes;
  const uint64_t room = length < PERDURE_SHORT_MESSAGE_BYTES ? length : PERDURE_SHORT_MESSAGE_BYTES;
  uint64_t receive_length = room;
  if (perdure_ipc_call(input, &send, &send_length, &receive, &receive_length) != PERDURE_SUCCESS) {
    errno = EIO;
    return -1;
  }
  return (ssize_t)(room - receive_length);
}

_Noreturn void _exit(int status) {
  const struct perdure_parent_request request = {
      .operation = PERDURE_PARENT_OPERATION_EXIT,
      .argument = (uint64_t)(int64_t)status,
  };
  for (;;) {
    const void *send = &request;
    uint64_t send_length = sizeof request;
    uint64_t answer = 0;
    void *receive = &answer;
    uint64_t receive_length = sizeof answer;
    /* A parent that knows programs never answers this. */
    perdure_ipc_call(parent, &send, &send_length, &receive, &receive_length);
    perdure_clock_sleep(NEVER_NS);
  }
}

uint64_t perdure_now_ns(void) {
  uint64_t monotonic = 0;
  perdure_clock_read(&monotonic, NULL);
  return monotonic;
}

void perdure_sleep_ns(uint64_t duration_ns) {
  const uint64_t now = perdure_now_ns();
  perdure_clock_sleep(duration_ns < NEVER_NS - now ? now + duration_ns : NEVER_NS);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  uint64_t monotonic = 0;
  uint64_t wall = 0;
  perdure_clock_read(&monotonic, &wall);
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
    errno = EINVAL;
    return -1;
  }
  const uint64_t ns = clock == CLOCK_REALTIME ? wall : monotonic;
  now->tv_sec = (time_t)(ns / NANOSECONDS_PER_SECOND);
  now->tv_nsec = (long)(ns % NANOSECONDS_PER_SECOND);
  return 0;
}

int clock_getres(clockid_t clock, struct timespec *resolution) {
  (void)clock;
  resolution->tv_sec = 0;
  resolution->tv_nsec = 1;
  return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
  (void)zone;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

/* The machine's one hart runs nothing else that a program could tell apart: its time is the monotonic clock. */
clock_t times(struct tms *usage) {
  const clock_t ticks = (clock_t)(perdure_now_ns() / (NANOSECONDS_PER_SECOND / CLOCKS_PER_SEC));
  memset(usage, 0, sizeof *usage);
  usage->tms_utime = ticks;
  return ticks;
}

int nanosleep(const struct timespec *duration, struct timespec *left) {
  if (duration->tv_sec < 0 || duration->tv_nsec < 0 || duration->tv_nsec >= (long)NANOSECONDS_PER_SECOND) {
    errno = EINVAL;
    return -1;
  }
  perdure_sleep_ns((uint64_t)duration->tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)duration->tv_nsec);
  if (left) memset(left, 0, sizeof *left);
  return 0;
}

int usleep(useconds_t duration_us) {
  perdure_sleep_ns((uint64_t)duration_us * 1000);
  return 0;
}

unsigned sleep(unsigned duration_s) {
  perdure_sleep_ns((uint64_t)duration_s * NANOSECONDS_PER_SECOND);
  return 0;
}

int getentropy(void *bytes, size_t length) {
  if (length > 256) {
    errno = EIO;
    return -1;
  }
  for (size_t done = 0; done < length; done += sizeof(uint64_t)) {
    uint64_t word = 0;
    perdure_kernel_entropy(&word);
    memcpy((char *)bytes + done, &word, length - done < sizeof word ? length - done : sizeof word);
  }
  return 0;
}
