#include "CKernels.h"
#include "panels.h"

#include <string.h>

size_t ck_panel_bytes(size_t row_bytes) { return CK_PANEL * ((row_bytes + 3) / 4 * 4); }

static void pack_panel_scalar(int8_t *panel, const int8_t *codes, size_t rows, size_t columns) {
  memset(panel, 0, ck_panel_bytes(columns));
  for (size_t r = 0; r < rows; r++, codes += columns)
    for (size_t c = 0; c < columns; c += 4)
      memcpy(panel + CK_PANEL * c + 4 * r, codes + c, columns - c < 4 ? columns - c : 4);
}

static void sum_panel_scalar(int32_t *sums, const int8_t *panel, size_t rows, size_t columns) {
  memset(sums, 0, 4 * rows);
  for (size_t c = 0; c < columns; c++)
    for (size_t r = 0; r < rows; r++) sums[r] += panel[(c / 4 * CK_PANEL + r) * 4 + c % 4];
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
#endif

void ck_pack_codes(int8_t *panels, const int8_t *codes, size_t rows, size_t columns,
                   CKInstructionSet isa) {
  for (size_t r = 0; r < rows; r += CK_PANEL, panels += ck_panel_bytes(columns)) {
    const size_t count = rows - r < CK_PANEL ? rows - r : CK_PANEL;
#if defined(__x86_64__)
    if (isa == CKInstructionSetAVX512 || isa == CKInstructionSetAVX512VNNI)
      pack_panel_avx512(panels, codes + r * columns, count, columns);
    else
#endif
      pack_panel_scalar(panels, codes + r * columns, count, columns);
  }
  (void)isa;
}

void ck_unpack_codes(int8_t *codes, const int8_t *panels, size_t first, size_t count,
                     size_t columns) {
  for (size_t r = first; r < first + count; r++, codes += columns) {
    const int8_t *from = panels + r / CK_PANEL * ck_panel_bytes(columns) + r % CK_PANEL * 4;
    for (size_t c = 0; c < columns; c += 4)
      memcpy(codes + c, from + CK_PANEL * c, columns - c < 4 ? columns - c : 4);
  }
}

void ck_sum_codes(int32_t *sums, const int8_t *panels, size_t rows, size_t columns,
                  CKInstructionSet isa) {
  for (size_t r = 0; r < rows; r += CK_PANEL, panels += ck_panel_bytes(columns)) {
    const size_t count = rows - r < CK_PANEL ? rows - r : CK_PANEL;
#if defined(__x86_64__)
    if (isa == CKInstructionSetAVX512VNNI) sum_panel_avx512vnni(sums + r, panels, count, columns);
    else
#endif
      sum_panel_scalar(sums + r, panels, count, columns);
  }
  (void)isa;
}
