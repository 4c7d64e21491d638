/**
 * fuzz_state.c - libFuzzer entry: any bytes as the state of a training run, with a check sum that
 * is right. What opens has a sound configuration, and can be loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "fuzz.h"
#include "model/config.h"
#include "train/checkpoint.h"

/* Numbers of a model that is small enough to be loaded here. */
#define VALUES_MAX 65536

static void load(const struct saved_state *state) {
    struct params params = {0};
    struct adamw adamw = {0};
    struct gen_error err;
    if (params_init(&params, &state->checkpoint.config, &err) == GEN_OK) {
        adamw.m = params_new_array(&params);
        adamw.v = params_new_array(&params);
        if (adamw.m == NULL || adamw.v == NULL) {
            abort();
        }
        if (saved_state_load(state, "state", &params, &adamw, &err) != GEN_OK) {
            fuzz_check_error(&err);
        }
        params_free_array(&params, adamw.m);
        params_free_array(&params, adamw.v);
    }
    params_release(&params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct saved_state state = {0};
    struct gen_error err;
    if (size < 8) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    struct digest digest = {0};
    memcpy(copy, data, size);
    digest_add(&digest, copy, size - 8);
    bytes_put_u64(copy + size - 8, digest_value(&digest));
    const char *path = fuzz_write("model.gguf.state", copy, size);
    free(copy);
    if (saved_state_open(&state, path, &err) != GEN_OK) {
        fuzz_check_error(&err);
        return 0;
    }
    const struct gen_config *config = &state.checkpoint.config;
    if (!config_is_sound(config)) {
        abort();
    }
    double n_values =
        ((double)config->n_vocab + config->n_ctx) * config->n_embd +
        (double)config->n_layer * config->n_embd * (4.0 * config->n_embd + 2.0 * config->n_inner);
    if (n_values < VALUES_MAX) {
        load(&state);
    }
    saved_state_close(&state);
    return 0;
}
