#include "CKernels.h"
#include "arm.h"

// A CRC is the remainder of the message as a polynomial over GF(2). Tables hold the remainders of
// single bytes at each of eight distances; they are made anew for each long message, which costs
// two microseconds, and so need no global.

static uint32_t byte_remainder(uint32_t byte) {
  for (int bit = 0; bit < 8; bit++) byte = byte >> 1 ^ (0xEDB88320u & -(byte & 1));
  return byte;
}

static uint32_t update_bytes(uint32_t crc, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) crc = crc >> 8 ^ byte_remainder((crc ^ bytes[i]) & 0xff);
  return crc;
}

static uint32_t update_tables(uint32_t crc, const uint8_t *bytes, size_t count) {
  uint32_t table[8][256];
  for (uint32_t byte = 0; byte < 256; byte++) table[0][byte] = byte_remainder(byte);
  for (int distance = 1; distance < 8; distance++) {
    for (int byte = 0; byte < 256; byte++) {
      uint32_t nearer = table[distance - 1][byte];
      table[distance][byte] = nearer >> 8 ^ table[0][nearer & 0xff];
    }
  }
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint32_t low = crc ^ ((uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                          (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24);
    crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
          table[4][low >> 24] ^ table[3][bytes[i + 4]] ^ table[2][bytes[i + 5]] ^
          table[1][bytes[i + 6]] ^ table[0][bytes[i + 7]];
  }
  for (; i < count; i++) crc = crc >> 8 ^ table[0][(crc ^ bytes[i]) & 0xff];
  return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define PCLMUL __attribute__((target("pclmul,sse4.1")))

// Moves a 128-bit remainder forward: its halves times xⁿ and xⁿ⁺⁶⁴, plus what stands there.
PCLMUL static inline __m128i fold(__m128i remainder, __m128i powers, __m128i next) {
  return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(remainder, powers, 0x00),
                                     _mm_clmulepi64_si128(remainder, powers, 0x11)),
                       next);
}

PCLMUL static inline __m128i load(const uint8_t *bytes) {
  return _mm_loadu_si128((const __m128i *)bytes);
}

// Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel 2009.
// The constants are x^(4·128±32) and x^(128±32) mod P, bit-reflected, from the paper's table.
PCLMUL static uint32_t update_pclmul(uint32_t crc, const uint8_t *bytes, size_t count) {
  const __m128i by4 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by1 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  __m128i a = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128((int)crc));
  __m128i b = load(bytes + 16), c = load(bytes + 32), d = load(bytes + 48);
  size_t i = 64;
  for (; i + 64 <= count; i += 64) {
    a = fold(a, by4, load(bytes + i));
    b = fold(b, by4, load(bytes + i + 16));
    c = fold(c, by4, load(bytes + i + 32));
    d = fold(d, by4, load(bytes + i + 48));
  }
  a = fold(fold(fold(a, by1, b), by1, c), by1, d);
  for (; i + 16 <= count; i += 16) a = fold(a, by1, load(bytes + i));
  uint8_t rest[16];
  _mm_storeu_si128((__m128i *)rest, a);
  return update_bytes(update_bytes(0, rest, 16), bytes + i, count - i);
}
#elif defined(__aarch64__)
#include <arm_acle.h>

// 8 bytes an instruction. Carry-less multiplication would give three times that rate, which is more
// than files have, on fewer processors.
__attribute__((target("arch=armv8-a+crc"))) static uint32_t update_crc(
    uint32_t crc, const uint8_t *bytes, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t word;
    __builtin_memcpy(&word, bytes + i, 8);
    crc = __crc32d(crc, word);
  }
  for (; i < count; i++) crc = __crc32b(crc, bytes[i]);
  return crc;
}
#endif

uint32_t ck_crc32(uint32_t crc, const uint8_t *bytes, size_t count, CKInstructionSet isa) {
  crc = ~crc;
#if defined(__x86_64__)
  // Every processor with AVX2 has carry-less multiplication.
  if (isa >= CKInstructionSetAVX2 && count >= 64) return ~update_pclmul(crc, bytes, count);
#elif defined(__aarch64__)
  if (isa != CKInstructionSetScalar && ck_arm_has(ArmCRC32)) return ~update_crc(crc, bytes, count);
#else
  (void)isa;
#endif
  return ~(count >= 1024 ? update_tables(crc, bytes, count) : update_bytes(crc, bytes, count));
}
