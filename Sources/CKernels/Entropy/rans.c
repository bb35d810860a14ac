#include "rans.h"

#include <math.h>

#include "rans_push.h"

// What a block takes decides what is chosen for it: the same on every processor.
#pragma STDC FP_CONTRACT OFF

size_t ck_rans_bound(size_t count) {
  // No code costs more than 12 bits, and each state takes 2 bytes more than it holds.
  return 2 + 2 * 256 + 4 * LANES + count + count / 2 + 2 * LANES;
}

// Four tables, so that equal neighbours do not wait for one another.
void ck_rans_count(const int8_t *codes, size_t count, size_t *counts) {
  uint32_t parts[4][256] = {{0}};
  for (size_t i = 0; i < count; i++) parts[i % 4][codes[i] + 128]++;
  for (int s = 0; s < 256; s++)
    counts[s] = (size_t)parts[0][s] + parts[1][s] + parts[2][s] + parts[3][s];
}

double ck_rans_size(const int8_t *codes, size_t count) {
  size_t counts[256];
  ck_rans_count(codes, count, counts);
  int first = 0, last = 255;
  while (first < 256 && counts[first] == 0) first++;
  while (last > first && counts[last] == 0) last--;
  if (first >= last) return count > 0 ? 16 : 0;
  uint32_t frequencies[256];
  normalise(counts, count, frequencies);
  double bits = 0;
  for (int s = first; s <= last; s++)
    if (counts[s] > 0) bits += (double)counts[s] * (SCALE - ck_reproducible_log2(frequencies[s]));
  return bits / 8 + 2 + 2 * (last - first + 1) + 2 * LANES;
}

uint8_t *rans_encode_lanes(const Model *model, const int8_t *codes, size_t count, uint8_t *to,
                           uint8_t *end, CKInstructionSet isa) {
  // Back to front, as the last in is the first out; the words grow down from the end.
  uint32_t states[LANES];
  for (int lane = 0; lane < LANES; lane++) states[lane] = LOWEST;
  uint8_t *word = end;
  size_t rounds = 0;  // that a vector takes
#if defined(__x86_64__)
  if (isa == CKInstructionSetAVX512 || isa == CKInstructionSetAVX512VNNI) rounds = count / LANES;
#else
  (void)isa;  // NEON has no division of integers, no gather and no compression of lanes.
#endif
  for (size_t i = count; i-- > rounds * LANES;)
    word = push(model, codes[i] + 128, &states[i % LANES], word);
#if defined(__x86_64__)
  if (rounds > 0)
    word = rans_push_rounds_avx512(
        model->frequencies, model->starts, codes, rounds, states, word);
#endif
  for (int lane = 0; lane < LANES; lane++, to += 4) {
    store16(to, states[lane]);
    store16(to + 2, states[lane] >> 16);
  }
  __builtin_memmove(to, word, (size_t)(end - word));
  return to + (end - word);
}

size_t ck_rans_encode(const int8_t *codes, size_t count, uint8_t *bytes, CKInstructionSet isa) {
  size_t counts[256];
  ck_rans_count(codes, count, counts);
  Model model;
  size_t used = write_table(counts, &model, bytes);
  if (used == 0) return 0;
  uint8_t *end = bytes + ck_rans_bound(count);
  return (size_t)(rans_encode_lanes(&model, codes, count, bytes + used, end, isa) - bytes);
}

typedef uint32_t Table[SLOTS];

typedef struct {
  const uint8_t *word, *end;
  int8_t *code;
  size_t left;
  uint32_t states[LANES];
} Progress;

// Decodes until the elements end: 0, or 2 when the words do before.
static int decode_rest(const uint32_t *table, Progress *p) {
  for (size_t i = 0; i < p->left; i++) {
    uint32_t x = p->states[i % LANES], entry = table[x & (SLOTS - 1)];
    p->code[i] = (int8_t)entry;
    x = (entry >> 20) * (x >> SCALE) + (entry >> 8 & (SLOTS - 1));
    if (x < LOWEST) {
      if (p->end - p->word < 2) return 2;
      x = x << 16 | load16(p->word);
      p->word += 2;
    }
    p->states[i % LANES] = x;
  }
  return 0;
}

// Rounds of 32 elements while there are surely words for them.
static void decode_rounds_scalar(const uint32_t *table, Progress *p) {
  uint32_t *states = p->states;
  while (p->left >= LANES && p->end - p->word >= 2 * LANES) {
    const uint8_t *word = p->word;
    for (int lane = 0; lane < LANES; lane++) {
      uint32_t x = states[lane], entry = table[x & (SLOTS - 1)];
      p->code[lane] = (int8_t)entry;
      x = (entry >> 20) * (x >> SCALE) + (entry >> 8 & (SLOTS - 1));
      uint32_t renormalised = x << 16 | load16(word);
      word += x < LOWEST ? 2 : 0;
      states[lane] = x < LOWEST ? renormalised : x;
    }
    p->word = word;
    p->code += LANES;
    p->left -= LANES;
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void decode_rounds_avx2(const uint32_t *table,
                                                               Progress *p) {
  uint8_t places[256][8];
  word_places(places);
  const __m256i slots = _mm256_set1_epi32(SLOTS - 1);
  const __m256i bytes = _mm256_set_epi32(0, 0, 0, 0, 0, 0, 4, 0);
  const __m256i first = _mm256_setr_epi8(
      0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1,
      -1, -1, -1, -1, -1, -1, -1);
  __m256i x[4];
  for (int v = 0; v < 4; v++) x[v] = _mm256_loadu_si256((const __m256i *)(p->states + 8 * v));
  while (p->left >= LANES && p->end - p->word >= 2 * LANES) {
    for (int v = 0; v < 4; v++) {
      __m256i entry =
          _mm256_i32gather_epi32((const int *)table, _mm256_and_si256(x[v], slots), 4);
      __m256i code = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(entry, first), bytes);
      _mm_storel_epi64((__m128i *)(p->code + 8 * v), _mm256_castsi256_si128(code));
      x[v] = renormalised_avx2(decode_step_avx2(x[v], entry), places, &p->word);
    }
    p->code += LANES;
    p->left -= LANES;
  }
  for (int v = 0; v < 4; v++) _mm256_storeu_si256((__m256i *)(p->states + 8 * v), x[v]);
}

__attribute__((target("avx512f"))) static void decode_rounds_avx512(const uint32_t *table,
                                                                    Progress *p) {
  const __m512i slots = _mm512_set1_epi32(SLOTS - 1);
  __m512i x[2] = {_mm512_loadu_si512(p->states), _mm512_loadu_si512(p->states + 16)};
  while (p->left >= LANES && p->end - p->word >= 2 * LANES) {
    __m512i next[2];
    for (int v = 0; v < 2; v++) {
      __m512i entry = _mm512_i32gather_epi32(_mm512_and_si512(x[v], slots), table, 4);
      _mm_storeu_si128((__m128i *)(p->code + 16 * v), _mm512_cvtepi32_epi8(entry));
      next[v] = decode_step_avx512(x[v], entry);
    }
    for (int v = 0; v < 2; v++) x[v] = renormalised_avx512(next[v], &p->word);
    p->code += LANES;
    p->left -= LANES;
  }
  _mm512_storeu_si512(p->states, x[0]);
  _mm512_storeu_si512(p->states + 16, x[1]);
}
#elif defined(__aarch64__)
// 8 instructions a symbol; the scalar version has 15.
static void decode_rounds_neon(const uint32_t *table, Progress *p) {
  uint8_t bytes[16][16];
  word_bytes(bytes);
  uint32x4_t x[LANES / 4];
  for (int v = 0; v < LANES / 4; v++) x[v] = vld1q_u32(p->states + 4 * v);
  while (p->left >= LANES && p->end - p->word >= 2 * LANES) {
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      uint32x4_t entries[4];
      for (int v = 0; v < 4; v++) {
        uint32x4_t *state = x + 4 * half + v;
        entries[v] = entries_neon(table, vandq_u32(*state, vdupq_n_u32(SLOTS - 1)));
        *state = decode_step_neon(*state, entries[v]);
      }
      vst1q_s8(p->code + 16 * half, vreinterpretq_s8_u8(symbols_neon(entries)));
    }
    for (int v = 0; v < LANES / 4; v++) x[v] = renormalised_neon(x[v], bytes, &p->word);
    p->code += LANES;
    p->left -= LANES;
  }
  for (int v = 0; v < LANES / 4; v++) vst1q_u32(p->states + 4 * v, x[v]);
}
#endif

int ck_rans_decode(const uint8_t *bytes, size_t size, int8_t *codes, size_t count,
                   CKInstructionSet isa) {
  Table table;
  size_t used = read_table(bytes, size, table);
  if (used == 0) return 1;
  if (size - used < 4 * LANES) return 2;
  Progress p = {
      .word = bytes + used + 4 * LANES, .end = bytes + size, .code = codes, .left = count};
  for (int lane = 0; lane < LANES; lane++) p.states[lane] = load32(bytes + used + 4 * lane);
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVXVNNI:
  case CKInstructionSetAVX2: decode_rounds_avx2(table, &p); break;
  case CKInstructionSetAVX512:
  case CKInstructionSetAVX512VNNI: decode_rounds_avx512(table, &p); break;
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON: decode_rounds_neon(table, &p); break;
#endif
  default: decode_rounds_scalar(table, &p);
  }
  int status = decode_rest(table, &p);
  if (status != 0) return status;
  if (p.word != p.end) return 3;
  for (int lane = 0; lane < LANES; lane++)
    if (p.states[lane] != LOWEST) return 3;
  return 0;
}
