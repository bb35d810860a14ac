#pragma once
// Included by CKernels.h, after the instruction sets.

/// CRC-32 as in IEEE 802.3, zlib and PNG (polynomial 0xEDB88320, reflected, inverted before and
/// after). `crc` is the checksum of what came before, 0 at the start.
uint32_t ck_crc32(uint32_t crc, const uint8_t *_Nonnull bytes, size_t count,
                  CKInstructionSet isa);

/// The bit pattern of the largest magnitude, sign removed. At least 0x7f800000 when a value is
/// infinite or not a number.
uint32_t ck_peak_bits(const float *_Nonnull x, size_t count, CKInstructionSet isa);

/// code = x·inverse rounded to the nearest integer, ties to even, held within ±127.
/// The product is rounded to float32 once; the same codes on every instruction set.
void ck_quantise_i8(const float *_Nonnull x, float inverse, int8_t *_Nonnull codes, size_t count,
                    CKInstructionSet isa);

/// code = x·inverse rounded to the nearest integer, ties to even, held within ±32767; else as
/// above. codes may begin at any address.
void ck_quantise_i16(const float *_Nonnull x, float inverse, void *_Nonnull codes, size_t count,
                     CKInstructionSet isa);

/// out[i] = codes[i] · step, rounded once. codes may begin at any address.
void ck_i16_to_f32(float *_Nonnull out, const void *_Nonnull codes, float step, size_t count,
                   CKInstructionSet isa);

/// Σ (x − code·step)² and Σ x², in double precision, summed in an order of 8 interleaved lanes that
/// does not depend on the instruction set.
void ck_grid_error(const float *_Nonnull x, const int8_t *_Nonnull codes, float step, size_t count,
                   double *_Nonnull error, double *_Nonnull power, CKInstructionSet isa);

/// Narrows to float16 (ties to even) and returns how many values do not come back as the same
/// float32; a NaN never does.
size_t ck_f32_to_f16_exact(const float *_Nonnull x, uint16_t *_Nonnull halves, size_t count,
                           CKInstructionSet isa);

/// Narrows to bfloat16 by cutting the low 16 bits and returns how many values lose any.
size_t ck_f32_to_bf16_exact(const float *_Nonnull x, uint16_t *_Nonnull halves, size_t count,
                            CKInstructionSet isa);

// Byte planes. Element i's most significant byte goes to planes[i], the next one to
// planes[count + i], and so on; `rotate` first turns each element left by one bit, which brings
// the sign to the bottom and makes the exponent of float32 and bfloat16 a byte of its own.

void ck_split_planes_16(const void *_Nonnull x, uint8_t *_Nonnull planes, size_t count,
                        bool rotate, CKInstructionSet isa);
void ck_merge_planes_16(const uint8_t *_Nonnull planes, void *_Nonnull x, size_t count,
                        bool rotate, CKInstructionSet isa);
void ck_split_planes_32(const void *_Nonnull x, uint8_t *_Nonnull planes, size_t count,
                        bool rotate, CKInstructionSet isa);
void ck_merge_planes_32(const uint8_t *_Nonnull planes, void *_Nonnull x, size_t count,
                        bool rotate, CKInstructionSet isa);
