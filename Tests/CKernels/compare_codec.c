#include "compare.h"

// ck_codec.h, ck_feedback.h

static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127,
                                129, 200, 1021, 1024, 1100};
#define EACH_COUNT(n) \
  for (size_t i_ = 0, n; i_ < sizeof counts / sizeof *counts && (n = counts[i_], 1); \
       i_++, release())

static void checksums(void) {
  kernel("crc32", true);
  EACH_COUNT(n) {
    const uint8_t *bytes = room(n);
    const uint32_t start = (uint32_t)random_bits();
    const uint32_t scalar = ck_crc32(start, bytes, n, CKInstructionSetScalar);
    shape("count", n, 0, 0);
    EACH_SET(isa) {
      const uint32_t found = ck_crc32(start, bytes, n, isa);
      same(isa, "checksum", &scalar, &found, 4);
      const size_t half = n / 3;
      const uint32_t parts =
          ck_crc32(ck_crc32(start, bytes, half, isa), bytes + half, n - half, isa);
      is_true(isa, "checksum of two parts", parts == scalar);
    }
  }
  // The check value of every catalogue of CRCs.
  EACH_SET(isa)
    is_true(isa, "123456789", ck_crc32(0, (const uint8_t *)"123456789", 9, isa) == 0xcbf43926);
}

static void codes(void) {
  kernel("peak_bits", true);
  EACH_COUNT(n) {
    const float *x = odd_floats(n, true);
    const uint32_t scalar = ck_peak_bits(x, n, CKInstructionSetScalar);
    shape("count", n, 0, 0);
    EACH_SET(isa) {
      const uint32_t found = ck_peak_bits(x, n, isa);
      same(isa, "peak", &scalar, &found, 4);
    }
  }
  static const float inverses[] = {1, 0.5f, 3.3333333f, 127, 1e-20f, 1e30f};
  kernel("quantise_i8", true);
  for (size_t f = 0; f < 6; f++)
    EACH_COUNT(n) {
      const float *x = odd_floats(n, false);
      int8_t *scalar = room(n), *found = room(n), *before = room(n);
      ck_quantise_i8(x, inverses[f], scalar, n, CKInstructionSetScalar);
      shape("count, inverse", n, f, 0);
      EACH_SET(isa) {
        reset(found, before, n);
        ck_quantise_i8(x, inverses[f], found, n, isa);
        same(isa, "codes", scalar, found, n);
      }
    }
  kernel("quantise_i16", true);
  for (size_t f = 0; f < 6; f++)
    EACH_COUNT(n) {
      const float *x = odd_floats(n, false);
      uint8_t *before = room(2 * n + 1), *scalar = copy_of(before, 2 * n + 1);
      uint8_t *found = room(2 * n + 1);
      ck_quantise_i16(x, inverses[f], scalar + f % 2, n, CKInstructionSetScalar);
      shape("count, inverse", n, f, 0);
      EACH_SET(isa) {
        reset(found, before, 2 * n + 1);
        ck_quantise_i16(x, inverses[f], found + f % 2, n, isa);
        same(isa, "codes", scalar, found, 2 * n + 1);
      }
    }
  kernel("i16_to_f32", true);
  EACH_COUNT(n) {
    const uint8_t *from = room(2 * n + 1);
    float *scalar = room(4 * n), *found = room(4 * n), *before = room(4 * n);
    const float step = random_normal();
    ck_i16_to_f32(scalar, from + n % 2, step, n, CKInstructionSetScalar);
    shape("count", n, 0, 0);
    EACH_SET(isa) {
      reset(found, before, 4 * n);
      ck_i16_to_f32(found, from + n % 2, step, n, isa);
      same(isa, "values", scalar, found, 4 * n);
    }
  }
  kernel("grid_error", true);
  EACH_COUNT(n) {
    const float *x = normals(n, 3.7f), step = 0.031f;
    const int8_t *from = room(n);
    double scalar[2], found[2];
    ck_grid_error(x, from, step, n, scalar, scalar + 1, CKInstructionSetScalar);
    shape("count", n, 0, 0);
    EACH_SET(isa) {
      ck_grid_error(x, from, step, n, found, found + 1, isa);
      same(isa, "error and power", scalar, found, sizeof scalar);
    }
  }
}

static void exact_halves(void) {
  static size_t (*const narrow[])(const float *, uint16_t *, size_t, CKInstructionSet) = {
      ck_f32_to_f16_exact, ck_f32_to_bf16_exact};
  for (int f = 0; f < 2; f++) {
    kernel(f == 0 ? "f32_to_f16_exact" : "f32_to_bf16_exact", true);
    for (int repeat = 0; repeat < 4; repeat++)
      EACH_COUNT(n) {
        const float *x = odd_floats(n, true);
        uint16_t *scalar = room(2 * n), *found = room(2 * n), *before = room(2 * n);
        const size_t inexact = narrow[f](x, scalar, n, CKInstructionSetScalar);
        shape("count", n, 0, 0);
        EACH_SET(isa) {
          reset(found, before, 2 * n);
          const size_t here = narrow[f](x, found, n, isa);
          same(isa, "halves", scalar, found, 2 * n);
          is_true(isa, "how many are inexact", here == inexact);
        }
      }
  }
}

static void planes(void) {
  kernel("planes", true);
  for (int rotate = 0; rotate < 2; rotate++)
    EACH_COUNT(n) {
      const uint16_t *x16 = room(2 * n);
      const uint32_t *x32 = room(4 * n);
      uint8_t *scalar16 = room(2 * n), *found16 = room(2 * n), *scalar32 = room(4 * n),
              *found32 = room(4 * n);
      uint16_t *back16 = room(2 * n);
      uint32_t *back32 = room(4 * n);
      const uint8_t *before = room(4 * n);
      ck_split_planes_16(x16, scalar16, n, rotate, CKInstructionSetScalar);
      ck_split_planes_32(x32, scalar32, n, rotate, CKInstructionSetScalar);
      shape("count, rotate", n, (size_t)rotate, 0);
      EACH_SET(isa) {
        reset(found16, before, 2 * n);
        reset(found32, before, 4 * n);
        reset(back16, before, 2 * n);
        reset(back32, before, 4 * n);
        ck_split_planes_16(x16, found16, n, rotate, isa);
        ck_split_planes_32(x32, found32, n, rotate, isa);
        same(isa, "planes of 16", scalar16, found16, 2 * n);
        same(isa, "planes of 32", scalar32, found32, 4 * n);
        ck_merge_planes_16(scalar16, back16, n, rotate, isa);
        ck_merge_planes_32(scalar32, back32, n, rotate, isa);
        same(isa, "merged planes of 16", x16, back16, 2 * n);
        same(isa, "merged planes of 32", x32, back32, 4 * n);
      }
    }
}

static void feedback(void) {
  kernel("feedback", true);
  EACH_COUNT(n) {
    const float *before = normals(n, 5), *in = normals(n, 30), *steps = normals(n, 0.7f);
    const float factor = random_normal();
    float *scalar = copy_of(before, 4 * n), *out = room(4 * n);
    float *scalar_errors = room(4 * n), *errors = room(4 * n);
    int16_t *scalar_codes = room(2 * n), *codes = room(2 * n);
    shape("count", n, 0, 0);
    ck_add_scaled_f32(scalar, in, factor, n, CKInstructionSetScalar);
    for (int limit = 127; limit <= 32767; limit += 32640) {
      ck_feedback_round(scalar, in, n, limit, scalar_codes, CKInstructionSetScalar);
      ck_feedback_errors(scalar, scalar_codes, steps, n, scalar_errors, CKInstructionSetScalar);
      EACH_SET(isa) {
        reset(out, before, 4 * n);
        ck_add_scaled_f32(out, in, factor, n, isa);
        same(isa, "sums", scalar, out, 4 * n);
        ck_feedback_round(scalar, in, n, limit, codes, isa);
        same(isa, "codes", scalar_codes, codes, 2 * n);
        ck_feedback_errors(scalar, codes, steps, n, errors, isa);
        same(isa, "errors", scalar_errors, errors, 4 * n);
      }
    }
  }
}

void compare_codec(void) {
  checksums();
  codes();
  exact_halves();
  planes();
  feedback();
}
