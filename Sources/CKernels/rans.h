// What the entropy coders of this folder share: Formats/clippack.md, section 5.1.
#pragma once
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
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

// The frequencies of symbols, code + 128, and their first slots.
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

// Writes the lanes and moves the words behind them; returns the end.
static inline uint8_t *close_lanes(const uint32_t states[LANES], uint8_t *to, const uint8_t *word,
                                   const uint8_t *end) {
  for (int lane = 0; lane < LANES; lane++, to += 4) {
    store16(to, states[lane]);
    store16(to + 2, states[lane] >> 16);
  }
  __builtin_memmove(to, word, (size_t)(end - word));
  return to + (end - word);
}

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
