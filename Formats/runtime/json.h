/* JSON as a tree, with the limits of `network.md`, section 4. */
#pragma once
#include "arena.h"

typedef enum {
  JSON_NULL,
  JSON_BOOL,
  JSON_WHOLE,
  JSON_DECIMAL,
  JSON_STRING,
  JSON_ARRAY,
  JSON_OBJECT
} json_kind;

typedef struct json {
  json_kind kind;
  int64_t whole;          /* also of a bool; INT64_MAX for numbers that are larger */
  double number;          /* of whole numbers too */
  const char *text, *key; /* UTF-8 with a zero behind it */
  size_t length, key_length, count;
  struct json *first, *next; /* elements, members; siblings */
} json;

typedef struct {
  const char *at, *end;
  int open;
} json_reader;

static inline void json_skip(json_reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
    ++r->at;
}

static inline void json_need(int holds) {
  if (!holds) cr_refuse("network: not JSON");
}

static inline unsigned json_hex(json_reader *r) {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i, ++r->at) {
    json_need(r->at < r->end);
    int c = *r->at;
    json_need((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
    value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
  }
  return value;
}

static inline const char *json_string(json_reader *r, size_t *length) {
  json_need(r->at < r->end && *r->at++ == '"');
  const char *close = r->at;
  while (close < r->end && *close != '"') close += *close == '\\' ? 2 : 1;
  json_need(close < r->end);
  char *out = reserve((uint64_t)(close - r->at) + 1, 1), *start = out;
  while (1) {
    json_need(r->at < r->end && (unsigned char)*r->at >= 0x20);
    char c = *r->at++;
    if (c == '"') break;
    if (c != '\\') {
      *out++ = c;
      continue;
    }
    json_need(r->at < r->end);
    c = *r->at++;
    const char *plain = "\"\\/bfnrt", *found = c ? strchr(plain, c) : NULL;
    if (found) {
      *out++ = "\"\\/\b\f\n\r\t"[found - plain];
      continue;
    }
    json_need(c == 'u');
    uint32_t code = json_hex(r);
    if (code >= 0xd800 && code < 0xdc00) {
      json_need(r->end - r->at > 6 && r->at[0] == '\\' && r->at[1] == 'u');
      r->at += 2;
      uint32_t low = json_hex(r);
      json_need(low >= 0xdc00 && low < 0xe000);
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    json_need(code < 0xd800 || code > 0xdfff);
    if (code < 0x80) {
      *out++ = (char)code;
    } else if (code < 0x800) {
      *out++ = (char)(0xc0 | code >> 6), *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
      *out++ = (char)(0xe0 | code >> 12), *out++ = (char)(0x80 | (code >> 6 & 63));
      *out++ = (char)(0x80 | (code & 63));
    } else {
      *out++ = (char)(0xf0 | code >> 18), *out++ = (char)(0x80 | (code >> 12 & 63));
      *out++ = (char)(0x80 | (code >> 6 & 63)), *out++ = (char)(0x80 | (code & 63));
    }
  }
  *length = (size_t)(out - start);
  return start;
}

static inline void json_number(json_reader *r, json *value) {
  const char *start = r->at;
  char digits[64];
  int whole = 1;
  if (*r->at == '-') ++r->at;
  json_need(r->at < r->end && *r->at >= '0' && *r->at <= '9');
  if (*r->at == '0')
    ++r->at;
  else
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') ++r->at;
  if (r->at < r->end && *r->at == '.') {
    const char *point = ++r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') ++r->at;
    json_need(r->at > point), whole = 0;
  }
  if (r->at < r->end && (*r->at | 32) == 'e') {
    ++r->at, whole = 0;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-')) ++r->at;
    const char *exponent = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') ++r->at;
    json_need(r->at > exponent);
  }
  size_t length = (size_t)(r->at - start);
  if (length >= sizeof digits) cr_refuse("network: a number of too many digits");
  memcpy(digits, start, length), digits[length] = 0;
  value->kind = whole ? JSON_WHOLE : JSON_DECIMAL;
  value->number = strtod(digits, NULL);
  value->whole = length > 18 ? INT64_MAX : strtoll(digits, NULL, 10);
}

static inline json *json_value(json_reader *r) {
  json *value = reserve(1, sizeof *value);
  json_skip(r), json_need(r->at < r->end);
  char c = *r->at;
  if (c == '"') {
    value->kind = JSON_STRING, value->text = json_string(r, &value->length);
  } else if (c == '-' || (c >= '0' && c <= '9')) {
    json_number(r, value);
  } else if (c == '[' || c == '{') {
    value->kind = c == '[' ? JSON_ARRAY : JSON_OBJECT;
    if (++r->open > 8) cr_refuse("network: more than 8 arrays and objects are open");
    ++r->at;
    json_skip(r), json_need(r->at < r->end);
    json **end = &value->first;
    char close = c == '[' ? ']' : '}';
    while (*r->at != close || value->count) {
      const char *key = NULL;
      size_t length = 0;
      if (c == '{' && value->count == 64) cr_refuse("network: an object has more than 64 keys");
      if (c == '{') {
        json_skip(r), key = json_string(r, &length);
        for (json *other = value->first; other; other = other->next)
          if (other->key_length == length && !memcmp(other->key, key, length))
            cr_refuse("network: a key is there twice in an object");
        json_skip(r), json_need(r->at < r->end && *r->at++ == ':');
      }
      *end = json_value(r);
      (*end)->key = key, (*end)->key_length = length, end = &(*end)->next, ++value->count;
      json_skip(r), json_need(r->at < r->end);
      if (*r->at == close) break;
      json_need(*r->at++ == ',');
    }
    ++r->at, --r->open;
  } else {
    static const char *const words[] = {"true", "false", "null"};
    int i = c == 't' ? 0 : c == 'f' ? 1 : 2;
    size_t length = strlen(words[i]);
    json_need((size_t)(r->end - r->at) >= length && !memcmp(r->at, words[i], length));
    r->at += length, value->kind = i == 2 ? JSON_NULL : JSON_BOOL, value->whole = i == 0;
  }
  return value;
}

/* A member of an object; NULL where there is none. */
static inline const json *json_member(const json *object, const char *key) {
  size_t length = strlen(key);
  for (const json *one = object->first; one; one = one->next)
    if (one->key_length == length && !memcmp(one->key, key, length)) return one;
  return NULL;
}

static inline int json_is(const json *value, const char *text) {
  return value->kind == JSON_STRING && value->length == strlen(text) &&
         !memcmp(value->text, text, value->length);
}
