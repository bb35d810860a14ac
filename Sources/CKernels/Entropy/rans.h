// What the entropy coders of this folder share: Formats/clippack.md, section 5.1.
#pragma once
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// A lane's state x lies in [2¹⁶, 2³²) between elements. Decoding one: the low 12 bits of x are a
// slot, the slot says the symbol, and x becomes frequency · (x >> 12) + (slot − start); below 2¹⁶
// it takes the next 16-bit word in from below. Element i belongs to lane i mod 32.

enum { LANES = 32, SCALE = 12, SLOTS = 1 << SCALE };
static const uint32_t LOWEST = 1u << 16;

static inline void store16(uint8_t *to, uint32_t value) {
  to[0] = (uint8_t)value;
  to[1] = (uint8_t)(value >> 8);
}

static inline uint32_t load16(const uint8_t *from) { return from[0] | (uint32_t)from[1] << 8; }

static inline uint32_t load32(const uint8_t *from) { return load16(from) | load16(from + 2) << 16; }

// Frequencies that add up to 2¹² and are at least 1 where a count is: proportional, rounded to
// nearest; what rounding leaves over is settled where it costs or gains most per unit.
static inline void normalise(const size_t counts[256], size_t total, uint32_t frequencies[256]) {
  int64_t left = SLOTS;
  for (int s = 0; s < 256; s++) {
    uint64_t scaled = ((uint64_t)counts[s] * SLOTS + total / 2) / total;
    frequencies[s] = counts[s] == 0 ? 0 : scaled == 0 ? 1 : (uint32_t)scaled;
    left -= frequencies[s];
  }
  while (left != 0) {
    // One unit more for s is worth counts[s] / (frequency + 1/2), to first order.
    int best = -1;
    for (int s = 0; s < 256; s++) {
      if (counts[s] == 0 || (left < 0 && frequencies[s] == 1)) continue;
      if (best < 0) {
        best = s;
        continue;
      }
      int shift = left > 0 ? 1 : -1;
      uint64_t here = (uint64_t)counts[s] * (2 * frequencies[best] + (uint64_t)(int64_t)shift);
      uint64_t there = (uint64_t)counts[best] * (2 * frequencies[s] + (uint64_t)(int64_t)shift);
      if (left > 0 ? here > there : here < there) best = s;
    }
    frequencies[best] += left > 0 ? 1 : (uint32_t)-1;
    left += left > 0 ? -1 : 1;
  }
}

// The frequencies of codes, + 128, and their first slots.
typedef struct {
  uint32_t frequencies[256], starts[256];
} Model;

// Settles a model and writes it; returns how many bytes that took, or 0 when fewer than two symbols
// occur.
static inline size_t write_table(const size_t counts[256], Model *model, uint8_t *bytes) {
  int first = 0, last = 255;
  while (first < 256 && counts[first] == 0) first++;
  while (last > first && counts[last] == 0) last--;
  if (first >= last) return 0;
  size_t total = 0;
  for (int s = first; s <= last; s++) total += counts[s];
  normalise(counts, total, model->frequencies);
  bytes[0] = (uint8_t)first;
  bytes[1] = (uint8_t)last;
  uint32_t sum = 0;
  for (int s = 0; s < 256; s++) {
    model->starts[s] = sum;
    sum += model->frequencies[s];
    if (s >= first && s <= last) store16(bytes + 2 + 2 * (s - first), model->frequencies[s]);
  }
  return (size_t)(4 + 2 * (last - first));
}

// Encodes one symbol; words grow down from `word`, which two bytes may lie before in any case: no
// branch would guess when a word is due.
static inline uint8_t *push(const Model *model, int symbol, uint32_t *state, uint8_t *word) {
  uint32_t x = *state, frequency = model->frequencies[symbol];
  bool full = x >= frequency << (32 - SCALE);
  store16(word - 2, x);
  word -= full ? 2 : 0;
  x = full ? x >> 16 : x;
  *state = (x / frequency << SCALE) + x % frequency + model->starts[symbol];
  return word;
}

// Encodes codes by a model, lanes and words, to `to`; what is between that and `end` may be
// written. Returns the end of the words.
uint8_t *rans_encode_lanes(const Model *model, const int8_t *codes, size_t count, uint8_t *to,
                           uint8_t *end, CKInstructionSet isa);

// A slot's frequency (bits 31…20), slot − start (19…8) and code (7…0).
static inline size_t read_table(const uint8_t *bytes, size_t size, uint32_t *table) {
  if (size < 2 || bytes[0] >= bytes[1]) return 0;
  size_t symbols = (size_t)(bytes[1] - bytes[0]) + 1, used = 2 + 2 * symbols;
  if (size < used) return 0;
  uint32_t sum = 0;
  for (size_t s = 0; s < symbols; s++) {
    uint32_t frequency = load16(bytes + 2 + 2 * s);
    if (frequency >= SLOTS || frequency > SLOTS - sum) return 0;
    uint32_t code = (bytes[0] + (uint32_t)s) ^ 0x80;
    for (uint32_t bias = 0; bias < frequency; bias++)
      table[sum + bias] = frequency << 20 | bias << 8 | code;
    sum += frequency;
  }
  return sum == SLOTS ? used : 0;
}

#if defined(__x86_64__)
// What decoding one symbol makes of 16 states, given their entries of the table.
__attribute__((target("avx512f"))) static inline __m512i decode_step_avx512(__m512i x,
                                                                         __m512i entry) {
  const __m512i slots = _mm512_set1_epi32(SLOTS - 1);
  return _mm512_add_epi32(
      _mm512_mullo_epi32(_mm512_srli_epi32(entry, 20), _mm512_srli_epi32(x, SCALE)),
      _mm512_and_si512(_mm512_srli_epi32(entry, 8), slots));
}

// The states after those that are too low have taken a word each.
__attribute__((target("avx512f"))) static inline __m512i renormalised_avx512(__m512i next,
                                                                    const uint8_t **word) {
  __mmask16 needs_word = _mm512_cmplt_epu32_mask(next, _mm512_set1_epi32(1 << 16));
  __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)*word));
  __m512i renormalised =
      _mm512_or_si512(_mm512_slli_epi32(next, 16), _mm512_maskz_expand_epi32(needs_word, words));
  *word += 2 * __builtin_popcount(needs_word);
  return _mm512_mask_mov_epi32(next, needs_word, renormalised);
}

// For each set of 8 lanes that take a word, which word each lane takes.
static inline void word_places(uint8_t places[256][8]) {
  for (int set = 0; set < 256; set++)
    for (int lane = 0, taken = 0; lane < 8; lane++) {
      places[set][lane] = (uint8_t)taken;
      taken += set >> lane & 1;
    }
}

// As above, of 8 states.
__attribute__((target("avx2"))) static inline __m256i decode_step_avx2(__m256i x, __m256i entry) {
  const __m256i slots = _mm256_set1_epi32(SLOTS - 1);
  return _mm256_add_epi32(
      _mm256_mullo_epi32(_mm256_srli_epi32(entry, 20), _mm256_srli_epi32(x, SCALE)),
      _mm256_and_si256(_mm256_srli_epi32(entry, 8), slots));
}

__attribute__((target("avx2"))) static inline __m256i renormalised_avx2(
    __m256i next, const uint8_t places[256][8], const uint8_t **word) {
  __m256i high = _mm256_andnot_si256(_mm256_set1_epi32(0xffff), next);
  __m256i needs_word = _mm256_cmpeq_epi32(high, _mm256_setzero_si256());
  unsigned set = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(needs_word));
  __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)*word));
  __m256i place = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)places[set]));
  __m256i renormalised =
      _mm256_or_si256(_mm256_slli_epi32(next, 16), _mm256_permutevar8x32_epi32(words, place));
  *word += 2 * __builtin_popcount(set);
  return _mm256_blendv_epi8(next, renormalised, needs_word);
}
#elif defined(__aarch64__)
// The entries of 4 slots of the table. NEON gathers nothing: they are loaded one by one.
static inline uint32x4_t entries_neon(const uint32_t *table, uint32x4_t slots) {
  const uint64_t low = vgetq_lane_u64(vreinterpretq_u64_u32(slots), 0);
  const uint64_t high = vgetq_lane_u64(vreinterpretq_u64_u32(slots), 1);
  uint32x4_t entries = vdupq_n_u32(table[(uint32_t)low]);
  entries = vld1q_lane_u32(table + (low >> 32), entries, 1);
  entries = vld1q_lane_u32(table + (uint32_t)high, entries, 2);
  return vld1q_lane_u32(table + (high >> 32), entries, 3);
}

// What decoding one symbol makes of 4 states, given their entries of the table.
static inline uint32x4_t decode_step_neon(uint32x4_t x, uint32x4_t entry) {
  uint32x4_t bias = vandq_u32(vshrq_n_u32(entry, 8), vdupq_n_u32(SLOTS - 1));
  return vmlaq_u32(bias, vshrq_n_u32(entry, 20), vshrq_n_u32(x, SCALE));
}

// For each set of 4 lanes that take a word, the bytes of that word for each lane, and zeros above.
static inline void word_bytes(uint8_t bytes[16][16]) {
  for (int set = 0; set < 16; set++)
    for (int lane = 0, taken = 0; lane < 4; lane++) {
      bytes[set][4 * lane] = (uint8_t)(2 * taken);
      bytes[set][4 * lane + 1] = (uint8_t)(2 * taken + 1);
      bytes[set][4 * lane + 2] = bytes[set][4 * lane + 3] = 255;
      taken += set >> lane & 1;
    }
}

// The states after those that are too low have taken a word each.
static inline uint32x4_t renormalised_neon(uint32x4_t next, const uint8_t bytes[16][16],
                                  const uint8_t **word) {
  // The set of lanes, and from bit 8 on the bytes that they take.
  const uint32x4_t weights = {0x201, 0x202, 0x204, 0x208};
  uint32x4_t needs_word = vcltq_u32(next, vdupq_n_u32(LOWEST));
  uint32_t set = vaddvq_u32(vandq_u32(needs_word, weights));
  uint8x16_t words = vcombine_u8(vld1_u8(*word), vdup_n_u8(0));
  uint8x16_t taken = vqtbl1q_u8(words, vld1q_u8(bytes[set & 15]));
  *word += set >> 8;
  return vbslq_u32(needs_word, vsliq_n_u32(vreinterpretq_u32_u8(taken), next, 16), next);
}

// The lowest bytes of 16 entries.
static inline uint8x16_t symbols_neon(const uint32x4_t *entries) {
  uint16x8_t halves[4];
  for (int v = 0; v < 4; v++) halves[v] = vreinterpretq_u16_u32(entries[v]);
  uint16x8_t low = vuzp1q_u16(halves[0], halves[1]), high = vuzp1q_u16(halves[2], halves[3]);
  return vuzp1q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high));
}
#endif
