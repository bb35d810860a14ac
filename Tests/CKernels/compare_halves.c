#include "compare.h"

// ck_half.h

static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65, 1000};
#define EACH_COUNT(n) \
  for (size_t i_ = 0, n; i_ < sizeof counts / sizeof *counts && (n = counts[i_], 1); \
       i_++, release())

static void widen(const char *name,
                  void (*widen)(float *, const void *, size_t, CKInstructionSet)) {
  kernel(name, true);
  // All there are.
  uint16_t *all = room(2 << 16);
  for (size_t i = 0; i < 1 << 16; i++) all[i] = (uint16_t)i;
  float *scalar = room(4 << 16), *found = room(4 << 16), *before = room(4 << 16);
  widen(scalar, all, 1 << 16, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 << 16);
    widen(found, all, 1 << 16, isa);
    same(isa, "floats", scalar, found, 4 << 16);
  }
  release();
  EACH_COUNT(n) {
    const uint8_t *halves = room(2 * n + 1);
    scalar = room(4 * n);
    found = room(4 * n);
    before = room(4 * n);
    shape("count", n, 0, 0);
    widen(scalar, halves + n % 2, n, CKInstructionSetScalar);
    EACH_SET(isa) {
      reset(found, before, 4 * n);
      widen(found, halves + n % 2, n, isa);
      same(isa, "floats", scalar, found, 4 * n);
    }
  }
}

static void narrow(const char *name,
                   size_t (*narrow)(void *, const void *, size_t, CKInstructionSet)) {
  kernel(name, true);
  for (int repeat = 0; repeat < 8; repeat++)
    EACH_COUNT(n) {
      uint8_t *from = room(4 * n + 1);
      if (n > 0) memcpy(from + n % 2, odd_floats(n, true), 4 * n);
      uint8_t *before = room(2 * n + 1), *scalar = copy_of(before, 2 * n + 1);
      uint8_t *found = room(2 * n + 1);
      shape("count", n, 0, 0);
      const size_t overflows = narrow(scalar + n % 2, from + n % 2, n, CKInstructionSetScalar);
      EACH_SET(isa) {
        reset(found, before, 2 * n + 1);
        is_true(isa, "overflows", narrow(found + n % 2, from + n % 2, n, isa) == overflows);
        same(isa, "halves", scalar, found, 2 * n + 1);
      }
    }
}

static void codes(void) {
  kernel("i8_to_f32", true);
  EACH_COUNT(n) {
    const int8_t *from = room(n);
    float *scalar = room(4 * n), *found = room(4 * n), *before = room(4 * n);
    const float step = random_normal();
    shape("count", n, 0, 0);
    ck_i8_to_f32(scalar, from, step, n, CKInstructionSetScalar);
    EACH_SET(isa) {
      reset(found, before, 4 * n);
      ck_i8_to_f32(found, from, step, n, isa);
      same(isa, "floats", scalar, found, 4 * n);
    }
  }
}

void compare_halves(void) {
  widen("f16_to_f32", ck_f16_to_f32);
  widen("bf16_to_f32", ck_bf16_to_f32);
  narrow("f32_to_f16", ck_f32_to_f16);
  narrow("f32_to_bf16", ck_f32_to_bf16);
  codes();
}
