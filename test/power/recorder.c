/*
 * Records what a process does to the files of one folder: a library for LD_PRELOAD.
 *
 * Every open, write, truncation, rename, removal and sync below PERDURE_RECORD_FOLDER is appended to the file
 * PERDURE_RECORD_TRACE, in the order in which it happened (a lock is held around the call and its record), and so is
 * every write to standard output, as a marker of what the outside has seen. disk.ts reads the trace.
 *
 * A record: kind, descriptor, path length, flags (32 bits each), offset, data length (64 bits each), path, data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { START = 1, OPEN, CLOSE, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, MARK };
enum { DESCRIPTORS = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static char folder[PATH_MAX];
static char recorded[DESCRIPTORS];

static void put(const void *bytes, size_t count) {
  const char *at = bytes;
  while (count > 0) {
    ssize_t done = syscall(SYS_write, trace, at, count);
    if (done <= 0) abort();
    at += done;
    count -= (size_t)done;
  }
}

static void record(uint32_t kind, int descriptor, uint32_t flags, const char *path, uint64_t offset, const void *data,
                   uint64_t length) {
  uint32_t words[4] = {kind, (uint32_t)descriptor, path ? (uint32_t)strlen(path) : 0, flags};
  uint64_t sizes[2] = {offset, length};
  int saved = errno;
  put(words, sizeof words);
  put(sizes, sizeof sizes);
  if (path) put(path, strlen(path));
  if (data) put(data, length);
  errno = saved;
}

__attribute__((constructor)) static void begin(void) {
  const char *where = getenv("PERDURE_RECORD_FOLDER"), *file = getenv("PERDURE_RECORD_TRACE");
  if (!where || !file || strlen(where) >= sizeof folder) return;
  strcpy(folder, where);
  int low = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  trace = fcntl(low, F_DUPFD_CLOEXEC, 1000);
  syscall(SYS_close, low);
  if (trace >= 0) record(START, 0, 0, NULL, 0, NULL, 0);
}

static int is_ours(const char *path) {
  size_t length = strlen(folder);
  return trace >= 0 && path && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_recorded(int descriptor) {
  return trace >= 0 && descriptor >= 0 && descriptor < DESCRIPTORS && recorded[descriptor];
}

#define ENTER pthread_mutex_lock(&lock)
#define LEAVE pthread_mutex_unlock(&lock)
#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int opened(int descriptor, const char *path, int flags) {
  if (descriptor >= 0 && descriptor < DESCRIPTORS) {
    recorded[descriptor] = (char)is_ours(path);
    if (recorded[descriptor]) record(OPEN, descriptor, (uint32_t)flags, path, 0, NULL, 0);
  }
  return descriptor;
}

#define DEFINE_OPEN(name)                                                  \
  int name(const char *path, int flags, ...) {                             \
    REAL(int, #name, const char *, int, ...);                              \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    mode_t mode = va_arg(rest, mode_t);                                    \
    va_end(rest);                                                          \
    ENTER;                                                                 \
    int result = opened(real(path, flags, mode), path, flags);             \
    LEAVE;                                                                 \
    return result;                                                         \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                \
  int name(int at, const char *path, int flags, ...) {                     \
    REAL(int, #name, int, const char *, int, ...);                         \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    mode_t mode = va_arg(rest, mode_t);                                    \
    va_end(rest);                                                          \
    ENTER;                                                                 \
    int result = opened(real(at, path, flags, mode), path, flags);         \
    LEAVE;                                                                 \
    return result;                                                         \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int close(int descriptor) {
  REAL(int, "close", int);
  ENTER;
  if (is_recorded(descriptor)) {
    record(CLOSE, descriptor, 0, NULL, 0, NULL, 0);
    recorded[descriptor] = 0;
  }
  int result = real(descriptor);
  LEAVE;
  return result;
}

/* What was written at the descriptor's own place: where it is after the write, less what was written. */
static void wrote(int descriptor, const void *data, ssize_t count) {
  if (count <= 0) return;
  if (descriptor == 1 && trace >= 0) record(MARK, 1, 0, NULL, 0, data, (uint64_t)count);
  else if (is_recorded(descriptor)) {
    off_t end = lseek(descriptor, 0, SEEK_CUR);
    record(WRITE, descriptor, 0, NULL, (uint64_t)(end - count), data, (uint64_t)count);
  }
}

ssize_t write(int descriptor, const void *data, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (descriptor != 1 && !is_recorded(descriptor)) return real(descriptor, data, count);
  ENTER;
  ssize_t result = real(descriptor, data, count);
  wrote(descriptor, data, result);
  LEAVE;
  return result;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec *, int);
  if (descriptor != 1 && !is_recorded(descriptor)) return real(descriptor, parts, count);
  ssize_t total = 0;
  for (int i = 0; i < count; i++) {
    ssize_t done = write(descriptor, parts[i].iov_base, parts[i].iov_len);
    if (done < 0) return total > 0 ? total : done;
    total += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return total;
}

#define DEFINE_PWRITE(name, offset_type)                                          \
  ssize_t name(int descriptor, const void *data, size_t count, offset_type at) { \
    REAL(ssize_t, #name, int, const void *, size_t, offset_type);                \
    if (!is_recorded(descriptor)) return real(descriptor, data, count, at);      \
    ENTER;                                                                       \
    ssize_t result = real(descriptor, data, count, at);                          \
    if (result > 0) record(WRITE, descriptor, 0, NULL, (uint64_t)at, data, (uint64_t)result); \
    LEAVE;                                                                       \
    return result;                                                               \
  }
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

#define DEFINE_TRUNCATE(name, offset_type)                                     \
  int name(int descriptor, offset_type length) {                               \
    REAL(int, #name, int, offset_type);                                        \
    ENTER;                                                                     \
    int result = real(descriptor, length);                                     \
    if (result == 0 && is_recorded(descriptor)) record(TRUNCATE, descriptor, 0, NULL, (uint64_t)length, NULL, 0); \
    LEAVE;                                                                     \
    return result;                                                             \
  }
DEFINE_TRUNCATE(ftruncate, off_t)
DEFINE_TRUNCATE(ftruncate64, off64_t)

#define DEFINE_SYNC(name)                                                      \
  int name(int descriptor) {                                                   \
    REAL(int, #name, int);                                                     \
    if (!is_recorded(descriptor)) return real(descriptor);                     \
    ENTER; /* The real sync is left out: only its place in the trace matters. */ \
    record(SYNC, descriptor, 0, NULL, 0, NULL, 0);                             \
    LEAVE;                                                                     \
    return 0;                                                                  \
  }
DEFINE_SYNC(fsync)
DEFINE_SYNC(fdatasync)

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  ENTER;
  int result = real(path);
  if (result == 0 && is_ours(path)) record(UNLINK, 0, 0, path, 0, NULL, 0);
  LEAVE;
  return result;
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  ENTER;
  int result = real(from, to);
  if (result == 0 && is_ours(from)) record(RENAME, 0, 0, from, 0, to, strlen(to));
  LEAVE;
  return result;
}
