// Checksums and the encodings of blocks: sections 5 to 5.3 of `clippack.md`. Part of `pack.h`.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#ifndef REQUIRE  // The runtime has its own, and memory with it.
#define REQUIRE(condition, rule, what) \
  do { if (!(condition)) { fprintf(stderr, "8.%d: %s\n", rule, what); exit(1); } } while (0)
#define STATE static
static void *reserve(uint64_t count, uint64_t size) {
  void *memory = calloc(count ? count : 1, size);
  REQUIRE(memory, 7, "needs more memory than there is");
  return memory;
}
static void release(void *memory) { free(memory); }
#endif
enum { U8 = 1, I8, I16 = 4, F16, BF16, F32 = 9, TYPES = 22 };
enum { RAW, ZSTD, PLANES, RANS, TRELLIS, PANELS };
static const int BITS[] = {0, 8, 8, 16, 16, 16, 16, 32, 32, 32, 64, 64, 64, 8, 64, 8, 8, 8, 8, 8, 4, 6, 6};
typedef struct { const uint8_t *at, *end; int rule; } Cursor;

static const uint8_t *skip(Cursor *c, uint64_t count) {
  REQUIRE(count <= (uint64_t)(c->end - c->at), c->rule, "cut short");
  return (c->at += count) - count;
}
static uint64_t take(Cursor *c, int bytes) {
  uint64_t value = 0;
  memcpy(&value, skip(c, (uint64_t)bytes), (size_t)bytes);
  return value;
}
static uint32_t crc32(const uint8_t *bytes, uint64_t count) {
  uint32_t crc = ~0u;
  for (; count--; bytes++)
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ ((crc ^ *bytes >> bit) & 1 ? 0xedb88320u : 0);
  return ~crc;
}

// FIPS 180-4; its constants are the first 32 bits behind the point of roots of the first primes.
static void sha256(const uint8_t *bytes, uint64_t count, uint8_t digest[32]) {
  uint32_t k[64], h[8], s[8], w[64];
  for (int prime = 2, n = 0; n < 64; prime++) {
    int divisor = 2;
    while (prime % divisor) divisor++;
    if (divisor < prime) continue;
    double square = 3, cube = 3;
    for (int i = 0; i < 40; i++) square = (square + prime / square) / 2, cube = (2 * cube + prime / cube / cube) / 3;
    if (n < 8) h[n] = (uint32_t)((square - (int)square) * 4294967296.0);
    k[n++] = (uint32_t)((cube - (int)cube) * 4294967296.0);
  }
#define ROR(x, n) ((x) >> (n) | (x) << (32 - (n)))
  uint64_t total = (count + 72) / 64 * 64;
  for (uint64_t at = 0; at < total; at += 64) {
    for (uint64_t i = at; i < at + 64; i++) {
      uint32_t byte = i < count ? bytes[i] : i == count ? 0x80 : i < total - 8 ? 0 : count * 8 >> 8 * (total - 1 - i) & 255;
      w[(i - at) / 4] = w[(i - at) / 4] << 8 | byte;
    }
    for (int i = 16; i < 64; i++)
      w[i] = w[i - 16] + w[i - 7] + (ROR(w[i - 15], 7) ^ ROR(w[i - 15], 18) ^ w[i - 15] >> 3) +
        (ROR(w[i - 2], 17) ^ ROR(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
      uint32_t t = s[7] + (ROR(s[4], 6) ^ ROR(s[4], 11) ^ ROR(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
      uint32_t u = (ROR(s[0], 2) ^ ROR(s[0], 13) ^ ROR(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      memmove(s + 1, s, 28), s[4] += t, s[0] = t + u;
    }
    for (int i = 0; i < 8; i++) h[i] += s[i];
  }
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}

// Sections 5.1 and 5.2.
typedef struct { int k; uint32_t frequency, bias; } Slot;
static void read_slots(Cursor *c, Slot *slots, int least, int most) {
  int first = (int)take(c, 1) - 128, last = (int)take(c, 1) - 128;
  uint32_t sum = 0;
  REQUIRE(least <= first && first < last && last <= most, 9, "a table of symbols that cannot be");
  for (int k = first; k <= last; k++) {
    uint32_t frequency = (uint32_t)take(c, 2);
    REQUIRE(frequency < 4096 && sum + frequency <= 4096, 9, "frequencies of more than 4096");
    for (uint32_t bias = 0; bias < frequency; bias++) slots[sum++] = (Slot){k, frequency, bias};
  }
  REQUIRE(sum == 4096, 9, "frequencies of less than 4096");
}
static void decode_codes(Cursor c, int8_t *codes, uint64_t count, int trellis) {
  uint64_t columns = trellis ? take(&c, 4) : 1, column = 0;
  REQUIRE(columns >= 1 && columns <= (count ? count : 1), 9, "columns that cannot be");
  Slot *slots = reserve(2 * 4096, sizeof *slots);
  uint8_t *states = reserve(columns, 1);
  uint32_t x[32];
  read_slots(&c, slots, trellis ? -63 : -128, trellis ? 63 : 127);
  if (trellis) read_slots(&c, slots + 4096, -64, 63);
  for (int lane = 0; lane < 32; lane++) x[lane] = (uint32_t)take(&c, 4);
  for (uint64_t i = 0; i < count; i++, column = column + 1 < columns ? column + 1 : 0) {
    uint32_t *lane = x + i % 32, s = states[column], q = trellis ? s & 1 : 0;
    Slot slot = slots[4096 * q + *lane % 4096];
    codes[i] = (int8_t)(trellis ? 2 * slot.k + (int)q : slot.k);
    states[column] = (uint8_t)(s >> 1 ^ (q ? 24 : 0) ^ (slot.k & 1 ? 5 : 0));
    *lane = slot.frequency * (*lane >> 12) + slot.bias;
    if (*lane < 65536) *lane = *lane << 16 | (uint32_t)take(&c, 2);
  }
  REQUIRE(c.at == c.end, 9, "words are left");
  for (int lane = 0; lane < 32; lane++) REQUIRE(x[lane] == 65536, 9, "a lane does not end at 65536");
  release(slots), release(states);
}

// Section 5.3.
static uint64_t panels_size(uint64_t size, uint64_t columns) {
  return (size / columns + 31) / 32 * ((columns + 3) / 4) * 128;
}
static void decode_panels(const uint8_t *panels, uint64_t stored, uint64_t columns, uint8_t *out, uint64_t size) {
  uint64_t words = (columns + 3) / 4;
  for (uint64_t i = 0; i < stored; i++) {
    uint64_t row = i / 128 / words * 32 + i % 128 / 4, column = i / 128 % words * 4 + i % 4;
    if (column < columns && row < size / columns) out[row * columns + column] = panels[i];
    else REQUIRE(panels[i] == 0, 9, "padding of panels that is not zero");
  }
}
static void decode(int encoding, Cursor c, int type, uint64_t columns, uint8_t *out, uint64_t size) {
  uint64_t stored = (uint64_t)(c.end - c.at), w = (uint64_t)BITS[type] / 8, n = w ? size / w : 0;
  uint8_t *part = reserve(size, 1);
  if (encoding == RAW) {
    memcpy(out, c.at, size);
  } else if (encoding == PANELS) {
    decode_panels(c.at, stored, columns, out, size);
  } else if ((encoding == RANS || encoding == TRELLIS) && type == I8) {
    decode_codes(c, (int8_t *)out, size, encoding == TRELLIS);
  } else if (encoding == RANS && type == I16 && size % 2 == 0) {
    uint64_t bits = take(&c, 1);
    REQUIRE(bits <= 8, 9, "low_bits above 8");
    const uint8_t *planes = skip(&c, bits * ((n + 7) / 8));
    decode_codes(c, (int8_t *)part, n, 0);
    for (uint64_t i = 0; i < n; i++) {
      int code = (int8_t)part[i] * (1 << bits);
      for (uint64_t j = 0; j < bits; j++) code |= (planes[j * ((n + 7) / 8) + i / 8] >> i % 8 & 1) << j;
      memcpy(out + 2 * i, &code, 2);
    }
  } else {
    REQUIRE(encoding == ZSTD || (encoding == PLANES && (type == F16 || type == BF16 || type == F32) && size % w == 0), 9,
      "an encoding unknown, or of another type");
    REQUIRE(ZSTD_findFrameCompressedSize(c.at, stored) == stored, 9, "not one whole frame");
    REQUIRE(ZSTD_decompress(encoding == ZSTD ? out : part, size, c.at, stored) == size, 9, "a frame of another size");
    for (uint64_t i = 0; encoding == PLANES && i < n; i++) {
      uint64_t word = 0;
      for (uint64_t p = 0; p < w; p++) word = word << 8 | part[p * n + i];
      if (type != F16) word = word >> 1 | (word & 1) << (8 * w - 1);
      memcpy(out + i * w, &word, w);
    }
  }
  release(part);
}
