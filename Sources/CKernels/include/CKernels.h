// Wrappers for instructions that Swift cannot reach well. Every function has a Swift twin as its oracle.
#ifndef MILLRACE_CKERNELS_H
#define MILLRACE_CKERNELS_H
#include <stdint.h>
#include <stddef.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Bit i is set where block[i] equals byte, for the 16 bytes at block.
static inline uint32_t ck_match16(const uint8_t *block, uint8_t byte) {
#if defined(__SSE2__)
    __m128i bytes = _mm_loadu_si128((const __m128i *)block);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)byte)));
#else
    uint32_t mask = 0;
    for (int i = 0; i < 16; i++) mask |= (uint32_t)(block[i] == byte) << i;
    return mask;
#endif
}

static inline void ck_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
