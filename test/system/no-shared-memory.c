/* For LD_PRELOAD: a file system whose files cannot be mapped into memory that is shared, as some network ones. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/types.h>

#define DEFINE_MMAP(name, offset_type)                                                              \
  void *name(void *at, size_t length, int protection, int flags, int descriptor, offset_type offset) { \
    static void *(*real)(void *, size_t, int, int, int, offset_type);                               \
    if (!real) real = (void *(*)(void *, size_t, int, int, int, offset_type))dlsym(RTLD_NEXT, #name); \
    if ((flags & MAP_SHARED) && descriptor >= 0 && (protection & PROT_WRITE)) {                     \
      errno = ENODEV;                                                                               \
      return MAP_FAILED;                                                                            \
    }                                                                                               \
    return real(at, length, protection, flags, descriptor, offset);                                 \
  }
DEFINE_MMAP(mmap, off_t)
DEFINE_MMAP(mmap64, off64_t)
