/**
 * forward.h - the forward pass: a batch of rows through all layers.
 *
 *   x = wte[id] + wpe[position]
 *   each layer:  x += attn.c_proj(attention(attn.c_attn(ln_1(x))))
 *                x += mlp.c_proj(activation(mlp.c_fc(ln_2(x))))
 *   logits = lm_head(ln_f(x))
 */
#ifndef MODEL_FORWARD_H
#define MODEL_FORWARD_H

#include "gen.h"
#include "model/kv_cache.h"
#include "model/weights.h"
#include "tensor/ops.h"

/** Most rows that go through the layers together. */
#define FORWARD_MAX_ROWS 256

/** One token on its way. */
struct forward_row {
    int32_t id;
    int32_t slot;
    int32_t position;
};

/** Activations of at most FORWARD_MAX_ROWS rows; letters as in tensor/ops.h. Rows of n numbers lie
 *  op_row_stride(n) apart. */
struct activations {
    size_t max_rows;
    float *x;                   /**< [rows][C] residual stream */
    float *normal;              /**< [rows][C] output of a layer norm; then that of attention */
    float *qkv;                 /**< [rows][3 C] */
    float *inner;               /**< [rows][n_inner] */
    struct attention_job *jobs; /**< [rows][n_head] */
};

struct forward;

/**
 * Who looks on at a pass, for those who explain or calibrate a model. It is told what is there,
 * whatever the architecture, and changes nothing; a pass without one does nothing for it. All rows
 * of the pass must be needed, as of others the last layer computes less. Functions may be NULL.
 */
struct forward_watch {
    void *context;
    /** What the residual stream of the rows is, [n_rows][op_row_stride(C)]: after the embedding
     *  (`added` is NULL), then after each branch, whose product `added` was. */
    void (*stream)(void *context, const struct forward_row *rows, size_t n_rows, const float *x,
                   const struct linear *added);
    /** The attention of all heads of a layer, once it is computed: keys are in the cache. The map
     *  that a job is of has the number forward_job_map(). */
    void (*attention)(void *context, const struct forward *f, const struct attention_job *jobs,
                      size_t n_jobs);
    /** What a matrix of a layer is multiplied with, [n_rows][op_row_stride(w->n_in)], before it
     *  is. */
    void (*inputs)(void *context, const struct matrix *w, const float *x, size_t n_rows);
};

/** Everything a pass needs; nothing in it is owned. */
struct forward {
    const struct gen_config *config;
    const struct weights *weights;
    struct kv_cache *cache;
    struct activations *activations;
    const struct compute *compute;
    const struct forward_watch *watch; /**< NULL: nobody looks on */
};

bool activations_init(struct activations *activations, const struct gen_config *config,
                      size_t max_rows);
void activations_release(struct activations *activations, const struct gen_config *config);

/** Floats of scratch per thread that a pass needs. */
size_t forward_scratch(const struct weights *weights, const struct gen_config *config,
                       size_t n_ctx);

/** What the scores of a layer are multiplied with before softmax. */
float forward_attention_scale(const struct gen_config *config, size_t layer);

/** layer * n_head + head of an attention job. */
size_t forward_job_map(const struct forward *f, const struct attention_job *job);

/** How many positions a row of a layer sees, itself the last of them; 0: all before it. */
size_t forward_attention_window(const struct gen_config *config, size_t layer);

/** Bytes of quantized inputs that a pass needs, see compute_reserve_inputs(); 0 if none. */
size_t forward_inputs(const struct weights *weights);

/**
 * Take n_rows (1 ... max_rows) rows through the layers. Their keys and values are in the cache
 * then, and activations->x[n_needed] is the final x of the rows listed in `which`, ascending; of
 * the others the last layer computes no more than key and value. Rows of one slot must come in
 * order of position, right after what the cache holds. False: in a layer with a window a key or a
 * value is not finite, and nothing of the pass is good.
 */
bool forward_layers(const struct forward *forward, const struct forward_row *rows, size_t n_rows,
                    const size_t *which, size_t n_needed);

/** Show the watch's `inputs` what lm_head would be multiplied with for activations->x[n]. */
void forward_show_head(const struct forward *forward, size_t n);

/** logits[n][V] of activations->x[n]. */
void forward_logits(const struct forward *forward, float *logits, size_t n);

/** What is asked of logits that nobody keeps. */
struct forward_look {
    const struct op_element *elements; /**< n_elements of them: row n, id */
    size_t n_elements;
    float *values; /**< [n_elements] their logits, there before anything is looked at */
    op_look *look; /**< sees all logits, some columns at a time */
    void *context;
};

/** The same logits, looked at and forgotten; `memory` is op_pieces_floats() of n rows. */
void forward_look_at_logits(const struct forward *forward, float *memory, size_t n,
                            const struct forward_look *look);

#endif
