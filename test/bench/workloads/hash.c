/* Hashing: SHA-256, CRC-32 by table and FNV-1a over the same bytes. A unit: 4 KiB by each. */
#include <string.h>

#include "bench.h"

enum { BLOCK = 4096 };

static const uint32_t sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int n) {
  return (x >> n) | (x << (32 - n));
}

static void sha256_block(uint32_t h[8], const uint8_t *bytes) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8 |
           bytes[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    const uint32_t a = w[i - 15], b = w[i - 2];
    const uint32_t s0 = rotate_right(a, 7) ^ rotate_right(a, 18) ^ (a >> 3);
    const uint32_t s1 = rotate_right(b, 17) ^ rotate_right(b, 19) ^ (b >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
  for (int i = 0; i < 64; i++) {
    const uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
    const uint32_t t1 = k + s1 + ((e & f) ^ (~e & g)) + sha_constants[i] + w[i];
    const uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
    const uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    k = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
}

static void sha256(const uint8_t *bytes, uint64_t length, uint32_t h[8]) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(h, start, sizeof start);
  uint64_t at = 0;
  for (; at + 64 <= length; at += 64) sha256_block(h, bytes + at);
  uint8_t tail[128] = {0};
  const uint64_t rest = length - at, end = rest < 56 ? 64 : 128;
  memcpy(tail, bytes + at, rest);
  tail[rest] = 0x80;
  for (int i = 0; i < 8; i++) tail[end - 1 - i] = (uint8_t)(length * 8 >> (8 * i));
  for (uint64_t i = 0; i < end; i += 64) sha256_block(h, tail + i);
}

static uint32_t crc_table[256];

static void make_crc_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    crc_table[i] = c;
  }
}

static uint32_t crc32(const uint8_t *bytes, uint64_t length) {
  uint32_t c = 0xffffffffu;
  for (uint64_t i = 0; i < length; i++) c = crc_table[(c ^ bytes[i]) & 255] ^ (c >> 8);
  return ~c;
}

static uint64_t fnv1a(const uint8_t *bytes, uint64_t length) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (uint64_t i = 0; i < length; i++) h = (h ^ bytes[i]) * 0x100000001b3ull;
  return h;
}

uint64_t run_hash(uint64_t size, uint64_t seed) {
  uint32_t h[8];
  make_crc_table();
  /* FIPS 180-4 gives the first, the CRC catalogue's check value is the second, the FNV draft's list has the third. */
  sha256((const uint8_t *)"abc", 3, h);
  require(h[0] == 0xba7816bf && h[7] == 0xf20015ad, "SHA-256 of abc is the published one");
  require(crc32((const uint8_t *)"123456789", 9) == 0xcbf43926, "CRC-32 of 123456789 is the published one");
  require(fnv1a((const uint8_t *)"a", 1) == 0xaf63dc4c8601ec8cull, "FNV-1a of a is the published one");
  uint8_t *block = allocate(BLOCK);
  uint64_t state = seed, sum = 0;
  for (uint64_t round = 0; round < size; round++) {
    for (int i = 0; i < BLOCK; i += 8) {
      const uint64_t r = next_random(&state);
      memcpy(block + i, &r, 8);
    }
    sha256(block, BLOCK, h);
    for (int i = 0; i < 8; i++) sum = mix(sum, h[i]);
    sum = mix(sum, crc32(block, BLOCK));
    sum = mix(sum, fnv1a(block, BLOCK));
  }
  release(block);
  return sum;
}
