/* From 8-bit RGB to what the image tower takes: the section `preprocessing`, `clippack.md`,
   section 7. Resizing is Pillow's, bit for bit. */
#pragma once
#include <math.h>

#include "network.h"

enum { CR_NEAREST, CR_LANCZOS, CR_BILINEAR, CR_BICUBIC, CR_BOX, CR_HAMMING };

typedef struct {
  int is_there, resizes, is_exact, crops, rounds, filter;
  int64_t edge, height, width, crop_height, crop_width;
  double rescale;
  float mean[3], deviation[3];
} cr_rule;

static inline double cr_decimal(const json *value, double least, double most) {
  cr_need(value && (value->kind == JSON_WHOLE || value->kind == JSON_DECIMAL) &&
              value->number >= least && value->number <= most,
          "a number of the preprocessing is out of its range");
  return value->number;
}

static inline int cr_flag(const json *object, const char *key) {
  const json *value = json_member(object, key);
  cr_need(value && value->kind == JSON_BOOL, "a flag of the preprocessing is missing");
  return (int)value->whole;
}

static inline void cr_channels(const json *array, double least, double most, float *numbers) {
  cr_need(array && array->kind == JSON_ARRAY && array->count == 3, "three numbers are needed");
  for (const json *one = array->first; one; one = one->next)
    *numbers++ = (float)cr_decimal(one, least, most);
}

/* Reads the section, in which every value is explicit. */
static inline cr_rule cr_read_rule(const char *text, size_t size) {
  json_reader reader = {text, text + size, 0};
  const json *root = json_value(&reader);
  cr_rule rule = {.is_there = 1};
  cr_members(root,
             "do_resize resample do_center_crop crop_offset rescale_factor image_mean image_std",
             "image_processor_type do_convert_rgb size crop_size do_rescale do_normalize alpha");
  const json *edges = json_member(root, "size"), *crop = json_member(root, "crop_size");
  if ((rule.resizes = cr_flag(root, "do_resize"))) {
    rule.is_exact = edges && edges->kind == JSON_OBJECT && !json_member(edges, "shortest_edge");
    cr_members(edges, rule.is_exact ? "height width" : "shortest_edge", "");
    rule.edge = cr_attribute(edges, "shortest_edge", 1, 1 << 20, 0);
    rule.height = cr_attribute(edges, "height", 1, 1 << 20, 0),
    rule.width = cr_attribute(edges, "width", 1, 1 << 20, 0);
  }
  if ((rule.crops = cr_flag(root, "do_center_crop"))) {
    cr_members(crop, "height width", "");
    rule.crop_height = cr_attribute(crop, "height", 1, 16384, 0),
    rule.crop_width = cr_attribute(crop, "width", 1, 16384, 0);
  }
  const json *offset = json_member(root, "crop_offset");
  rule.rounds = json_is(offset, "round");
  cr_need(rule.rounds || json_is(offset, "floor"), "crop_offset is floor or round");
  rule.filter = (int)cr_whole(json_member(root, "resample"), CR_NEAREST, CR_HAMMING);
  rule.rescale = cr_decimal(json_member(root, "rescale_factor"), 1e-9, 1000);
  cr_channels(json_member(root, "image_mean"), -1000, 1000, rule.mean);
  cr_channels(json_member(root, "image_std"), 1e-6, 1000, rule.deviation);
  return rule;
}

static inline double cr_sinc(double x) {
  return x == 0 ? 1 : sin(x * 3.14159265358979323846) / (x * 3.14159265358979323846);
}

/* The expressions, down to the order of operations, are those that Pillow's weights come from. */
static inline double cr_filter(int filter, double d) {
  double x = fabs(d), angle = x * 3.14159265358979323846;
  switch (filter) {
  case CR_BOX: return d > -0.5 && d <= 0.5 ? 1 : 0;
  case CR_BILINEAR: return x < 1 ? 1 - x : 0;
  case CR_HAMMING:
    return x == 0   ? 1
           : x >= 1 ? 0
                    : sin(angle) / angle * ((double)0.54f + (double)0.46f * cos(angle));
  case CR_BICUBIC:
    if (x < 1) return ((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
  default: return d >= -3 && d < 3 ? cr_sinc(d) * cr_sinc(d / 3) : 0;
  }
}

/* One edge: for each wanted pixel of the result a source pixel, or a window of weights with 22
 * fraction bits. */
typedef struct {
  int is_picked;
  int64_t source, resized, first, count, stride, *starts, *counts;
  int32_t *weights;
} cr_edge;

static inline cr_edge cr_plan(int64_t source, int64_t resized, int64_t first, int64_t count,
                              int filter) {
  static const double supports[] = {0, 3, 1, 2, 0.5, 1};
  cr_edge e = {.source = source, .resized = resized, .first = first, .count = count};
  e.starts = reserve((uint64_t)count, sizeof *e.starts);
  double scale = (double)source / (double)resized, stretch = scale > 1 ? scale : 1;
  if ((e.is_picked = source == resized || filter == CR_NEAREST)) {
    /* Pillow steps through the source by repeated addition. */
    double position = scale * 0.5;
    for (int64_t i = 0; i < first + count; ++i, position += scale)
      if (i >= first)
        e.starts[i - first] = source == resized           ? i
                              : position < (double)source ? (int64_t)position
                                                          : -1;
    return e;
  }
  double support = supports[filter] * stretch, inverse = 1 / stretch;
  e.stride = (int64_t)ceil(support) * 2 + 1;
  if (e.stride > source) e.stride = source;
  e.counts = reserve((uint64_t)count, sizeof *e.counts);
  e.weights = reserve((uint64_t)(count * e.stride), sizeof *e.weights);
  double *window = reserve((uint64_t)e.stride, sizeof *window);
  for (int64_t i = 0; i < count; ++i) {
    double centre = ((double)(first + i) + 0.5) * scale, total = 0;
    double low = centre - support + 0.5, high = centre + support + 0.5;
    int64_t start = low > 0 ? (int64_t)low : 0,
            end = high < (double)source ? (int64_t)high : source;
    if (end < start) end = start;
    if (end - start > e.stride) end = start + e.stride;
    e.starts[i] = start, e.counts[i] = end - start;
    for (int64_t j = start; j < end; ++j)
      total += window[j - start] = cr_filter(filter, ((double)j - centre + 0.5) * inverse);
    for (int64_t j = 0; j < end - start; ++j) {
      double weight = total != 0 ? window[j] / total : window[j];
      e.weights[i * e.stride + j] = (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << 22));
    }
  }
  release(window);
  return e;
}

static inline uint8_t cr_level(uint32_t sum) {
  int32_t level = (int32_t)(sum + (1u << 21)) >> 22;
  return level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
}

/* A row along its length. */
static inline void cr_across(const cr_edge *e, const uint8_t *row, uint8_t *out) {
  for (int64_t i = 0; i < e->count; ++i)
    for (int c = 0; c < 3; ++c) {
      if (e->is_picked) {
        out[3 * i + c] = e->starts[i] < 0 ? 0 : row[3 * e->starts[i] + c];
        continue;
      }
      uint32_t sum = 0;
      for (int64_t j = 0; j < e->counts[i]; ++j)
        sum += row[3 * (e->starts[i] + j) + c] * (uint32_t)e->weights[i * e->stride + j];
      out[3 * i + c] = cr_level(sum);
    }
}

/* The wanted part of the resized picture, [rows, columns, 3]. */
static inline uint8_t *cr_resize(const uint8_t *levels, size_t stride, const cr_edge *columns,
                                 const cr_edge *rows) {
  int64_t width = columns->count, height = rows->count;
  uint8_t *out = reserve((uint64_t)(3 * width * height), 1);
  if (rows->is_picked) {
    for (int64_t i = 0; i < height && rows->starts[i] >= 0; ++i)
      cr_across(columns, levels + (size_t)rows->starts[i] * stride, out + 3 * width * i);
    return out;
  }
  int is_down_first = rows->resized < rows->source && columns->resized != columns->source &&
                      rows->source - rows->resized > 2 * (columns->source - columns->resized);
  int64_t length = 3 * (is_down_first ? columns->source : width), next = 0;
  uint8_t *row = reserve((uint64_t)length, 1);
  uint32_t *sums = reserve((uint64_t)(length * height), sizeof *sums);
  for (int64_t y = height ? rows->starts[0] : 0; next < height; ++y) {
    const uint8_t *source = levels + (size_t)y * stride;
    if (!is_down_first) cr_across(columns, source, row), source = row;
    for (int64_t i = next; i < height && rows->starts[i] <= y; ++i) {
      int64_t place = y - rows->starts[i];
      if (place >= rows->counts[i]) continue;
      uint32_t weight = (uint32_t)rows->weights[i * rows->stride + place];
      for (int64_t j = 0; j < length; ++j) sums[i * length + j] += source[j] * weight;
    }
    while (next < height && rows->starts[next] + rows->counts[next] <= y + 1) {
      uint8_t *to = is_down_first ? row : out + 3 * width * next;
      for (int64_t j = 0; j < length; ++j) to[j] = cr_level(sums[next * length + j]);
      if (is_down_first) cr_across(columns, row, out + 3 * width * next);
      ++next;
    }
  }
  release(row), release(sums);
  return out;
}

/* One edge of a centre crop: the part of the resized edge, and where it begins in the tensor. */
static inline void cr_crop(int64_t edge, int64_t crop, int rounds, int64_t *first, int64_t *count,
                           int64_t *at) {
  int64_t over = edge - crop;
  *first = over > 0 ? (rounds ? (int64_t)nearbyint((double)over / 2) : over / 2) : 0;
  *count = over > 0 ? crop : edge;
  *at = over < 0 ? (rounds ? -over / 2 : -over - -over / 2) : 0;
}

/* Fills [3, height, width], which must be what the rule gives. */
static inline void cr_prepare(const cr_rule *rule, const uint8_t *levels, int64_t width,
                              int64_t height, size_t stride, float *out, const int64_t shape[3]) {
  int64_t resized_height = height, resized_width = width, part[2][3];
  if (rule->resizes && rule->is_exact) resized_height = rule->height, resized_width = rule->width;
  if (rule->resizes && !rule->is_exact) {
    int64_t low = width < height ? width : height, high = width < height ? height : width;
    /* A quotient of doubles cut to an integer, as Python has it. */
    double quotient = (double)(rule->edge * high) / (double)low;
    if (quotient > INT32_MAX) cr_refuse("picture: an edge is too long when it is resized");
    resized_height = width <= height ? (int64_t)quotient : rule->edge;
    resized_width = width <= height ? rule->edge : (int64_t)quotient;
  }
  int64_t tensor_height = rule->crops ? rule->crop_height : resized_height;
  int64_t tensor_width = rule->crops ? rule->crop_width : resized_width;
  if (shape[0] != 3 || tensor_height != shape[1] || tensor_width != shape[2])
    cr_refuse("picture: the preprocessing gives %lld x %lld pixels, the tower takes %lld x %lld",
              (long long)tensor_height, (long long)tensor_width, (long long)shape[1],
              (long long)shape[2]);
  cr_crop(resized_height, tensor_height, rule->rounds, &part[0][0], &part[0][1], &part[0][2]);
  cr_crop(resized_width, tensor_width, rule->rounds, &part[1][0], &part[1][1], &part[1][2]);
  cr_edge rows = cr_plan(height, resized_height, part[0][0], part[0][1], rule->filter);
  cr_edge columns = cr_plan(width, resized_width, part[1][0], part[1][1], rule->filter);
  const uint8_t *picture = cr_resize(levels, stride, &columns, &rows);
  for (int c = 0; c < 3; ++c) {
    float table[256];
    for (int i = 0; i < 256; ++i)
      table[i] = ((float)(i * rule->rescale) - rule->mean[c]) / rule->deviation[c];
    float *plane = out + c * shape[1] * shape[2];
    for (int64_t i = 0; i < shape[1] * shape[2]; ++i) plane[i] = table[0];
    for (int64_t y = 0; y < rows.count; ++y)
      for (int64_t x = 0; x < columns.count; ++x)
        plane[(part[0][2] + y) * shape[2] + part[1][2] + x] =
            table[picture[3 * (y * columns.count + x) + c]];
  }
}
