/* Says which of some labels fits a picture best. In the folder of the repository:

       swift build -c release --product clippack
       clang -ISources/CClipPack Sources/CClipPack/example.c -L.build/release -lclippack \
           -Wl,-rpath,$PWD/.build/release -o example
       ./example clip.clippack photo.jpg "a cat" "a dog" */
#include <clippack.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
  if (count < 4) return fprintf(stderr, "usage: example PACK PICTURE LABEL...\n"), 64;
  clippack_model *model;
  if (clippack_open(arguments[1], NULL, &model) != CLIPPACK_OK) goto failed;
  clippack_info info = {.size = sizeof info};
  if (clippack_get_info(model, &info) != CLIPPACK_OK) goto failed;

  const char *const *picture = (const char *const *)&arguments[2];
  const char *const *labels = (const char *const *)&arguments[3];
  float *embedding = malloc(info.width * sizeof *embedding);
  float *shares = malloc((size_t)(count - 3) * sizeof *shares);
  if (clippack_embed_files(model, picture, 1, embedding, NULL) != CLIPPACK_OK ||
      clippack_classify(model, embedding, 1, labels, (size_t)(count - 3), NULL, shares, NULL) !=
          CLIPPACK_OK)
    goto failed;
  for (int label = 0; label < count - 3; ++label)
    printf("%5.1f %%  %s\n", 100 * shares[label], labels[label]);
  free(shares), free(embedding), clippack_close(model);
  return 0;
failed:
  fprintf(stderr, "example: %s\n", clippack_last_error());
  return 1;
}
