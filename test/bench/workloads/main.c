/* The one program of the benchmark: `program NAME SIZE SEED [NAME SIZE SEED...]` runs workloads one after another and
   prints a line `NAME checksum` for each. With no arguments it does nothing: that is the empty program whose time
   is taken off. The same file on all machines, native included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct {
  const char *name;
  workload *run;
} workloads[] = {
    {"sort", run_sort},           {"hash", run_hash},     {"matrix", run_matrix},   {"fma", run_fma},
    {"string", run_string},       {"pointers", run_pointers}, {"virtual", run_virtual}, {"recursion", run_recursion},
    {"switch", run_switch},       {"copy", run_copy},     {"atomics", run_atomics}, {"floats", run_floats},
    {"state", run_state},
};

void require(int fact, const char *sentence) {
  if (fact) return;
  printf("FAILED: %s\n", sentence);
  exit(1);
}

void *allocate(size_t bytes) {
  void *memory = malloc(bytes);
  require(memory != NULL, "there is memory");
  return memory;
}

void release(void *memory) {
  free(memory);
}

int main(int argc, char **argv) {
  for (int i = 1; i + 2 < argc; i += 3) {
    size_t which = 0;
    while (which < sizeof workloads / sizeof *workloads && strcmp(workloads[which].name, argv[i]) != 0) which++;
    require(which < sizeof workloads / sizeof *workloads, "the workload is known");
    const uint64_t size = strtoull(argv[i + 1], NULL, 10);
    const uint64_t seed = strtoull(argv[i + 2], NULL, 10);
    const uint64_t checksum = workloads[which].run(size, seed);
    printf("%s %08x%08x\n", argv[i], (unsigned)(checksum >> 32), (unsigned)checksum);
  }
  return 0;
}
