/* Memory larger than the machine's: goes through all of it again and again, in an order that no cache likes, checks every
   word it wrote before and writes others.

   sweep [MEBIBYTES [ROUNDS]]: 64 MiB and 3 rounds when not given. A line a round, with a hash of all that was read.
   Exit status 0; 1 when a word is not what was written there last. */
#include <perdure.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS (PERDURE_PAGE_SIZE / sizeof(uint64_t))
/* Of these words a page has few; a visit of the second kind changes only them. */
#define IS_RARE(word) ((word) % 64 == 0)

/* Which visits wrote the page's words last, of the rare ones and of all others; 0: none did, they are zeros. */
struct versions {
  uint32_t rare;
  uint32_t others;
};

static uint64_t mix(uint64_t state, uint64_t word) {
  state ^= word + 0x9e3779b97f4a7c15ull + (state << 6) + (state >> 2);
  state ^= state >> 30;
  return state * 0xbf58476d1ce4e5b9ull;
}

static uint64_t word_of(size_t page, size_t word, uint32_t version) {
  return version == 0 ? 0 : (page * WORDS + word) * 0x9e3779b97f4a7c15ull + version * 0xd1342543de82ef95ull;
}

/* Checks all words of the page and writes all, or the rare ones. */
static uint64_t visit(uint64_t *words, size_t page, struct versions *versions, uint32_t version, int is_whole) {
  uint64_t hash = 0;
  for (size_t i = 0; i < WORDS; i += 1) {
    const uint64_t wanted = word_of(page, i, IS_RARE(i) ? versions->rare : versions->others);
    if (words[i] != wanted) {
      printf("page %zu, word %zu: 0x%lx, and 0x%lx was written\n", page, i, words[i], wanted);
      exit(1);
    }
    hash = hash * 31 + words[i];
    if (is_whole || IS_RARE(i)) words[i] = word_of(page, i, version);
  }
  versions->rare = version;
  if (is_whole) versions->others = version;
  return hash;
}

int main(int argc, char **argv) {
  const size_t mebibytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
  const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 3;
  const size_t page_count = mebibytes * 1024 * 1024 / PERDURE_PAGE_SIZE;
  uint64_t(*const pages)[WORDS] = perdure_take_pages(page_count * PERDURE_PAGE_SIZE);
  struct versions *const versions = perdure_take_pages(page_count * sizeof *versions);
  if (pages == NULL || versions == NULL) {
    printf("sweep: there is no room for %zu MiB\n", mebibytes);
    return 1;
  }
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned long round = 1; round <= rounds; round += 1) {
    /* Each page once, far from the one before: 7919 is a prime that divides no such count. */
    for (size_t i = 0; i < page_count; i += 1) {
      const size_t page = (i * 7919 + round) % page_count;
      hash = mix(hash, visit(pages[page], page, &versions[page], (uint32_t)round, (page + round) % 4 == 0));
    }
    printf("round %lu of %zu MiB: %016lx\n", round, mebibytes, hash);
  }
  return 0;
}
