/**
 * simulated_vnni.c - the kernel set "avx2vnni" on a machine without AVX-VNNI: quant_avx2_vnni.c
 * compiled again, with the one instruction made of AVX2's.
 */
#include "simulated_vnni.h"

#include <string.h>

#ifdef KERNELS_X86

#include <immintrin.h>

/* What the instruction does: to each sum four products of an unsigned and a signed byte. Even bytes
 * and odd ones, widened to 16 bits, are multiplied and added in pairs. */
static __m256i simulated_dpbusd(__m256i sum, __m256i q, __m256i x) {
    __m256i q_even = _mm256_and_si256(q, _mm256_set1_epi16(0xff));
    __m256i x_even = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
    __m256i even = _mm256_madd_epi16(q_even, x_even);
    __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(q, 8), _mm256_srai_epi16(x, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
}

#define VI_DPBUSD                  simulated_dpbusd
#define matmul_quantized_avx2_vnni matmul_quantized_simulated
#define quantize_row_avx2_vnni     quantize_row_simulated
#define int8_loop_avx2_vnni        int8_loop_simulated
#include "tensor/kernels/sets/quant_avx2_vnni.c"

const struct kernels *kernels_or_simulated(const char *name) {
    static struct kernels simulated;
    const struct kernels *set = kernels_by_name(name);
    const struct kernels *avx2 = kernels_by_name("avx2");
    if (set != NULL || avx2 == NULL || strcmp(name, "avx2vnni") != 0) {
        return set;
    }
    simulated = *avx2;
    simulated.name = "avx2vnni (simulated)";
    simulated.matmul_quantized = matmul_quantized_simulated;
    simulated.quantize_row = quantize_row_simulated;
    simulated.int8_loop = int8_loop_simulated;
    return &simulated;
}

#else

const struct kernels *kernels_or_simulated(const char *name) {
    return kernels_by_name(name);
}

#endif
