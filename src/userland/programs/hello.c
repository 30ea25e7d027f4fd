/* The smallest program: says hello, and its arguments. Exit status: the number of arguments. */
#include <stdio.h>

int main(int argc, char **argv) {
  printf("hello from Perdure\n");
  for (int i = 1; i < argc; i += 1) printf("argument %d: %s\n", i, argv[i]);
  return argc - 1;
}
