/* The three standard streams and the calls of a file system that is not there yet.

   Standard output is line buffered: a whole line leaves in one call and is one message to the parent. Threads that
   print at the same time may mix within a line: picolibc puts character by character. Standard input flushes standard
   output before it waits (picolibc does that). The same for Perdure and for bare mode. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio-bufio.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a stream's buffer: what one message to the parent holds. */
#define BUFFER_SIZE 4096

static char input_buffer[BUFFER_SIZE];
static char output_buffer[BUFFER_SIZE];
static char error_buffer[256];

static struct __file_bufio input =
    FDEV_SETUP_BUFIO(0, input_buffer, sizeof input_buffer, read, NULL, NULL, NULL, __SRD, 0);
static struct __file_bufio output =
    FDEV_SETUP_BUFIO(1, output_buffer, sizeof output_buffer, NULL, write, NULL, NULL, __SWR, __BLBF);
static struct __file_bufio error =
    FDEV_SETUP_BUFIO(2, error_buffer, sizeof error_buffer, NULL, write, NULL, NULL, __SWR, __BLBF);

FILE *const stdin = &input.xfile.cfile.file;
FILE *const stdout = &output.xfile.cfile.file;
FILE *const stderr = &error.xfile.cfile.file;

/* Runs after the handlers of atexit: what they print leaves too. */
__attribute__((destructor(101))) static void flush_at_exit(void) {
  fflush(stdout);
  fflush(stderr);
}

/* picolibc 1.8's own fgets drops a last line that has no newline; the standard says that it is returned. */
char *fgets(char *line, int size, FILE *stream) {
  char *end = line;
  while (size > 1) {
    const int character = getc(stream);
    if (character == EOF) {
      if (end == line || ferror(stream)) return NULL;
      break;
    }
    *end++ = (char)character;
    size -= 1;
    if (character == '\n') break;
  }
  if (size > 0) *end = 0;
  return line;
}

static int not_there(int error_number) {
  errno = error_number;
  return -1;
}

int open(const char *path, int flags, ...) {
  (void)path, (void)flags;
  return not_there(ENOENT);
}

int close(int fd) {
  (void)fd;
  return not_there(EBADF);
}

off_t lseek(int fd, off_t offset, int whence) {
  (void)fd, (void)offset, (void)whence;
  return not_there(ESPIPE);
}

int unlink(const char *path) {
  (void)path;
  return not_there(ENOENT);
}

int fstat(int fd, struct stat *status) {
  if (fd < 0 || fd > 2) return not_there(EBADF);
  *status = (struct stat){.st_mode = S_IFCHR};
  return 0;
}

int isatty(int fd) {
  return fd >= 0 && fd <= 2 ? 1 : (not_there(EBADF), 0);
}

pid_t getpid(void) {
  return 1;
}

/* raise and abort end here: there is no handler left that could take the signal. */
int kill(pid_t process, int signal) {
  if (process != 1) return not_there(ESRCH);
  fflush(stdout);
  _exit(128 + signal);
}
