/* Runs packs: pictures, pixels and token ids in, L2-normalised embeddings out. C11 and zstd, no
   other library; for applications where libclippack is too much. Written from `../clippack.md` and
   `../network.md`.

   A file is checked as a whole before anything of it is used, and the network as section 4 of
   `network.md` demands. What is refused is refused with a reason; nothing in a file ends the
   process. One thread uses a model at a time; threads with models of their own do not meet. For
   machines whose memory is little-endian. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct cr_model cr_model;

/* Opens a pack that lies in memory and that is not needed afterwards. Returns NULL where it is
   refused; `error`, of `error_size` bytes, then has the reason. */
cr_model *cr_open(const void *file, size_t size, char *error, size_t error_size);
void cr_close(cr_model *model);

/* Elements of an embedding. */
size_t cr_width(const cr_model *model);
/* Channels, height and width of what the image tower takes; zeros without one. */
void cr_pixels(const cr_model *model, size_t shape[3]);
/* The most ids of a text, start and end included; 0 without a text tower. */
size_t cr_text_length(const cr_model *model);

/* Fills float[width] from float[channels][height][width]. Returns 0, or -1 with a reason. */
int cr_embed_pixels(cr_model *model, const float *pixels, float *embedding, char *error,
                    size_t size);
/* Fills float[channels][height][width] of the tower from a picture: 8-bit RGB, rows from the top
   and `stride` bytes apart. Returns 0, or -1 with a reason. */
int cr_prepare_rgb(cr_model *model, const uint8_t *levels, size_t width, size_t height,
                   size_t stride, float *pixels, char *error, size_t size);
/* Fills float[width] from the ids of a text, without padding. Returns 0, or -1 with a reason. */
int cr_embed_ids(cr_model *model, const int32_t *ids, size_t count, float *embedding, char *error,
                 size_t size);
/* exp(scale) and bias of section 2.4. Returns 1 where probabilities are sigmoids, 0 for softmax, -1
   without scores. */
int cr_scores(const cr_model *model, float *factor, float *bias);
