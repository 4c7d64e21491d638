/**
 * kernels.c - which kernel set this CPU gets: the list, fastest first, and what each needs (cpuid,
 * getauxval). Also how much scratch memory the kernels need; each set's functions are in the file
 * of its name.
 */
#include "tensor/kernels/kernels.h"

#include <string.h>

#include "base/memory.h"
#ifdef KERNELS_X86
#include <cpuid.h>
#endif
#if defined(KERNELS_NEON) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "base/error.h"
#include "base/size.h"
#include "tensor/kernels/training.h"

#ifdef KERNELS_X86
/* Half-precision conversion; older compilers' __builtin_cpu_supports does not know its name. */
static bool has_f16c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

static bool has_avx_vnni(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1U << 4) != 0;
}
#endif

#ifdef KERNELS_NEON
static bool has_dotprod(void) {
#if defined(__ARM_FEATURE_DOTPROD)
    return true; /* All of the program was compiled for it. */
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
    return false;
#endif
}
#endif

static bool is_supported(const struct kernels *set) {
#ifdef KERNELS_X86
    if (set == &kernels_avx512_vnni) {
        return is_supported(&kernels_avx512) && __builtin_cpu_supports("avx512vnni");
    }
    if (set == &kernels_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    }
    if (set == &kernels_avx2_vnni) {
        return is_supported(&kernels_avx2) && has_avx_vnni();
    }
    if (set == &kernels_avx2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    }
#endif
#ifdef KERNELS_NEON
    if (set == &kernels_neon_dotprod) {
        return has_dotprod();
    }
    if (set == &kernels_neon) {
        return true;
    }
#endif
    return set == &kernels_generic;
}

/* Fastest first. */
static const struct kernels *const sets[] = {
#ifdef KERNELS_X86
    &kernels_avx512_vnni,  &kernels_avx512, &kernels_avx2_vnni, &kernels_avx2,
#endif
#ifdef KERNELS_NEON
    &kernels_neon_dotprod, &kernels_neon,
#endif
    &kernels_generic,
};

const struct kernels *kernels_best(void) {
    for (size_t i = 0; i < N_OF(sets); i++) {
        if (is_supported(sets[i])) {
            return sets[i];
        }
    }
    return &kernels_generic;
}

const struct kernels *kernels_by_name(const char *name) {
    for (size_t i = 0; i < N_OF(sets); i++) {
        if (strcmp(sets[i]->name, name) == 0) {
            return is_supported(sets[i]) ? sets[i] : NULL;
        }
    }
    return NULL;
}

enum gen_status kernels_choose(const struct kernels **out, const char *name,
                               struct gen_error *err) {
    if (name == NULL) {
        *out = kernels_best();
        return GEN_OK;
    }
    *out = kernels_by_name(name);
    if (*out != NULL) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_ARGUMENT,
                     "kernels \"%s\" are unknown, or not for this machine (its best are %s)",
                     error_quote(&quoted, name, strlen(name)), kernels_best()->name);
}

size_t kernels_matmul_scratch(const struct matrix *w) {
    if (matrix_is_quantized(w)) {
        return w->n_in / QUANT_SMALL * KERNELS_WIDENED_FLOATS;
    }
    /* Either widened panels, or the unfinished sums of a few rows. */
    size_t panels = KERNELS_SCRATCH_PANELS * MATRIX_PANEL * w->n_in;
    size_t sums = KERNELS_SCRATCH_ROWS * size_round_up(w->n_out, MATRIX_PANEL);
    bool in_place = w->row_stride != MATRIX_PANEL;
    return in_place ? size_max(sums, panels) : panels;
}

size_t kernels_quantized_row_bytes(const struct matrix *w) {
    if (!matrix_is_quantized(w)) {
        return 0;
    }
    size_t bytes = w->n_in + w->n_in / QUANT_SMALL * sizeof(struct quantized_part);
    return size_round_up(bytes, MEMORY_ALIGNMENT);
}

size_t kernels_attention_scratch(size_t n_ctx) {
    return KERNELS_ATTENTION_ROWS * size_round_up(n_ctx, MATRIX_PANEL);
}

size_t training_attention_scratch(size_t n_positions, size_t head_size) {
    /* Keys and values in panels, one of them by rows too; weights and gradients of a block. */
    return training_attention_stride(n_positions) *
           (3 * size_round_up(head_size, MATRIX_PANEL) + 2 * TRAINING_ATTENTION_BLOCK);
}
