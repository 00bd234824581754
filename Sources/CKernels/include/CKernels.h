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

/// Bit i is set where block[i] equals a, b, c or d, for the 64 bytes at block.
static inline uint64_t ck_match64_any4(const uint8_t *block, uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i va = _mm_set1_epi8((char)a), vb = _mm_set1_epi8((char)b);
    const __m128i vc = _mm_set1_epi8((char)c), vd = _mm_set1_epi8((char)d);
    for (int i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(block + 16 * i));
        __m128i ab = _mm_or_si128(_mm_cmpeq_epi8(bytes, va), _mm_cmpeq_epi8(bytes, vb));
        __m128i cd = _mm_or_si128(_mm_cmpeq_epi8(bytes, vc), _mm_cmpeq_epi8(bytes, vd));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(ab, cd)) << (16 * i);
    }
#else
    for (int i = 0; i < 64; i++) {
        uint8_t x = block[i];
        mask |= (uint64_t)(x == a || x == b || x == c || x == d) << i;
    }
#endif
    return mask;
}

static inline void ck_prefetch(const void *address) { __builtin_prefetch(address); }

/// Whether ck_crc_fold works on this machine.
int ck_crc_can_fold(void);

/// Replaces count bytes, a multiple of 64 and at least that, by 16 that have the same reflected CRC when it starts at 0.
/// crc is the CRC before them; factors are x^2111, x^2047, x^575, x^511, x^191 and x^127 modulo the polynomial, where
/// bit i stands for x^(63-i). Calls for ck_crc_can_fold to have said that it works.
void ck_crc_fold(const uint8_t *bytes, size_t count, uint64_t crc, const uint64_t factors[6], uint8_t rest[16]);

#endif
