/**
 * identity.c - the digest that names a model: its weights are cut into pieces of a megabyte,
 * threads digest them, and the number is the digest of theirs, in order.
 */
#include "model/identity.h"

#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/size.h"

#define PIECE ((size_t)1 << 20)

struct piece {
    const unsigned char *data;
    size_t n;
    uint64_t digest;
};

struct pieces {
    struct piece *data;
    size_t n, capacity;
    bool failed; /* out of memory */
};

static void add(struct pieces *pieces, const void *data, size_t n) {
    const unsigned char *at = data;
    size_t more = size_divide_up(n, PIECE);
    if (pieces->failed ||
        !memory_grow(&pieces->data, &pieces->capacity, pieces->n + more, sizeof *pieces->data)) {
        pieces->failed = true;
        return;
    }
    for (size_t done = 0; done < n; done += PIECE) {
        pieces->data[pieces->n++] =
            (struct piece){.data = at + done, .n = size_min(n - done, PIECE)};
    }
}

static void add_numbers(struct pieces *pieces, const float *numbers, size_t n) {
    if (numbers != NULL) {
        add(pieces, numbers, n * sizeof *numbers);
    }
}

static void add_norm(struct pieces *pieces, const struct norm *norm, size_t n_embd) {
    add_numbers(pieces, norm->weight, n_embd);
    add_numbers(pieces, norm->bias, n_embd);
}

static void add_linear(struct pieces *pieces, const struct linear *linear) {
    add(pieces, linear->matrix.data, matrix_bytes(&linear->matrix));
    add_numbers(pieces, linear->bias, linear->matrix.n_out);
}

static void add_table(struct pieces *pieces, const struct weight_table *table, size_t n) {
    const struct tensor_type_info *info = tensor_type_info(table->type);
    add(pieces, table->data, n / info->block_size * info->block_bytes);
}

/* The head has no part in keys and values, unless it is the token table, too. */
static void add_weights(struct pieces *pieces, const struct gen_model *model) {
    const struct weights *weights = &model->weights;
    size_t n_embd = (size_t)model->config.n_embd;
    if (weights->wte.data != NULL) {
        add_table(pieces, &weights->wte, (size_t)model->config.n_vocab * n_embd);
    } else {
        add(pieces, weights->lm_head.data, matrix_bytes(&weights->lm_head));
    }
    add_table(pieces, &weights->wpe, (size_t)model->config.n_ctx * n_embd);
    for (int32_t i = 0; i < weights->n_layer; i++) {
        const struct layer *h = &weights->h[i];
        add_norm(pieces, &h->ln_1, n_embd);
        add_linear(pieces, &h->attn_c_attn);
        add_linear(pieces, &h->attn_c_proj);
        add_norm(pieces, &h->ln_2, n_embd);
        add_linear(pieces, &h->mlp_c_fc);
        add_linear(pieces, &h->mlp_c_proj);
    }
}

static void digest_pieces(void *context, size_t begin, size_t end, int thread) {
    struct pieces *pieces = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        pieces->data[i].digest = digest_of(pieces->data[i].data, pieces->data[i].n);
    }
}

static void add_text(struct digest *digest, const char *text) {
    digest_add_text(digest, text, strlen(text));
}

static void add_config(struct digest *digest, const struct gen_config *config) {
    for (size_t i = 0; i < gen_config_n_members(config); i++) {
        const struct gen_config_member member = gen_config_member(config, i);
        uint64_t bits;
        memcpy(&bits, &member.number, sizeof bits);
        add_text(digest, member.name);
        add_text(digest, member.kind == GEN_MEMBER_TEXT ? member.text : "");
        digest_add_u64(digest, bits);
        digest_add_u64(digest, member.layers);
    }
}

/* What says how the bytes of the weights are to be read. */
static void add_types(struct digest *digest, const struct weights *weights) {
    digest_add_u64(digest, (uint64_t)weights->wte.type);
    digest_add_u64(digest, (uint64_t)weights->wpe.type);
    digest_add_u64(digest, (uint64_t)weights->lm_head.type);
    for (int32_t i = 0; i < weights->n_layer; i++) {
        const struct layer *h = &weights->h[i];
        const struct linear *linear[] = {&h->attn_c_attn, &h->attn_c_proj, &h->mlp_c_fc,
                                         &h->mlp_c_proj};
        for (size_t k = 0; k < N_OF(linear); k++) {
            add_text(digest, tensor_type_info(linear[k]->matrix.type)->name);
            digest_add_u64(digest, linear[k]->matrix.row_stride);
            digest_add_u64(digest, linear[k]->matrix.panel_stride);
        }
    }
}

bool model_identity(uint64_t *identity, const struct gen_model *model, struct thread_pool *pool) {
    struct pieces pieces = {0};
    struct digest digest = {0};
    add_weights(&pieces, model);
    if (!pieces.failed) {
        thread_pool_run(pool, pieces.n, 1, digest_pieces, &pieces);
        add_config(&digest, &model->config);
        add_types(&digest, &model->weights);
        for (size_t i = 0; i < pieces.n; i++) {
            digest_add_u64(&digest, pieces.data[i].digest);
        }
        *identity = digest_value(&digest);
    }
    memory_free(pieces.data);
    return !pieces.failed;
}
