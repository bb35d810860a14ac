/* The seventeen operations: `network.md`, section 3, rounded as section 5 says. */
#pragma once
#include <math.h>

#include "read.h"

/* A value while it lives. */
typedef struct {
  int64_t rows;
  float *floats;
  int32_t *ids; /* also of masks */
} cr_value;

/* Eight sums, which compilers keep in vectors. */
static inline float cr_dot(const float *a, const float *b, int64_t count) {
  float sums[8] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  for (; i < count; ++i) rest += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) +
         rest;
}

static inline float cr_activate(cr_activation f, float v) {
  switch (f) {
  case QUICK_GELU: return v / (1 + expf(-1.702f * v));
  case GELU: return (float)(v * (1 + erf(v * 0.70710678118654752)) / 2);
  case GELU_TANH: return v * (1 + tanhf(0.79788456080286536f * (v + 0.044715f * v * v * v))) / 2;
  case RELU: return v > 0 || v != v ? v : 0;
  case SILU: return v / (1 + expf(-v));
  case SIGMOID: return 1 / (1 + expf(-v));
  case TANH: return tanhf(v);
  default: return v;
  }
}

static inline void cr_conv2d(const cr_step *s, const cr_shape *x, const cr_shape *y,
                             const float *in, float *out) {
  int64_t outputs = s->width / s->groups, inputs = x->width / s->groups;
  for (int64_t row = 0; row < y->grid[0]; ++row)
    for (int64_t column = 0; column < y->grid[1]; ++column)
      for (int64_t o = 0; o < s->width; ++o) {
        int64_t group = o / outputs;
        const float *kernel = s->weights[WEIGHT] + o * inputs * s->kernel[0] * s->kernel[1];
        double sum = s->weights[BIAS] ? (double)s->weights[BIAS][o] : 0;
        for (int64_t i = 0; i < s->kernel[0]; ++i)
          for (int64_t j = 0; j < s->kernel[1]; ++j) {
            int64_t h = row * s->stride[0] + i - s->padding[0],
                    w = column * s->stride[1] + j - s->padding[1];
            if (h < 0 || h >= x->grid[0] || w < 0 || w >= x->grid[1]) continue;
            const float *pixel = in + (h * x->grid[1] + w) * x->width + group * inputs;
            for (int64_t c = 0; c < inputs; ++c)
              sum += (double)pixel[c] * (double)kernel[(c * s->kernel[0] + i) * s->kernel[1] + j];
          }
        out[(row * y->grid[1] + column) * s->width + o] = (float)sum;
      }
}

static inline void cr_average_pool(const cr_step *s, const cr_shape *x, const cr_shape *y,
                                   const float *in, float *out) {
  for (int64_t row = 0; row < y->grid[0]; ++row)
    for (int64_t column = 0; column < y->grid[1]; ++column)
      for (int64_t c = 0; c < x->width; ++c) {
        double sum = 0;
        int64_t seen = 0;
        for (int64_t i = 0; i < s->kernel[0]; ++i)
          for (int64_t j = 0; j < s->kernel[1]; ++j) {
            int64_t h = row * s->stride[0] + i - s->padding[0],
                    w = column * s->stride[1] + j - s->padding[1];
            if (h < 0 || h >= x->grid[0] || w < 0 || w >= x->grid[1]) continue;
            sum += (double)in[(h * x->grid[1] + w) * x->width + c], ++seen;
          }
        out[(row * y->grid[1] + column) * x->width + c] = (float)(sum / (double)seen);
      }
}

static inline void cr_layer_norm(const cr_step *s, int64_t rows, int64_t width, const float *in,
                                 float *out) {
  for (int64_t t = 0; t < rows; ++t, in += width, out += width) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i) mean += (double)in[i];
    mean /= (double)width;
    for (int64_t i = 0; i < width; ++i) variance += ((double)in[i] - mean) * ((double)in[i] - mean);
    double factor = 1 / sqrt(variance / (double)width + (double)s->epsilon);
    for (int64_t i = 0; i < width; ++i)
      out[i] = (float)(((double)in[i] - mean) * factor * (double)s->weights[WEIGHT][i] +
                       (s->weights[BIAS] ? (double)s->weights[BIAS][i] : 0));
  }
}

static inline void cr_rotate(const cr_step *s, const cr_value *in, int64_t width, float *out) {
  int64_t d = width / s->heads, half = d / 2;
  memcpy(out, in[0].floats, (size_t)(in[0].rows * width) * sizeof *out);
  for (int64_t t = s->skip; t < in[0].rows; ++t) {
    const float *c = in[1].floats + (t - s->skip) * half, *n = in[2].floats + (t - s->skip) * half;
    for (int64_t h = 0; h < s->heads; ++h)
      for (int64_t p = 0; p < half; ++p) {
        int64_t start = t * width + h * d;
        float *e = out + start + (s->adjacent ? 2 * p : p),
              *o = out + start + (s->adjacent ? 2 * p + 1 : p + half);
        float even = *e, odd = *o;
        *e = even * c[p] - odd * n[p], *o = odd * c[p] + even * n[p];
      }
  }
}

static inline void cr_attention(const cr_step *s, const cr_value *in, int64_t width, float *out) {
  int64_t d = width / s->heads, keys = in[1].rows;
  float root = sqrtf((float)d);
  double *shares = reserve((uint64_t)keys, sizeof *shares);
  for (int64_t t = 0; t < in[0].rows; ++t)
    for (int64_t h = 0; h < s->heads; ++h) {
      int64_t last = s->causal ? t + 1 : keys, seen = 0;
      double largest = -INFINITY, sum = 0;
      for (int64_t j = 0; j < last; ++j) {
        if (s->count == 4 && !in[3].ids[j]) continue;
        shares[j] =
            (double)(cr_dot(in[0].floats + t * width + h * d, in[1].floats + j * width + h * d, d) /
                     root);
        if (shares[j] > largest || shares[j] != shares[j]) largest = shares[j];
        ++seen;
      }
      if (!seen) cr_refuse("text: a query sees no key");
      float *row = out + t * width + h * d;
      for (int64_t j = 0; j < last; ++j)
        if (s->count == 3 || in[3].ids[j]) sum += shares[j] = exp(shares[j] - largest);
      for (int64_t j = 0; j < last; ++j) {
        if (s->count == 4 && !in[3].ids[j]) continue;
        float share = (float)(shares[j] / sum);
        const float *v = in[2].floats + j * width + h * d;
        for (int64_t i = 0; i < d; ++i) row[i] += share * v[i];
      }
    }
  release(shares);
}

static inline void cr_mean(const cr_step *s, const cr_value *in, int64_t width, float *out) {
  double *sums = reserve((uint64_t)width, sizeof *sums);
  int64_t rows = 0;
  for (int64_t t = s->skip; t < in[0].rows; ++t) {
    if (s->count == 2 && !in[1].ids[t]) continue;
    ++rows;
    for (int64_t i = 0; i < width; ++i) sums[i] += (double)in[0].floats[t * width + i];
  }
  if (!rows) cr_refuse("text: no row is visible");
  for (int64_t i = 0; i < width; ++i) out[i] = (float)(sums[i] / (double)rows);
  release(sums);
}

static inline int64_t cr_picked(const cr_step *s, const cr_value *in) {
  if (s->token == ABSENT) return s->row == LAST ? in[0].rows - 1 : s->row;
  int64_t found = 0;
  for (int64_t t = 0; t < in[1].rows; ++t) {
    if (s->token == LARGEST ? in[1].ids[t] > in[1].ids[found] : in[1].ids[t] == s->token) {
      found = t;
      if (s->token != LARGEST) break;
    }
  }
  return found;
}

/* Positions of visible elements are counted from `start`; hidden ones have the row before. */
static inline void cr_position(const cr_step *s, const cr_value *in, int64_t width, float *out) {
  int64_t seen = 0;
  for (int64_t t = 0; t < in[0].rows; ++t) {
    int64_t row = s->row != ABSENT ? s->row : s->start + t;
    if (s->count == 2) seen += in[1].ids[t] != 0, row = s->start - 1 + (in[1].ids[t] ? seen : 0);
    for (int64_t i = 0; i < width; ++i)
      out[t * width + i] = in[0].floats[t * width + i] + s->weights[WEIGHT][row * width + i];
  }
}

/* Runs one step; `out` has zeros and room for its result. */
static inline void cr_run_step(const cr_tower *tower, const cr_step *s, const cr_value *in,
                               const cr_value *add, cr_value *out) {
  const cr_shape *x = s->count ? &tower->values[s->inputs[0]] : NULL,
                 *y = &tower->values[s->result];
  int64_t width = y->width, count = out->rows * width;
  const float *const *w = s->weights;
  float *to = out->floats, *from = s->count ? in[0].floats : NULL;
  switch (s->op) {
  case PARAMETER: memcpy(to, w[WEIGHT], (size_t)count * sizeof *to); break;
  case LOOKUP:
    for (int64_t i = 0; i < count; ++i)
      to[i] = s->scale * w[WEIGHT][in[0].ids[i / width] * width + i % width];
    break;
  case MASK:
    for (int64_t t = 0; t < out->rows; ++t)
      out->ids[t] =
          t < s->before || t >= s->before + in[0].rows || in[0].ids[t - s->before] != s->hidden;
    break;
  case POSITION: cr_position(s, in, width, to); break;
  case CONCAT:
    for (int i = 0; i < s->count; to += in[i].rows * width, ++i)
      memcpy(to, in[i].floats, (size_t)(in[i].rows * width) * sizeof *to);
    break;
  case CONV2D: cr_conv2d(s, x, y, from, to); break;
  case AVERAGE_POOL: cr_average_pool(s, x, y, from, to); break;
  case BATCH_NORM:
    for (int64_t i = 0; i < count; ++i) {
      int64_t c = i % width;
      double factor = (double)w[WEIGHT][c] / sqrt((double)w[VARIANCE][c] + (double)s->epsilon);
      to[i] = (float)(((double)from[i] - (double)w[MEANS][c]) * factor + (double)w[BIAS][c]);
    }
    break;
  case LAYER_NORM: cr_layer_norm(s, out->rows, width, from, to); break;
  case LINEAR:
    for (int64_t t = 0; t < out->rows; ++t)
      for (int64_t o = 0; o < width; ++o)
        to[t * width + o] = cr_dot(from + t * x->width, w[WEIGHT] + o * x->width, x->width) +
                            (w[BIAS] ? w[BIAS][o] : 0);
    break;
  case SCALE:
    for (int64_t i = 0; i < count; ++i) to[i] = from[i] * w[WEIGHT][i % width];
    break;
  case ADD:
    for (int k = 0; k < s->count; ++k)
      for (int64_t i = 0; i < count; ++i) to[i] += (float)s->signs[k] * in[k].floats[i];
    break;
  case MULTIPLY:
    for (int64_t i = 0; i < count; ++i)
      to[i] = from[i] * in[1].floats[in[1].rows == out->rows ? i : i % width];
    break;
  case ROTATE: cr_rotate(s, in, width, to); break;
  case ATTENTION: cr_attention(s, in, width, to); break;
  case MEAN: cr_mean(s, in, width, to); break;
  case PICK: memcpy(to, from + cr_picked(s, in) * width, (size_t)width * sizeof *to); break;
  default: break;
  }
  if (y->kind != ROWS) return;
  to = out->floats;
  for (int64_t i = 0; add && i < count; ++i) to[i] += add->floats[i];
  for (int64_t i = 0; s->activation && i < count; ++i) to[i] = cr_activate(s->activation, to[i]);
}
