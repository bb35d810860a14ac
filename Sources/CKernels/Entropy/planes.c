#include "CKernels.h"
#include "multiversion.h"

BODY void split16_body(const void *x, uint8_t *planes, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint16_t value;
    __builtin_memcpy(&value, (const char *)x + 2 * i, sizeof value);
    value = rotate ? (uint16_t)(value << 1 | value >> 15) : value;
    planes[i] = (uint8_t)(value >> 8);
    planes[count + i] = (uint8_t)value;
  }
}
MULTIVERSION(void, split16, (const void *x, uint8_t *planes, size_t count, bool rotate),
         (x, planes, count, rotate))

BODY void merge16_body(const uint8_t *planes, void *x, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint16_t value = (uint16_t)(planes[i] << 8 | planes[count + i]);
    value = rotate ? (uint16_t)(value >> 1 | value << 15) : value;
    __builtin_memcpy((char *)x + 2 * i, &value, sizeof value);
  }
}
MULTIVERSION(void, merge16, (const uint8_t *planes, void *x, size_t count, bool rotate),
         (planes, x, count, rotate))

BODY void split32_body(const void *x, uint8_t *planes, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint32_t value;
    __builtin_memcpy(&value, (const char *)x + 4 * i, sizeof value);
    value = rotate ? value << 1 | value >> 31 : value;
    planes[i] = (uint8_t)(value >> 24);
    planes[count + i] = (uint8_t)(value >> 16);
    planes[2 * count + i] = (uint8_t)(value >> 8);
    planes[3 * count + i] = (uint8_t)value;
  }
}
MULTIVERSION(void, split32, (const void *x, uint8_t *planes, size_t count, bool rotate),
         (x, planes, count, rotate))

BODY void merge32_body(const uint8_t *planes, void *x, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint32_t value = (uint32_t)planes[i] << 24 | (uint32_t)planes[count + i] << 16 |
                     (uint32_t)planes[2 * count + i] << 8 | planes[3 * count + i];
    value = rotate ? value >> 1 | value << 31 : value;
    __builtin_memcpy((char *)x + 4 * i, &value, sizeof value);
  }
}
MULTIVERSION(void, merge32, (const uint8_t *planes, void *x, size_t count, bool rotate),
         (planes, x, count, rotate))

void ck_split_planes_16(const void *x, uint8_t *planes, size_t count, bool rotate,
                        CKInstructionSet isa) {
  split16_for(isa)(x, planes, count, rotate);
}
void ck_merge_planes_16(const uint8_t *planes, void *x, size_t count, bool rotate,
                        CKInstructionSet isa) {
  merge16_for(isa)(planes, x, count, rotate);
}
void ck_split_planes_32(const void *x, uint8_t *planes, size_t count, bool rotate,
                        CKInstructionSet isa) {
  split32_for(isa)(x, planes, count, rotate);
}
void ck_merge_planes_32(const uint8_t *planes, void *x, size_t count, bool rotate,
                        CKInstructionSet isa) {
  merge32_for(isa)(planes, x, count, rotate);
}
