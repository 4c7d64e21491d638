/**
 * fuzz_adapter.c - libFuzzer entry: any bytes as a LoRA adapter of the tiny model. What opens is
 * added to every matrix.
 */
#include <stdlib.h>

#include "arch/arch.h"
#include "fuzz.h"
#include "model/adapter.h"

static void add_all(const struct adapter *adapter, const struct gen_config *config) {
    for (size_t i = 0; i < arch_gpt2.n_tensors; i++) {
        for (int32_t layer = 0; arch_gpt2.tensors[i].per_layer && layer < config->n_layer;
             layer++) {
            struct adapter_pair pair;
            if (!adapter_find(&pair, adapter, &arch_gpt2.tensors[i], layer)) {
                continue;
            }
            float *rows = calloc(pair.n_in * pair.n_out, sizeof *rows);
            if (rows == NULL || !adapter_add(&pair, rows, 0, pair.n_out)) {
                abort(); /* the sizes are the model's, so small */
            }
            free(rows);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct gen_config config = {
        .n_vocab = 512, .n_ctx = 64, .n_embd = 64, .n_head = 4, .n_layer = 2, .n_inner = 256};
    struct adapter *adapter;
    struct gen_error err;
    if (adapter_open(&adapter, fuzz_write("adapter.gguf", data, size), &config, &err) == GEN_OK) {
        add_all(adapter, &config);
        adapter_free(adapter);
    } else {
        fuzz_check_error(&err);
    }
    return 0;
}
