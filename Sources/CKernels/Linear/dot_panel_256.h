// A panel of codes by vectors of 256 bits, with NAME, TARGET and MULTIPLY_ADD, which is the same
// instruction in the form of AVX-VNNI or in that of AVX-512. Undefines them.

// 3 rows of activations by 32 of weights: 12 vectors of sums. Where fewer rows are left, the first
// of them is taken again.
TARGET static void NAME(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                        const int8_t *panel, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i += 3) {
    const size_t rows = m - i < 3 ? m - i : 3;
    __m256i s[3][4];
    for (size_t r = 0; r < 3; r++)
      for (size_t x = 0; x < 4; x++) s[r][x] = _mm256_setzero_si256();
    const int8_t *w = panel;
    for (size_t c = 0; c < k; c += 4, w += 4 * CK_PANEL) {
      __m256i u[3];
      for (size_t r = 0; r < 3; r++) {
        int32_t word;
        memcpy(&word, a + (i + (r < rows ? r : 0)) * a_stride + c, 4);
        u[r] = _mm256_set1_epi32(word);
      }
      for (size_t x = 0; x < 4; x++) {
        const __m256i v = _mm256_loadu_si256((const __m256i *)(w + 32 * x));
        for (size_t r = 0; r < 3; r++) s[r][x] = MULTIPLY_ADD(s[r][x], u[r], v);
      }
    }
    for (size_t r = 0; r < rows; r++) {
      int32_t found[CK_PANEL];
      for (size_t x = 0; x < 4; x++) _mm256_storeu_si256((__m256i *)(found + 8 * x), s[r][x]);
      memcpy(sums + (i + r) * sums_stride, found, 4 * n);
    }
  }
}

#undef NAME
#undef TARGET
#undef MULTIPLY_ADD
