#include "CKernels.h"
#include "panels.h"
#include "panels_neon.h"

#include <string.h>

size_t ck_panel_bytes(size_t row_bytes) { return CK_PANEL * ((row_bytes + 3) / 4 * 4); }

static void pack_panel_scalar(int8_t *panel, const int8_t *codes, size_t rows, size_t columns) {
  memset(panel, 0, ck_panel_bytes(columns));
  const size_t rest = columns % 4, whole = columns - rest;
  for (size_t r = 0; r < rows; r++, codes += columns, panel += 4) {
    for (size_t c = 0; c < whole; c += 4) memcpy(panel + CK_PANEL * c, codes + c, 4);
    if (rest) memcpy(panel + CK_PANEL * whole, codes + whole, rest);
  }
}

static void sum_panel_scalar(int32_t *sums, const int8_t *panel, size_t rows, size_t columns) {
  memset(sums, 0, 4 * rows);
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < rows; r++) sums[r] += panel[ck_panel_index(r, c)];
}

#if defined(__x86_64__)
WIDE static void pack_panel_avx512(int8_t *panel, const int8_t *codes, size_t rows,
                                   size_t columns) {
  pack_panel((char *)panel, codes, rows, columns, columns);
}

WIDE static void sum_panel_avx512vnni(int32_t *sums, const int8_t *panel, size_t rows,
                                      size_t columns) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i first = _mm512_setzero_si512(), second = first;
  for (size_t c = 0; c < columns; c += 4, panel += 4 * CK_PANEL) {
    first = _mm512_dpbusd_epi32(first, ones, _mm512_loadu_si512(panel));
    second = _mm512_dpbusd_epi32(second, ones, _mm512_loadu_si512(panel + 64));
  }
  int32_t found[CK_PANEL];
  _mm512_storeu_si512(found, first);
  _mm512_storeu_si512(found + 16, second);
  memcpy(sums, found, 4 * rows);
}
#elif defined(__aarch64__)
static void pack_panel_neon(int8_t *panel, const int8_t *codes, size_t rows, size_t columns) {
  for (size_t first = 0; first < CK_PANEL; first += SIDE) {
    const size_t n = rows < first ? 0 : rows - first < SIDE ? rows - first : SIDE;
    pack_words(panel + 4 * first, CK_PANEL, codes + (n > 0 ? first * columns : 0), n, columns);
  }
}

static void sum_panel_neon(int32_t *sums, const int8_t *panel, size_t rows, size_t columns) {
  int32x4_t found[CK_PANEL / 4];
  for (size_t j = 0; j < CK_PANEL / 4; j++) found[j] = vdupq_n_s32(0);
  for (size_t i = 0; i < (columns + 3) / 4; i++)
    for (size_t j = 0; j < CK_PANEL / 4; j++)
      found[j] = vpadalq_s16(found[j], vpaddlq_s8(codes_of(panel, i, 4 * j)));
  memcpy(sums, found, 4 * rows);
}
#endif

void ck_pack_codes(int8_t *panels, const int8_t *codes, size_t rows, size_t columns,
                   CKInstructionSet isa) {
  for (size_t r = 0; r < rows; r += CK_PANEL, panels += ck_panel_bytes(columns)) {
    const size_t count = rows - r < CK_PANEL ? rows - r : CK_PANEL;
#if defined(__x86_64__)
    if (isa == CKInstructionSetAVX512 || isa == CKInstructionSetAVX512VNNI)
      pack_panel_avx512(panels, codes + r * columns, count, columns);
    else
#elif defined(__aarch64__)
    if (isa != CKInstructionSetScalar)
      pack_panel_neon(panels, codes + r * columns, count, columns);
    else
#endif
      pack_panel_scalar(panels, codes + r * columns, count, columns);
  }
  (void)isa;
}

void ck_unpack_codes(int8_t *codes, const int8_t *panels, size_t first, size_t count,
                     size_t columns) {
  const size_t rest = columns % 4, whole = columns - rest;
  for (size_t r = first; r < first + count; r++, codes += columns) {
    const int8_t *from = panels + r / CK_PANEL * ck_panel_bytes(columns) + r % CK_PANEL * 4;
    for (size_t c = 0; c < whole; c += 4) memcpy(codes + c, from + CK_PANEL * c, 4);
    if (rest) memcpy(codes + whole, from + CK_PANEL * whole, rest);
  }
}

void ck_sum_codes(int32_t *sums, const int8_t *panels, size_t rows, size_t columns,
                  CKInstructionSet isa) {
  for (size_t r = 0; r < rows; r += CK_PANEL, panels += ck_panel_bytes(columns)) {
    const size_t count = rows - r < CK_PANEL ? rows - r : CK_PANEL;
#if defined(__x86_64__)
    if (isa == CKInstructionSetAVX512VNNI) sum_panel_avx512vnni(sums + r, panels, count, columns);
    else
#elif defined(__aarch64__)
    if (isa != CKInstructionSetScalar) sum_panel_neon(sums + r, panels, count, columns);
    else
#endif
      sum_panel_scalar(sums + r, panels, count, columns);
  }
  (void)isa;
}
