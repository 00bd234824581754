// Folds a message so that a reflected CRC of it can be finished on 16 bytes (Gopal et al., "Fast CRC Computation for
// Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009).
//
// In a reflected register bit i of 128 stands for x^(127-i), and a carry-less product of two reflected 64-bit halves
// stands for their product times x. A block A that is followed by d more bits counts A*x^d; modulo the polynomial that is
// A_first*(x^(64+d) mod P) + A_second*(x^d mod P), which fits into the block that comes d bits later. The factors arrive
// as x^(63+d) and x^(d-1), so that the extra x makes them right.
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("pclmul,sse2")))
static inline __m128i fold(__m128i block, __m128i factors, __m128i later) {
    return _mm_xor_si128(later, _mm_xor_si128(
        _mm_clmulepi64_si128(block, factors, 0x00), _mm_clmulepi64_si128(block, factors, 0x11)));
}

__attribute__((target("pclmul,sse2")))
void ck_crc_fold(const uint8_t *bytes, size_t count, uint64_t crc, const uint64_t factors[4], uint8_t rest[16]) {
    const __m128i *blocks = (const __m128i *)bytes;
    __m128i far = _mm_loadu_si128((const __m128i *)factors), near = _mm_loadu_si128((const __m128i *)(factors + 2));
    __m128i a = _mm_xor_si128(_mm_loadu_si128(blocks), _mm_set_epi64x(0, (long long)crc));
    __m128i b = _mm_loadu_si128(blocks + 1), c = _mm_loadu_si128(blocks + 2), d = _mm_loadu_si128(blocks + 3);
    for (size_t i = 4; i + 4 <= count / 16; i += 4) {
        a = fold(a, far, _mm_loadu_si128(blocks + i));
        b = fold(b, far, _mm_loadu_si128(blocks + i + 1));
        c = fold(c, far, _mm_loadu_si128(blocks + i + 2));
        d = fold(d, far, _mm_loadu_si128(blocks + i + 3));
    }
    _mm_storeu_si128((__m128i *)rest, fold(fold(fold(a, near, b), near, c), near, d));
}

int ck_crc_can_fold(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") != 0;
}
#else
void ck_crc_fold(const uint8_t *bytes, size_t count, uint64_t crc, const uint64_t factors[4], uint8_t rest[16]) {
    (void)bytes; (void)count; (void)crc; (void)factors; (void)rest;
}

int ck_crc_can_fold(void) { return 0; }
#endif
