/**
 * gen_bench.h - what a model costs and what this machine can do, to judge a measured speed by.
 *
 * The conventions of gen.h hold here, too. gen_clock() there tells the time.
 */
#ifndef GEN_BENCH_H
#define GEN_BENCH_H

#include "gen.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a model costs, for comparing a measured speed with what the machine can do. Operations
 * are counted as two for each fused multiply-add of a matrix product or of attention; what else
 * there is to do is little next to them. All are 0 for a model opened for its metadata only.
 */
struct gen_cost {
    uint64_t weight_bytes;         /**< matrices as they lie in memory: each eval reads them once */
    uint64_t row_operations;       /**< of one row in the matrices; in the last layer those of its
                                        key and value, which later rows see */
    uint64_t head_operations;      /**< besides, of one row that wants logits: the rest of the last
                                        layer, and lm_head */
    uint64_t row_int8_operations;  /**< of row_operations, those on int8 */
    uint64_t head_int8_operations; /**< the same of head_operations */
    bool full_int8;                /**< most of these on weights of all 8 bits, as q8_0's are */
    uint64_t row_seen_operations;  /**< of attention, for each position a row sees */
    uint64_t head_seen_operations; /**< besides, where the row wants logits */
    uint64_t seen_numbers;         /**< of the KV cache, for each position of a sequence */
    /* The same three of local layers, which see no more than `window` positions; they are not in
     * those above. */
    int32_t window; /**< 0: no layer is local */
    uint64_t row_local_operations, head_local_operations, local_numbers;
};
struct gen_cost gen_model_cost(const struct gen_model *model);

/** What a machine can run out of, and how it is counted per second. */
enum gen_limit {
    GEN_LIMIT_READ, /**< bytes read from memory: bounds the decoding of few sequences */
    GEN_LIMIT_F32,  /**< operations on f32 in registers: bounds prompts and large batches */
    GEN_LIMIT_INT8  /**< the same on int8, for quantized weights */
};

/** Threads and memory to measure this machine with. */
struct gen_meter;

struct gen_meter_options {
    int n_threads;       /**< as in gen_session_options; 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    size_t buffer_bytes; /**< read over and over; 0: so large that no cache holds much of it */
    double seconds;      /**< a measurement takes at least that long. Default 0.1 */
    bool full_int8;      /**< GEN_LIMIT_INT8 is that of weights of all 8 bits, with a sign, not of
                              fewer: without instructions for them (VNNI, dotprod) it is lower */
};
struct gen_meter_options gen_meter_options_default(void);

enum gen_status gen_meter_new(struct gen_meter **out, const struct gen_meter_options *options,
                              struct gen_error *err);
void gen_meter_free(struct gen_meter *meter);

/**
 * Measure one limit once, with all threads and the vectors of the kernel set. Machines drift: for
 * a fair share take the median of several, in turns with what is to be compared.
 */
enum gen_status gen_meter_measure(struct gen_meter *meter, enum gen_limit limit, double *per_second,
                                  struct gen_error *err);
/** Size of the buffer, after the default was resolved. */
size_t gen_meter_buffer_bytes(const struct gen_meter *meter);

#ifdef __cplusplus
}
#endif
#endif
