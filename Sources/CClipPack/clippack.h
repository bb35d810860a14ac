/* clippack.h: run, verify and make packs of CLIP models from C. Link with -lclippack.

   Status.     Every function that can go wrong returns one of the values below, CLIPPACK_OK
               being 0. Unless it is CLIPPACK_OK, clippack_last_error() says why, in one line of
               UTF-8: what was found, what is allowed, and where. Nothing in a file makes the
               library end the process or read outside of it; one exception is the system's: a
               mapped file that another program cuts short raises SIGBUS. Replace packs by
               renaming.
   Items.      Functions that take many pictures have an array `status` with one status for each
               picture. A picture that cannot be read then fails alone: its row is NaN,
               clippack_item_error() has the reason, and the call returns CLIPPACK_OK. Where
               `status` is NULL, the first such picture fails the call, and rows are not to be
               used.
   Ownership.  What the caller passes stays the caller's and is not used after the call returns.
               Arrays to be filled are the caller's. A model is the caller's until
               clippack_close(), a report until clippack_free().
   Threads.    Any number of threads may call any function at once, also with one model. A call
               shares out its work among the threads of its model; where several threads call at
               once, one has those and the others work alone. Results do not depend on that.
               Close a model once, when no call with it is running. A calling thread needs 1 MiB
               of stack.
   Forks.      A model may be used on both sides of a fork(). A child makes threads of its own
               and reads the weights again when it first uses the model: of a mapped pack they
               are shared memory, of a compact pack they are decoded once more. Everything else
               that was started before the fork stays the parent's.
   Signals.    The library installs no handlers, and prints and exits nowhere.
   Layout.     Rows are contiguous: `float *embeddings` of n pictures is float[n][width]. Numbers
               are in the byte order of the machine. */
#ifndef CLIPPACK_H
#define CLIPPACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header. It grows with every change that breaks callers. */
#define CLIPPACK_ABI_VERSION 1

enum {
  CLIPPACK_OK = 0,
  /* A file, a picture or a text is not what it must be, or a model lacks what was asked for. */
  CLIPPACK_REFUSED = 1,
  /* A file could not be read or written. */
  CLIPPACK_UNREADABLE = 2,
  /* An argument is none that the function allows. */
  CLIPPACK_ARGUMENT = 3
};

/* An open pack. */
typedef struct clippack_model clippack_model;

/* CLIPPACK_ABI_VERSION of the library; other than the header's, nothing else may be called. */
int clippack_abi_version(void);

/* For example "0.1.0". */
const char *clippack_version(void);

/* Why the last call on this thread did not return CLIPPACK_OK; "" where it did. Valid until the
   next call on this thread. */
const char *clippack_last_error(void);

/* Why the item of that index has a status other than CLIPPACK_OK after the last call on this
   thread; "" where it has none. Valid until the next call on this thread. */
const char *clippack_item_error(size_t item);

/* Frees a report; NULL is allowed. */
void clippack_free(void *report);

/* ---- Models ---- */

typedef struct clippack_options {
  /* sizeof(clippack_options) */
  size_t size;
  /* How many threads work on a call, the calling one included, 1 to 1024; 0 for one on each
     processor that this process may use. */
  uint32_t threads;
  /* What products are computed in: "f32", "bf16", "int8"; NULL for the fastest that was accurate
     enough when the pack was made. */
  const char *compute;
} clippack_options;

/* Opens a pack. Weights are read, and their checksums verified, at first use. `options` may be
   NULL. `*model` is NULL where the status is not CLIPPACK_OK. */
int clippack_open(const char *path, const clippack_options *options, clippack_model **model);

/* NULL is allowed. */
void clippack_close(clippack_model *model);

typedef struct clippack_info {
  /* sizeof(clippack_info), to be set before the call */
  size_t size;
  /* Elements of an embedding. */
  size_t width;
  /* Of what the image tower takes; 0 without one. */
  size_t image_height, image_width;
  /* The most tokens of a text; 0 without a text tower. */
  size_t context_length;
  /* Ids are 0 to vocabulary_size - 1; 0 without a text tower. */
  size_t vocabulary_size;
  size_t threads;
  /* 1 where texts can be given as strings. */
  int32_t has_tokenizer;
  char compute[8];
  /* 64 hexadecimal digits: the same for packs of the same content, however stored. */
  char digest[65];
  /* 32 hexadecimal digits: embeddings are comparable where this is the same. */
  char space[33];
} clippack_info;

int clippack_get_info(const clippack_model *model, clippack_info *info);

/* ---- Texts ----
   `lengths` holds the bytes of each text; NULL where each ends in a zero byte. Texts are UTF-8. One
   that is longer than the model reads is cut off, its end token kept, and `cut`, unless NULL, has 1
   for it and 0 for the others. */

/* Fills float[count][width] with L2-normalised embeddings. */
int clippack_embed_texts(const clippack_model *model, const char *const *texts,
                         const size_t *lengths, size_t count, float *embeddings, int32_t *cut);

/* Fills int32_t[count][context_length], zeros after the last id, and with `id_counts` how many ids
   each text has. */
int clippack_tokenize(const clippack_model *model, const char *const *texts, const size_t *lengths,
                      size_t count, int32_t *ids, size_t *id_counts, int32_t *cut);

/* As clippack_embed_texts, from ids as clippack_tokenize gives them: rows of context_length ids, of
   which the first id_counts[i] are read. */
int clippack_embed_ids(const clippack_model *model, const int32_t *ids, const size_t *id_counts,
                       size_t count, float *embeddings);

/* ---- Pictures ---- */

/* 8-bit RGB, rows from the top. */
typedef struct clippack_rgb {
  const uint8_t *levels;
  size_t width, height;
  /* Bytes from a row to the next; 0 for 3 * width. */
  size_t stride;
} clippack_rgb;

/* Fills float[count][width] with L2-normalised embeddings of PNG, JPEG or WebP
   files. */
int clippack_embed_files(const clippack_model *model, const char *const *paths, size_t count,
                         float *embeddings, int32_t *status);

/* The same of files in memory: their bytes and how many. */
int clippack_embed_encoded(const clippack_model *model, const void *const *files,
                           const size_t *sizes, size_t count, float *embeddings, int32_t *status);

/* The same of decoded pictures. */
int clippack_embed_rgb(const clippack_model *model, const clippack_rgb *pictures, size_t count,
                       float *embeddings, int32_t *status);

/* The same of what the image tower takes: float[count][3][image_height][image_width]. */
int clippack_embed_pixels(const clippack_model *model, const float *pixels, size_t count,
                          float *embeddings);

/* Fills float[count][3][image_height][image_width] with what the image tower takes: resized,
   cropped and normalised as transformers does with Pillow, bit for bit. */
int clippack_preprocess_files(const clippack_model *model, const char *const *paths, size_t count,
                              float *pixels, int32_t *status);
int clippack_preprocess_encoded(const clippack_model *model, const void *const *files,
                                const size_t *sizes, size_t count, float *pixels, int32_t *status);
int clippack_preprocess_rgb(const clippack_model *model, const clippack_rgb *pictures, size_t count,
                            float *pixels, int32_t *status);

/* How well each label fits each picture. `images` are embeddings, float[count][width]. Each label
   stands in `sentence` in place of {}; NULL for the label alone. Fills float[count][label_count]
   with probabilities (of all labels by softmax; each by itself where the model was trained with
   sigmoids) and with cosines; either may be NULL. */
int clippack_classify(const clippack_model *model, const float *images, size_t count,
                      const char *const *labels, size_t label_count, const char *sentence,
                      float *probabilities, float *cosines);

/* ---- Packs ----
   `options` is a JSON object, or NULL for none; a key that is not listed is refused. */

/* Checks every byte of a pack and proves by the full forward pass that it answers like its
   original. Returns CLIPPACK_REFUSED where it does not. `*report`, unless `report` is NULL, becomes
   the JSON object that the command `verify --json` prints, or NULL where there is nothing to
   report.

   against: a checkpoint to run beside the pack · adapter, tokenizer: as it was converted with ·
   reference: a file of another implementation's outputs · min_cosine · compute · public_key: the
   PEM file of who must have signed · threads */
int clippack_verify(const char *path, const char *options, char **report);

/* What is going on, and how much of it is done, 0 to 1; below 0 where that is not known. Called on
   the thread that called clippack_convert. */
typedef void (*clippack_progress)(void *context, const char *step, double share);

/* Makes a pack of a checkpoint. `output` appears whole or not at all, and replaces what was there.
   `progress` may be NULL. `*report`, unless `report` is NULL, becomes the JSON object that the
   command `convert --json` prints, or NULL.

   to: lossless, f16, bf16, int8 · or bits, max_bytes or min_cosine · storage: compact, mapped ·
   towers: both, image, text · tokenizer: a folder · adapter · calibration: "built-in" (unless
   given), "none" or paths of pictures · evidence: false for none · evidence_images: paths ·
   evidence_texts: strings · allow_non_finite: true · threads */
int clippack_convert(const char *source, const char *output, const char *options,
                     clippack_progress progress, void *context, char **report);

#ifdef __cplusplus
}
#endif

#endif
