/* Sorting: quicksort and heapsort of records, compared through a function pointer as in qsort.
   A unit: 1,024 new records sorted by each. */
#include "bench.h"

enum { COUNT = 1024, SMALL = 12 };

typedef struct {
  uint64_t key;
  int32_t rank;
  uint32_t tag;
} record;

typedef int comparison(const record *, const record *);

static int by_key(const record *a, const record *b) {
  return a->key < b->key ? -1 : a->key > b->key;
}

/* Descending, then by the tag: many ranks are equal. */
static int by_rank(const record *a, const record *b) {
  if (a->rank != b->rank) return a->rank < b->rank ? 1 : -1;
  return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static void swap(record *a, record *b) {
  const record old = *a;
  *a = *b;
  *b = old;
}

static void insertion_sort(record *records, long count, comparison *compare) {
  for (long i = 1; i < count; i++) {
    const record moving = records[i];
    long j = i;
    for (; j > 0 && compare(&moving, &records[j - 1]) < 0; j--) records[j] = records[j - 1];
    records[j] = moving;
  }
}

static void quicksort(record *records, long count, comparison *compare) {
  while (count > SMALL) {
    /* The median of three goes to the front as the pivot. */
    record *middle = &records[count / 2], *last = &records[count - 1];
    if (compare(middle, records) < 0) swap(middle, records);
    if (compare(last, middle) < 0) {
      swap(last, middle);
      if (compare(middle, records) < 0) swap(middle, records);
    }
    const record pivot = *middle;
    long i = -1, j = count;
    for (;;) {
      do i++;
      while (compare(&records[i], &pivot) < 0);
      do j--;
      while (compare(&records[j], &pivot) > 0);
      if (i >= j) break;
      swap(&records[i], &records[j]);
    }
    /* The shorter part by recursion, the longer by going on: the stack stays short. */
    const long left = j + 1;
    if (left < count - left) {
      quicksort(records, left, compare);
      records += left;
      count -= left;
    } else {
      quicksort(records + left, count - left, compare);
      count = left;
    }
  }
  insertion_sort(records, count, compare);
}

static void sift_down(record *records, long at, long count, comparison *compare) {
  const record moving = records[at];
  for (;;) {
    long child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && compare(&records[child], &records[child + 1]) < 0) child++;
    if (compare(&moving, &records[child]) >= 0) break;
    records[at] = records[child];
    at = child;
  }
  records[at] = moving;
}

static void heapsort_records(record *records, long count, comparison *compare) {
  for (long i = count / 2 - 1; i >= 0; i--) sift_down(records, i, count, compare);
  for (long end = count - 1; end > 0; end--) {
    swap(&records[0], &records[end]);
    sift_down(records, 0, end, compare);
  }
}

static uint64_t check(const record *records, comparison *compare, uint64_t sum) {
  for (long i = 1; i < COUNT; i++) require(compare(&records[i - 1], &records[i]) <= 0, "the records are in order");
  for (long i = 0; i < COUNT; i += 7) sum = mix(sum, records[i].key + records[i].tag);
  return sum;
}

uint64_t run_sort(uint64_t size, uint64_t seed) {
  /* The comparisons are chosen at run time, so that the calls stay calls. */
  comparison *volatile comparisons[] = {by_key, by_rank};
  record *records = allocate(COUNT * sizeof *records);
  uint64_t state = seed, sum = 0;
  for (uint64_t round = 0; round < size; round++) {
    for (long i = 0; i < COUNT; i++) {
      const uint64_t r = next_random(&state);
      records[i] = (record){r, (int32_t)(r >> 40) % 100 - 50, (uint32_t)i};
    }
    comparison *const first = comparisons[round & 1], *const second = comparisons[~round & 1];
    quicksort(records, COUNT, first);
    sum = check(records, first, sum);
    heapsort_records(records, COUNT, second);
    sum = check(records, second, sum);
  }
  release(records);
  return sum;
}
