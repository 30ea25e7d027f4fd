/* Strings: words made, joined, searched for, split, compared, counted and copied; partly by own loops over bytes,
   partly by the C library (strlen, strcmp, memchr, strstr, memcpy). A unit: one text of 4 KiB. */
#include <string.h>

#include "bench.h"

enum { TEXT = 4096, VOCABULARY = 128, WORD = 12 };

typedef struct {
  char letters[WORD];
  uint32_t count;
} word;

static void make_vocabulary(word *words, uint64_t *state) {
  for (int i = 0; i < VOCABULARY; i++) {
    const int length = 2 + (int)random_below(state, WORD - 3);
    for (int k = 0; k < length; k++) words[i].letters[k] = (char)('a' + random_below(state, 26));
    words[i].letters[length] = 0;
    words[i].count = 0;
  }
}

static int make_text(char *text, const word *words, uint64_t *state) {
  int at = 0, count = 0;
  for (;;) {
    const word *next = &words[random_below(state, VOCABULARY)];
    const int length = (int)strlen(next->letters);
    if (at + length + 2 > TEXT) break;
    memcpy(text + at, next->letters, (size_t)length);
    at += length;
    text[at++] = random_below(state, 8) == 0 ? '\n' : ' ';
    count++;
  }
  text[at] = 0;
  return count;
}

/* Horspool's search. */
static int search(const char *text, int length, const char *pattern) {
  const int m = (int)strlen(pattern);
  uint8_t skip[256];
  for (int i = 0; i < 256; i++) skip[i] = (uint8_t)m;
  for (int i = 0; i < m - 1; i++) skip[(uint8_t)pattern[i]] = (uint8_t)(m - 1 - i);
  int found = 0;
  for (int at = 0; at + m <= length; at += skip[(uint8_t)text[at + m - 1]]) {
    int k = m - 1;
    while (k >= 0 && text[at + k] == pattern[k]) k--;
    if (k < 0) found++;
  }
  return found;
}

static uint32_t hash_word(const char *letters, int length) {
  uint32_t h = 5381;
  for (int i = 0; i < length; i++) h = h * 33 + (uint8_t)letters[i];
  return h;
}

/* Splits the text at white space into `tokens` (offsets); returns how many. */
static int split(const char *text, int length, uint16_t *tokens) {
  int count = 0, inside = 0;
  for (int i = 0; i < length; i++) {
    const int letter = text[i] > ' ';
    if (letter && !inside) tokens[count++] = (uint16_t)i;
    inside = letter;
  }
  return count;
}

static int token_length(const char *token) {
  int length = 0;
  while (token[length] > ' ') length++;
  return length;
}

static void to_upper(char *target, const char *source) {
  while (*source) {
    const char c = *source++;
    *target++ = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
  }
  *target = 0;
}

uint64_t run_string(uint64_t size, uint64_t seed) {
  word *words = allocate(VOCABULARY * sizeof *words);
  char *text = allocate(TEXT + 1), *copy = allocate(TEXT + 1);
  uint16_t *tokens = allocate(TEXT * sizeof *tokens);
  uint64_t state = seed, sum = 0;
  make_vocabulary(words, &state);
  for (uint64_t round = 0; round < size; round++) {
    const int made = make_text(text, words, &state);
    const int length = (int)strlen(text);
    const int count = split(text, length, tokens);
    require(count == made, "the text has as many words as were put in");
    uint32_t hashes = 0;
    for (int i = 0; i < count; i++) {
      const int token = token_length(text + tokens[i]);
      hashes ^= hash_word(text + tokens[i], token) + (uint32_t)i;
      /* Every eighth is looked up, one word of the vocabulary after the other. */
      if (i % 8 != 0) continue;
      char key[WORD];
      memcpy(key, text + tokens[i], (size_t)token);
      key[token] = 0;
      int which = 0;
      while (which < VOCABULARY && strcmp(words[which].letters, key) != 0) which++;
      require(which < VOCABULARY, "every word is one of the vocabulary");
      words[which].count++;
    }
    sum = mix(sum, hashes);
    const char *pattern = words[round % VOCABULARY].letters;
    sum = mix(sum, (uint64_t)search(text, length, pattern));
    const char *first = strstr(text, pattern);
    sum = mix(sum, first == NULL ? 0 : (uint64_t)(first - text));
    int lines = 0;
    for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + length - at))) != NULL; at++) lines++;
    to_upper(copy, text);
    require((int)strlen(copy) == length && memcmp(copy, text, 2) < 0, "capitals come before small letters");
    sum = mix(sum, (uint64_t)lines + hash_word(copy, length));
  }
  for (int i = 0; i < VOCABULARY; i++) sum = mix(sum, words[i].count);
  release(words), release(text), release(copy), release(tokens);
  return sum;
}
