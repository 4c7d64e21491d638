/**
 * fuzz_prompt_cache.c - libFuzzer entry: any bytes as a prompt cache, with what its head says of
 * gen and model, its size and its check sum made right (the first byte says which of them). It is
 * refused, made anew or used; one that is used holds ids of the vocabulary and numbers that the
 * engine goes on with.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/size.h"
#include "fuzz.h"
#include "gen_prompt_cache.h"
#include "generate/engine.h"
#include "model/kv_store.h"
#include "model/session.h"

enum { N_AT = 28, HEAD_SIZE = 32, N_CTX = 64 };

static struct gen_model *model;
static struct gen_engine *engine;
static uint8_t head[HEAD_SIZE]; /* of a file that gen has made */

static bool nothing(void *context, struct gen_prompt *prompt) {
    struct gen_prompt *given = context;
    bool is_there = given->ids != NULL;
    *prompt = *given;
    *given = (struct gen_prompt){0};
    return is_there;
}

/* Read ids[n], and a token more. */
static void run(const int32_t *ids, size_t n) {
    struct gen_prompt prompt = {.ids = ids, .n_ids = n};
    struct gen_generate_options options = gen_generate_options_default();
    const struct gen_source source = {&prompt, nothing, NULL};
    const struct gen_sink sink = {0};
    struct gen_error err;
    options.max_new_tokens = 2;
    options.seed = 1;
    if (gen_engine_run(engine, &options, &source, &sink, NULL, &err) != GEN_OK) {
        abort();
    }
}

static void prepare(void) {
    const int32_t ids[] = {1, 2, 3};
    struct gen_engine_options options = gen_engine_options_default();
    struct gen_prompt_cache *cache;
    struct gen_error err;
    options.batch = 1;
    options.n_threads = 1;
    if (gen_model_open(&model, FUZZ_MODEL, NULL, &err) != GEN_OK ||
        gen_engine_new(&engine, model, &options, &err) != GEN_OK ||
        gen_prompt_cache_open(&cache, fuzz_path("p"), &err) != GEN_OK ||
        gen_prompt_cache_load(cache, engine, &err) != GEN_OK) {
        abort();
    }
    run(ids, N_OF(ids));
    struct file_map map;
    if (gen_prompt_cache_save(cache, engine, &err) != GEN_OK ||
        file_map_open(&map, fuzz_path("p"), &err) != GEN_OK) {
        abort();
    }
    memcpy(head, map.data, HEAD_SIZE);
    file_map_close(&map);
    gen_prompt_cache_free(cache);
}

/* The size and the check sum that `copy` must have for its number of ids; NULL: it cannot. */
static uint8_t *mend(uint8_t *copy, size_t *size, bool mends_sum) {
    const struct kv_cache *cache = session_kv_cache(engine->session);
    uint32_t n = bytes_u32(copy + N_AT);
    if (n < 1 || n > N_CTX) {
        return copy;
    }
    size_t begin = HEAD_SIZE + 4 * (size_t)n;
    size_t must_be = begin + kv_store_bytes(cache, n) + 8;
    uint8_t *right = calloc(1, must_be);
    memcpy(right, copy, size_min(*size, must_be));
    free(copy);
    *size = must_be;
    struct digest digest = {0};
    digest_add(&digest, right, begin);
    for (size_t i = 0; i < kv_store_pieces(cache, n); i++) {
        const uint8_t *piece = right + begin + kv_store_offset(cache, n, i);
        digest_add_u64(&digest, digest_of(piece, kv_store_piece_bytes(cache, n, i)));
    }
    if (mends_sum) {
        bytes_put_u64(right + must_be - 8, digest_value(&digest));
    }
    return right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_prompt_cache *cache;
    struct gen_error err;
    if (engine == NULL) {
        prepare();
    }
    if (size < 1 + HEAD_SIZE) {
        return 0;
    }
    unsigned mended = *data++;
    uint8_t *copy = malloc(--size);
    memcpy(copy, data, size);
    if (mended & 1) {
        memcpy(copy, head, N_AT);
    }
    if (mended & 2) {
        copy = mend(copy, &size, (mended & 4) != 0);
    }
    fuzz_write("p", copy, size);
    free(copy);
    enum gen_status status = gen_prompt_cache_open(&cache, fuzz_path("p"), &err);
    if (status == GEN_OK) {
        status = gen_prompt_cache_load(cache, engine, &err);
    }
    if (status != GEN_OK) {
        fuzz_check_error(&err);
    } else if (gen_prompt_cache_report(cache, engine).found == GEN_PROMPT_CACHE_GOOD) {
        const struct gen_ids *held = &engine->scheduler.slots[engine->scheduler.n_slots].held;
        int32_t ids[N_CTX];
        for (size_t i = 0; i < held->n; i++) {
            if (held->data[i] < 0 || held->data[i] >= gen_model_config(model)->n_vocab) {
                abort();
            }
            ids[i] = held->data[i];
        }
        run(ids, held->n);
    }
    gen_prompt_cache_free(cache);
    return 0;
}
