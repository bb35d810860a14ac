#include "compare.h"

// ck_rans.h, ck_trellis.h

static const size_t counts[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 96, 100, 200, 511, 1000, 4099};
enum { COUNTS = sizeof counts / sizeof *counts };

// About normal codes, of such a deviation.
static int8_t *some_codes(size_t count, float deviation) {
  int8_t *codes = room(count);
  for (size_t i = 0; i < count; i++) {
    float code = random_normal() * deviation;
    codes[i] = (int8_t)(code < -127 ? -127 : code > 127 ? 127 : code);
  }
  return codes;
}

// Damages a copy of an encoded block: changes a byte, or cuts its end off.
static uint8_t *damaged(const uint8_t *bytes, size_t *size) {
  if (random_below(3) == 0) *size = random_below(*size);
  uint8_t *copy = copy_of(bytes, *size);
  if (*size > 0) copy[random_below(*size)] ^= (uint8_t)(1 + random_below(255));
  return copy;
}

static void rans(size_t count, float deviation) {
  const int8_t *codes = some_codes(count, deviation);
  const size_t bound = ck_rans_bound(count);
  uint8_t *scalar = room(bound), *found = room(bound);
  const uint8_t *before = room(bound);
  const size_t size = ck_rans_encode(codes, count, scalar, CKInstructionSetScalar);
  int8_t *decoded = room(count);
  shape("count, deviation", count, (size_t)deviation, 0);
  EACH_SET(isa) {
    reset(found, before, bound);
    const size_t here = ck_rans_encode(codes, count, found, isa);
    is_true(isa, "encoded size", here == size);
    same(isa, "encoded bytes", scalar, found, size);
  }
  if (size == 0) return;
  const double expected = ck_rans_size(codes, count);
  add_to_hash(&expected, sizeof expected);
  is_true(CKInstructionSetScalar, "estimated size",
          expected > (double)size - 100 && expected < (double)size + 100);
  const uint8_t *bytes = copy_of(scalar, size);
  EACH_SET(isa) {
    reset(decoded, before, count);
    is_true(isa, "status", ck_rans_decode(bytes, size, decoded, count, isa) == 0);
    same(isa, "decoded codes", codes, decoded, count);
  }
  size_t left = size;
  bytes = damaged(scalar, &left);
  int8_t *wrong = room(count);
  const int status = ck_rans_decode(bytes, left, wrong, count, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(decoded, before, count);
    const int here = ck_rans_decode(bytes, left, decoded, count, isa);
    same(isa, "status of what is damaged", &status, &here, sizeof here);
    if (status == 0) same(isa, "codes of what is damaged", wrong, decoded, count);
  }
}

static void low_bits(size_t count, unsigned bits) {
  uint8_t *codes = room(2 * count + 1), *back = copy_of(codes, 2 * count + 1);
  for (size_t i = 0; i < count; i++) {
    int16_t code;
    memcpy(&code, codes + 1 + 2 * i, 2);
    code = (int16_t)(code >> (8 - bits));
    memcpy(codes + 1 + 2 * i, &code, 2);
    code = 0;
    memcpy(back + 1 + 2 * i, &code, 2);
  }
  int8_t *high = room(count);
  const size_t size = bits * ((count + 7) / 8);
  uint8_t *planes = room(size);
  shape("count, bits", count, bits, 0);
  ck_split_low_bits(codes + 1, count, bits, high, planes);
  ck_merge_low_bits(high, planes, count, bits, back + 1);
  same(CKInstructionSetScalar, "high codes", high, high, count);
  same(CKInstructionSetScalar, "planes", planes, planes, size);
  same(CKInstructionSetScalar, "merged codes", codes, back, 2 * count + 1);
}

static void trellis_search(size_t rows, size_t columns, float deviation) {
  const size_t stride = columns + 3, pitch = columns + 1;
  const float *x = normals(rows * stride, 1);
  float *inverse = room(4 * rows), *costs = room(4 * 256);
  for (size_t r = 0; r < rows; r++) inverse[r] = deviation * (1 + (float)(r % 5));
  for (int v = -128; v < 128; v++) {
    float distance = (float)v / deviation;
    costs[v + 128] = 0.3f * (distance * distance + 1);
  }
  const size_t scratch_bytes = (ck_trellis_scratch(rows) + 63) / 64 * 64;
  void *scratch = NULL;
  char *memory = room(scratch_bytes + 64);
  scratch = memory + (64 - (uintptr_t)memory % 64) % 64;
  const int8_t *before = room(rows * pitch);
  int8_t *scalar = copy_of(before, rows * pitch), *found = room(rows * pitch);
  shape("rows, columns, deviation", rows, columns, (size_t)deviation);
  ck_trellis_search(x, stride, inverse, rows, columns, costs, scalar, pitch, scratch,
                    CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, rows * pitch);
    ck_trellis_search(x, stride, inverse, rows, columns, costs, found, pitch, scratch, isa);
    same(isa, "codes", scalar, found, rows * pitch);
  }
  const float *column = normals(rows, 1);
  int8_t *one = room(rows), *other = room(rows);
  ck_trellis_search_column(column, inverse, rows, costs, one, scratch, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(other, before, rows);
    ck_trellis_search_column(column, inverse, rows, costs, other, scratch, isa);
    same(isa, "codes of a column", one, other, rows);
  }
}

// Random paths of the machine in ck_trellis.h.
static int8_t *paths(size_t count, size_t columns, float deviation) {
  int8_t *codes = some_codes(count, deviation);
  uint8_t *states = room(columns);
  memset(states, 0, columns);
  for (size_t i = 0; i < count; i++) {
    uint8_t *s = states + i % columns;
    const int q = *s & 1, k = codes[i] / 2 - (codes[i] == 127);
    codes[i] = (int8_t)(2 * k + q);
    *s = (uint8_t)(*s >> 1 ^ (q ? 24 : 0) ^ (k & 1 ? 5 : 0));
  }
  return codes;
}

static void trellis_blocks(size_t count, size_t columns, float deviation) {
  int8_t *codes = paths(count, columns, deviation), *decoded = room(count);
  uint8_t *scratch = room(count);
  const size_t bound = ck_trellis_bound(count);
  uint8_t *scalar = room(bound), *found = room(bound);
  const uint8_t *before = room(bound);
  const size_t size =
      ck_trellis_encode(codes, count, columns, scratch, scalar, CKInstructionSetScalar);
  shape("count, columns, deviation", count, columns, (size_t)deviation);
  EACH_SET(isa) {
    reset(found, before, bound);
    is_true(isa, "are paths", ck_trellis_check(codes, count, columns, scratch, isa));
    is_true(isa, "encoded size",
            ck_trellis_encode(codes, count, columns, scratch, found, isa) == size);
    same(isa, "encoded bytes", scalar, found, size);
  }
  const size_t place = random_below(count);
  codes[place] ^= 1;
  EACH_SET(isa) is_true(isa, "is no path", !ck_trellis_check(codes, count, columns, scratch, isa));
  codes[place] ^= 1;
  if (size == 0) return;
  const uint8_t *bytes = copy_of(scalar, size);
  EACH_SET(isa) {
    reset(decoded, before, count);
    is_true(isa, "status", ck_trellis_decode(bytes, size, decoded, count, scratch, isa) == 0);
    same(isa, "decoded codes", codes, decoded, count);
  }
  size_t left = size;
  bytes = damaged(scalar, &left);
  int8_t *wrong = room(count);
  const int status = ck_trellis_decode(bytes, left, wrong, count, scratch, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(decoded, before, count);
    const int here = ck_trellis_decode(bytes, left, decoded, count, scratch, isa);
    same(isa, "status of what is damaged", &status, &here, sizeof here);
    if (status == 0) same(isa, "codes of what is damaged", wrong, decoded, count);
  }
}

void compare_entropy(void) {
  static const float deviations[] = {0.4f, 1.5f, 20, 60};
  kernel("rans", true);
  for (size_t i = 0; i < COUNTS; i++)
    for (size_t d = 0; d < 4; d++)
      for (int repeat = 0; repeat < 4; repeat++, release()) rans(counts[i], deviations[d]);
  kernel("low_bits", true);
  for (size_t i = 0; i < COUNTS; i++)
    for (unsigned bits = 0; bits <= 8; bits++, release()) low_bits(counts[i], bits);
  kernel("trellis_search", true);
  static const size_t columns[] = {1, 3, 4, 5, 8, 15, 17, 33};
  for (size_t c = 0; c < 8; c++)
    for (size_t rows = 1; rows < 200; rows = rows * 2 + 1)
      for (size_t d = 1; d < 4; d++, release()) trellis_search(rows, columns[c], deviations[d]);
  kernel("trellis_blocks", true);
  for (size_t i = 0; i < COUNTS; i++)
    for (size_t d = 0; d < 4; d++)
      for (int repeat = 0; repeat < 4; repeat++, release()) {
        static const size_t wide[] = {1, 20, 32, 64, 77, 200};
        const size_t asked = wide[random_below(6)];
        trellis_blocks(counts[i], asked < counts[i] ? asked : counts[i], deviations[d]);
      }
}
