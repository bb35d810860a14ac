#include "CKernels.h"

// Codes of more than 8 bits: the entropy coder gets the upper ones, and what lies below is so near
// to noise that it stays as it is. One version for all processors: 8 bits in a word of 64 are a
// vector.

static int16_t code_at(const void *codes, size_t i) {
  int16_t code;
  __builtin_memcpy(&code, (const uint8_t *)codes + 2 * i, sizeof code);
  return code;
}

void ck_split_low_bits(const void *codes, size_t count, unsigned bits, int8_t *high,
                       uint8_t *planes) {
  size_t stride = (count + 7) / 8;
  for (size_t i = 0; i < count; i++) high[i] = (int8_t)(code_at(codes, i) >> bits);
  for (unsigned j = 0; j < bits; j++)
    for (size_t byte = 0; byte < stride; byte++) {
      unsigned packed = 0;
      size_t left = count - 8 * byte < 8 ? count - 8 * byte : 8;
      for (size_t i = 0; i < left; i++)
        packed |= ((unsigned)code_at(codes, 8 * byte + i) >> j & 1) << i;
      planes[j * stride + byte] = (uint8_t)packed;
    }
}

// A byte's bits, each in a byte of its own, the lowest first.
static uint64_t spread(uint8_t byte) {
  uint64_t each = (byte * 0x0101010101010101u) & 0x8040201008040201u;
  return (each + 0x00406070787c7e7fu) >> 7 & 0x0101010101010101u;
}

void ck_merge_low_bits(const int8_t *high, const uint8_t *planes, size_t count, unsigned bits,
                       void *codes) {
  size_t stride = (count + 7) / 8;
  for (size_t byte = 0; byte < stride; byte++) {
    uint64_t low = 0;
    for (unsigned j = 0; j < bits; j++) low |= spread(planes[j * stride + byte]) << j;
    size_t left = count - 8 * byte < 8 ? count - 8 * byte : 8;
    for (size_t i = 0; i < left; i++) {
      uint16_t code = (uint16_t)((uint16_t)high[8 * byte + i] << bits | (low >> 8 * i & 0xff));
      __builtin_memcpy((uint8_t *)codes + 2 * (8 * byte + i), &code, sizeof code);
    }
  }
}
