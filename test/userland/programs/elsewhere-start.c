/* Start and system of a program that is made with a stock compiler and C library alone: no file of the guest kit.

   Finds its thread-local variables through the auxiliary vector, as a C library for Linux does. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_READ = 63, CALL_WRITE = 64, CALL_EXIT = 93, CALL_BRK = 214 };
enum { AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5 };
enum { PT_TLS = 7 };

typedef struct {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_size, memory_size, alignment;
} program_header;

extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);
char **environ;
int main(int count, char **words);

static long call(long number, long first, long second, long third) {
  register long a0 __asm__("a0") = first;
  register long a1 __asm__("a1") = second;
  register long a2 __asm__("a2") = third;
  register long a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
}

static int put_to(long descriptor, char c) {
  return call(CALL_WRITE, descriptor, (long)&c, 1) == 1 ? (unsigned char)c : EOF;
}
static int put(char c, FILE *file) {
  (void)file;
  return put_to(1, c);
}
static int put_error(char c, FILE *file) {
  (void)file;
  return put_to(2, c);
}
static int get(FILE *file) {
  (void)file;
  unsigned char c;
  return call(CALL_READ, 0, (long)&c, 1) == 1 ? c : EOF;
}
static FILE streams[] = {
  FDEV_SETUP_STREAM(NULL, get, NULL, _FDEV_SETUP_READ),
  FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE),
  FDEV_SETUP_STREAM(put_error, NULL, NULL, _FDEV_SETUP_WRITE),
};
FILE *const stdin = &streams[0];
FILE *const stdout = &streams[1];
FILE *const stderr = &streams[2];

_Noreturn void _exit(int status) {
  for (;;) call(CALL_EXIT, status, 0, 0);
}

void *sbrk(ptrdiff_t increment) {
  char *old = (char *)call(CALL_BRK, 0, 0, 0);
  return call(CALL_BRK, (long)(old + increment), 0, 0) == (long)(old + increment) ? old : (void *)-1;
}

__attribute__((used)) static void begin(long *stack) {
  static _Alignas(64) char thread_local_block[1024];
  char **words = (char **)(stack + 1);
  environ = words + stack[0] + 1;
  long *auxiliary = (long *)environ;
  while (*auxiliary != 0) auxiliary++;
  const char *headers = NULL;
  long size = 0, count = 0;
  for (auxiliary++; auxiliary[0] != AT_NULL; auxiliary += 2) {
    if (auxiliary[0] == AT_PHDR) headers = (const char *)auxiliary[1];
    if (auxiliary[0] == AT_PHENT) size = auxiliary[1];
    if (auxiliary[0] == AT_PHNUM) count = auxiliary[1];
  }
  if (headers == NULL) _exit(99);
  __asm__ volatile("mv tp, %0" : : "r"(thread_local_block));
  for (long i = 0; i < count; i++) {
    const program_header *header = (const program_header *)(headers + i * size);
    if (header->type != PT_TLS) continue;
    if (header->memory_size > sizeof thread_local_block) _exit(98);
    memcpy(thread_local_block, (const void *)header->address, header->file_size);
  }
  for (void (**function)(void) = __init_array_start; function < __init_array_end; function++) (*function)();
  exit(main((int)stack[0], words));
}

__asm__(
  ".globl _start\n"
  "_start:\n"
  ".option push\n"
  ".option norelax\n"
  "  la gp, __global_pointer$\n"
  ".option pop\n"
  "  mv a0, sp\n"
  "  andi sp, sp, -16\n"
  "  j begin\n");
