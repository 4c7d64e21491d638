/**
 * pair.c - ids of a context and its continuation, cut where lm-evaluation-harness cuts them
 * (_encode_pair of its api/model.py).
 */
#include "base/error.h"
#include "eval/blanks.h"
#include "gen_eval.h"

/* Without a context: what a text of this model begins with. */
static enum gen_status add_start(const struct gen_model *model, struct gen_ids *ids,
                                 struct gen_error *err) {
    const struct gen_config *config = gen_model_config(model);
    int32_t start = config->bos_token_id >= 0 ? config->bos_token_id : config->eos_token_id;
    if (start < 0) {
        return error_set(err, GEN_UNSUPPORTED,
                         "the context is empty, but the model has no bos or eos token to stand in "
                         "its place (give one of at least one character)");
    }
    return gen_ids_append(ids, &start, 1) == GEN_OK ? GEN_OK : error_no_memory(err, "ids");
}

/* The ids of a continuation without a context; one that begins with the start has it there. */
static enum gen_status encode_alone(const struct gen_model *model, const char *text, size_t n,
                                    bool special, struct gen_ids *ids, struct gen_error *err) {
    size_t first = ids->n;
    enum gen_status status = add_start(model, ids, err);
    if (status == GEN_OK) {
        status = gen_tokenizer_encode(gen_model_tokenizer(model), text, n, special, ids, err);
    }
    if (status == GEN_OK && ids->n > first + 2 && ids->data[first] == ids->data[first + 1]) {
        for (size_t i = first; i + 1 < ids->n; i++) {
            ids->data[i] = ids->data[i + 1];
        }
        ids->n--;
    }
    return status;
}

static enum gen_status encode_both(const struct gen_tokenizer *tokenizer, const char *context,
                                   size_t n_context, const char *continuation,
                                   size_t n_continuation, bool special, struct gen_ids *ids,
                                   size_t *from, struct gen_error *err) {
    struct gen_bytes text = {0};
    size_t first = ids->n;
    size_t n_alone = blanks_without_end(context, n_context);
    enum gen_status status = gen_tokenizer_encode(tokenizer, context, n_alone, special, ids, err);
    *from = ids->n - first;
    ids->n = first;
    if (status == GEN_OK && (gen_bytes_append(&text, context, n_context) != GEN_OK ||
                             gen_bytes_append(&text, continuation, n_continuation) != GEN_OK)) {
        status = error_no_memory(err, "a text");
    }
    if (status == GEN_OK) {
        status = gen_tokenizer_encode(tokenizer, text.data, text.n, special, ids, err);
    }
    gen_bytes_release(&text);
    return status;
}

enum gen_status gen_encode_pair(const struct gen_model *model, const char *context,
                                size_t n_context, const char *continuation, size_t n_continuation,
                                bool special, struct gen_ids *ids, size_t *from,
                                struct gen_error *err) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    size_t first = ids->n;
    enum gen_status status;
    if (tokenizer == NULL) {
        return error_set(err, GEN_UNSUPPORTED, "the model has no tokenizer (give ids)");
    }
    if (n_context == 0) {
        *from = 1;
        status = encode_alone(model, continuation, n_continuation, special, ids, err);
    } else if (blanks_without_end(context, n_context) == 0) {
        /* All of it moves: a start, and then both. */
        status = add_start(model, ids, err);
        if (status == GEN_OK) {
            status = encode_both(tokenizer, context, n_context, continuation, n_continuation,
                                 special, ids, from, err);
            *from = 1;
        }
    } else {
        status = encode_both(tokenizer, context, n_context, continuation, n_continuation, special,
                             ids, from, err);
    }
    if (status == GEN_OK && ids->n - first <= *from) {
        status = error_set(err, GEN_BAD_ARGUMENT,
                           n_continuation == 0
                               ? "the continuation is empty, there is no token to be scored"
                               : "the continuation has no tokens of its own, the last one of the "
                                 "context takes it in");
    }
    if (status != GEN_OK) {
        ids->n = first;
    }
    return status;
}
