// The file, its index and its items: sections 4 to 8 of `clippack.md`. Part of `clippack.c` and of `runtime`.
#include "blocks.h"

typedef struct { int role, type; uint64_t size, count, columns, block; const uint8_t *digests; uint8_t *bytes; } Stream;
typedef struct {
  int kind, flags, tower, codec, type, rank, streams;
  uint64_t length, extents[8];
  const uint8_t *name;
  Stream stream[16];
} Item;

STATE Item *items;
STATE int item_count;
STATE uint64_t block_size;
static int is_utf8(const uint8_t *s, uint64_t n) {
  for (int more; n; s += more + 1, n -= (uint64_t)more + 1) {
    more = *s < 0x80 ? 0 : *s < 0xc2 ? 9 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : *s < 0xf5 ? 3 : 9;
    if (n <= (uint64_t)more) return 0;
    for (int i = 1; i <= more; i++) if (s[i] >> 6 != 2) return 0;
    if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
        (*s == 0xf4 && s[1] > 0x8f)) return 0;
  }
  return 1;
}
static int is_stream(const Stream *s, int role, int type, unsigned __int128 size) {
  return s->role == role && s->type == type && s->size == size;
}
static void read_item(Cursor *c, int manifest) {
  static const char *known[] = {
      "network", "configuration", "preprocessing", "tokenizer", "tokenizer_tables", "recipe",
      "provenance", "evidence"};
  Item item = {.kind = (int)take(c, 1), .streams = 1};
  int flags = item.flags = (int)take(c, 1), home = -1;
  unsigned __int128 count = 1, product = 1;
  item.length = take(c, 2), item.name = skip(c, item.length);
  REQUIRE((item.kind == 1 || item.kind == 2) && flags <= 1, 6, "kind or flags");
  REQUIRE(item.length >= 1 && item.length <= 1024 && is_utf8(item.name, item.length), 6, "a name");
  for (int i = 0; i < item_count; i++)
    REQUIRE(items[i].length != item.length || memcmp(items[i].name, item.name, item.length), 6, "a name twice");
  for (int i = 0; i < 8; i++)
    if (item.length == strlen(known[i]) && !memcmp(known[i], item.name, item.length)) home = i / 6;
  if (item.kind == 2) {
    item.tower = (int)take(c, 1), item.codec = (int)take(c, 1), item.type = (int)take(c, 1), item.rank = (int)take(c, 1);
    REQUIRE(item.tower <= 2 && item.type >= 1 && item.type <= TYPES && item.rank <= 8, 6, "tower, element_type or rank");
    for (int i = 0; i < item.rank; i++) {
      uint64_t extent = item.extents[i] = take(c, 8);
      count *= extent, product *= extent ? extent : 1;
      REQUIRE(product >> 63 == 0, 7, "a shape that overflows");
    }
    item.streams = (int)take(c, 1);
    REQUIRE(item.streams >= 1 && item.streams <= 16, 6, "stream_count");
  }
  Stream *s = item.stream;
  for (int i = 0; i < item.streams; i++) {
    s[i].role = (int)take(c, 1), s[i].type = (int)take(c, 1), s[i].size = take(c, 8);
    REQUIRE(s[i].type >= 1 && s[i].type <= TYPES, 6, "element_type of a stream");
    uint64_t columns = item.rank == 0 ? 1 : (uint64_t)(item.extents[0] ? count / item.extents[0] : 0);
    s[i].columns = item.kind == 2 && s[i].role == 1 && s[i].type == I8 && columns <= block_size / 32 ? columns : 0;
    s[i].block = s[i].columns ? block_size / (32 * columns) * 32 * columns : block_size;
    s[i].count = s[i].size / s[i].block + (s[i].size % s[i].block != 0);
    REQUIRE(s[i].count <= (uint64_t)(c->end - c->at) / 32, 6, "digests are cut short");
    s[i].digests = skip(c, 32 * s[i].count);
  }
  if (item.kind == 1) {
    REQUIRE(home < 0 ? !flags : home == manifest, 6, "a section unknown and required, or in another manifest");
    REQUIRE(is_stream(s, 0, U8, s->size), 6, "a section that is not bytes");
  } else {
    int wide = s->type == I16, type = s->type, narrow = item.type == F32 && (type == F16 || type == BF16);
    REQUIRE(!flags || manifest == 0, 6, "a tensor of the model outside content");
    if (item.codec == 0)
      REQUIRE(item.streams == 1 && (type == item.type || narrow) && count * (unsigned)BITS[type] % 8 == 0 &&
        is_stream(s, 0, type, count * (unsigned)BITS[type] / 8), 7, "what codec plain demands");
    if (item.codec == 1)
      REQUIRE(item.streams == 2 && item.type == F32 && is_stream(s, 1, wide ? I16 : I8, count << wide) &&
        is_stream(s + 1, 2, F32, 4 * (unsigned __int128)(item.rank ? item.extents[0] : 1)), 7, "what codec grid demands");
  }
  if (item_count % 256 == 0) {
    Item *more = reserve((uint64_t)item_count + 256, sizeof item);
    if (item_count) memcpy(more, items, (size_t)item_count * sizeof item);
    release(items), items = more;
  }
  items[item_count++] = item;
}
static void read_blocks(Cursor *c, Stream *s, const uint8_t *file, uint64_t *end, uint64_t limit) {
  uint8_t digest[32];
  s->bytes = reserve(s->size, 1);
  for (uint64_t i = 0; i < s->count; i++) {
    uint64_t left = s->size - i * s->block, size = left < s->block ? left : s->block;
    uint64_t encoding = take(c, 1), reserved = take(c, 3), crc = take(c, 4), offset = take(c, 8), stored = take(c, 8);
    REQUIRE(reserved == 0 && offset >= *end && offset <= limit && stored <= limit - offset, 8, "a block out of place");
    REQUIRE(encoding == RAW ? stored == size : encoding == PANELS ? s->columns && stored == panels_size(size, s->columns) :
      encoding > PANELS || (stored > 0 && stored < size), 8, "a block's size");
    REQUIRE(crc32(file + offset, stored) == crc, 9, "crc of a block");
    decode((int)encoding, (Cursor){file + offset, file + offset + stored, 9}, s->type, s->columns,
      s->bytes + i * s->block, size);
    sha256(s->bytes + i * s->block, size, digest);
    REQUIRE(!memcmp(digest, s->digests + 32 * i, 32), 10, "digest of a block");
    REQUIRE(offset - *end < 16384, 11, "much padding");
    for (; *end < offset; ++*end) REQUIRE(file[*end] == 0, 11, "padding that is not zero");
    *end = offset + stored;
  }
}

// Checks the preamble and the index but for its placements; gives the cursor at these.
static Cursor read_index(const uint8_t *file, uint64_t size) {
  static const uint8_t magic[] = {0x89, 'C', 'L', 'I', 'P', 13, 10, 26};
  uint8_t digest[32];
  REQUIRE(size >= 160, 1, "fewer than 160 bytes");
  Cursor c = {file + 8, file + 160, 1};
  uint64_t major = take(&c, 2), minor = take(&c, 2), features = take(&c, 4), file_size = take(&c, 8), sizes[3];
  uint64_t offset = take(&c, 8), index_size = take(&c, 8), crc = take(&c, 4), storage = take(&c, 4);
  (void)minor;
  for (int i = 0; i < 3; i++) sizes[i] = take(&c, 4);
  block_size = take(&c, 4);
  REQUIRE(!memcmp(file, magic, 8) && major == 1, 2, "not a pack of version 1");
  c.at = file + 156;
  REQUIRE(crc32(file, 156) == take(&c, 4) && features == 0, 2, "preamble_crc or required_features");
  for (int i = 128; i < 156; i++) REQUIRE(file[i] == 0, 2, "reserved bytes of the preamble");
  REQUIRE(file_size == size, 1, "another file_size");
  REQUIRE(offset >= 160 && offset <= size && index_size == size - offset, 3, "the index does not end the file");
  REQUIRE(sizes[0] + sizes[1] + sizes[2] <= index_size, 3, "manifests longer than the index");
  REQUIRE(storage <= 1, 4, "storage");
  REQUIRE(block_size >= 1 << 16 && block_size <= 1 << 24 && !(block_size & (block_size - 1)), 4, "block_size");
  REQUIRE(crc32(file + offset, index_size) == crc, 5, "index_crc");
  c = (Cursor){file + offset, file + offset, 6};
  for (int manifest = 0; manifest < 3; manifest++) {
    c.end = c.at + sizes[manifest];
    sha256(c.at, sizes[manifest], digest);
    REQUIRE(manifest == 2 || !memcmp(digest, file + 64 + 32 * manifest, 32), 5, "digest of a manifest");
    while (c.at < c.end) read_item(&c, manifest);
  }
  return (Cursor){c.at, file + size, 8};
}

// The decoded bytes of an item, in the tensor's own type, to be freed.
static uint8_t *elements(const Item *item, uint64_t *size) {
  const Stream *s = item->stream;
  int from = s->type, widens = item->kind == 2 && (item->codec == 1 || from != item->type);
  uint64_t width = (uint64_t)BITS[from] / 8, n = widens ? s->size / width : 0, rows = s[1].size / 4;
  *size = widens ? 4 * n : s->size;
  uint8_t *bytes = reserve(*size, 1);
  if (!widens) memcpy(bytes, s->bytes, s->size);
  for (uint64_t i = 0; i < n; i++) {
    uint16_t half = 0;
    float value, step = 1;
    memcpy(&half, s->bytes + i * width, width);
    uint32_t sign = (uint32_t)half >> 15 << 31, rest = half & 0x7fff, word = sign | ((rest << 13) + 0x38000000);
    if (item->codec == 1) {
      memcpy(&step, s[1].bytes + i / (n / rows) * 4, 4);
      value = (float)(width == 1 ? (int8_t)half : (int16_t)half) * step;
    } else if (from == F16 && rest < 0x400) {
      value = (float)rest * 0x1p-24f * (sign ? -1 : 1);
    } else {
      if (from == BF16) word = (uint32_t)half << 16;
      else if (rest >= 0x7c00) word += 0x38000000;
      memcpy(&value, &word, 4);
    }
    memcpy(bytes + 4 * i, &value, 4);
  }
  return bytes;
}

// Reads and checks all of a file.
static void read_pack(const uint8_t *file, uint64_t size) {
  uint64_t end = 160;
  Cursor c = read_index(file, size);
  const uint8_t *index = file + (size - (uint64_t)take(&(Cursor){file + 32, file + 40, 1}, 8));
  for (int i = 0; i < item_count; i++)
    for (int j = 0; j < items[i].streams; j++) read_blocks(&c, &items[i].stream[j], file, &end, (uint64_t)(index - file));
  REQUIRE(c.at == c.end, 8, "bytes behind the placements");
  REQUIRE(index - file - (int64_t)end < 16384, 11, "much padding");
  for (; file + end < index; end++) REQUIRE(file[end] == 0, 11, "padding that is not zero");
}
