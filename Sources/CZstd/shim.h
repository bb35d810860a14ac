#pragma once
// Literals-only frames and explicit block boundaries need ZSTD_compressSequences.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>
