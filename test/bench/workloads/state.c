/* A small program's day: a state machine that reads numbers out of text, a linked list that is reversed and merged, and
   a checksum bit by bit, in short turns. A unit: 512 characters, a list of 64 items, 64 words of checksum. */
#include "bench.h"

enum { TEXT = 512, ITEMS = 64 };

enum state { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, SCALE, INVALID, STATES };

static enum state advance(enum state s, char c) {
  const int digit = c >= '0' && c <= '9';
  switch (s) {
    case START:
      if (digit) return INTEGER;
      if (c == '+' || c == '-') return SIGN;
      return c == '.' ? POINT : INVALID;
    case SIGN:
      if (digit) return INTEGER;
      return c == '.' ? POINT : INVALID;
    case INTEGER:
      if (digit) return INTEGER;
      if (c == '.') return FRACTION;
      return c == 'e' ? EXPONENT : INVALID;
    case POINT:
      return digit ? FRACTION : INVALID;
    case FRACTION:
      if (digit) return FRACTION;
      return c == 'e' ? EXPONENT : INVALID;
    case EXPONENT:
      if (digit) return SCALE;
      return c == '+' || c == '-' ? EXPONENT_SIGN : INVALID;
    case EXPONENT_SIGN:
    case SCALE:
      return digit ? SCALE : INVALID;
    default:
      return INVALID;
  }
}

static void scan(const char *text, uint32_t ends[STATES], uint32_t visits[STATES]) {
  enum state s = START;
  for (; *text; text++) {
    if (*text == ',') {
      ends[s]++;
      s = START;
      continue;
    }
    const enum state next = advance(s, *text);
    if (next != s) visits[next]++;
    s = next;
  }
  ends[s]++;
}

static void make_text(char *text, uint64_t *random) {
  static const char characters[] = "0123456789012345678,,,..+-eex";
  for (int i = 0; i < TEXT; i++) text[i] = characters[random_below(random, sizeof characters - 1)];
  text[TEXT] = 0;
}

typedef struct item {
  struct item *next;
  int32_t key;
} item;

static item *reverse(item *list) {
  item *done = NULL;
  while (list != NULL) {
    item *const next = list->next;
    list->next = done;
    done = list;
    list = next;
  }
  return done;
}

static item *merge(item *a, item *b) {
  item head = {NULL, 0}, *end = &head;
  while (a != NULL && b != NULL) {
    item **const least = a->key <= b->key ? &a : &b;
    end->next = *least;
    end = *least;
    *least = (*least)->next;
  }
  end->next = a != NULL ? a : b;
  return head.next;
}

static item *sort_list(item *list) {
  if (list == NULL || list->next == NULL) return list;
  item *slow = list;
  for (const item *fast = list->next; fast != NULL && fast->next != NULL; fast = fast->next->next) slow = slow->next;
  item *const half = slow->next;
  slow->next = NULL;
  return merge(sort_list(list), sort_list(half));
}

static uint16_t crc16(uint32_t word, uint16_t crc) {
  for (int i = 0; i < 32; i++) {
    const uint16_t bit = (uint16_t)((word ^ crc) & 1);
    word >>= 1;
    crc >>= 1;
    if (bit) crc ^= 0xa001;
  }
  return crc;
}

uint64_t run_state(uint64_t size, uint64_t seed) {
  uint64_t random = seed, sum = 0;
  char text[TEXT + 1];
  item items[ITEMS];
  for (uint64_t round = 0; round < size; round++) {
    uint32_t ends[STATES] = {0}, visits[STATES] = {0};
    if (round % 8 == 0) make_text(text, &random);
    text[random_below(&random, TEXT)] = ',';
    scan(text, ends, visits);
    uint32_t commas = 1, ended = 0;
    for (int i = 0; i < TEXT; i++) commas += text[i] == ',';
    for (int i = 0; i < STATES; i++) ended += ends[i];
    require(commas == ended, "every field ends once");
    for (int i = 0; i < ITEMS; i++) {
      items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
      items[i].key = (int32_t)next_random(&random);
    }
    item *const sorted = reverse(sort_list(items));
    uint16_t crc = (uint16_t)round;
    for (const item *at = sorted; at != NULL; at = at->next) {
      require(at->next == NULL || at->key >= at->next->key, "the list is in order");
      crc = crc16((uint32_t)at->key, crc);
    }
    for (int i = 0; i < STATES; i++) sum = mix(sum, ends[i] * 1000 + visits[i]);
    sum = mix(sum, crc);
  }
  return sum;
}
