/**
 * fuzz_hf_dir.c - libFuzzer entry: the first byte chooses a file of a Hugging Face directory, the
 * others are what it holds. Whatever it is, the model opens, or one line says why not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

static const char *const names[] = {"config.json", "generation_config.json",
                                    "tokenizer_config.json", "model.safetensors.index.json"};

static void link_weights(const char *name) {
    char top[1024], target[2048];
    if (getcwd(top, sizeof top) == NULL) {
        abort();
    }
    snprintf(target, sizeof target, "%s/" FUZZ_MODEL "/model.safetensors", top);
    if (access(fuzz_path(name), F_OK) != 0 && symlink(target, fuzz_path(name)) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    struct gen_model_options options = gen_model_options_default();
    struct gen_model *model;
    struct gen_error err;
    if (size == 0) {
        return 0;
    }
    unsigned chosen = data[0] % 4;
    if (!ready) {
        fuzz_copy(FUZZ_MODEL, "vocab.json");
        fuzz_copy(FUZZ_MODEL, "merges.txt");
        ready = true;
    }
    fuzz_copy(FUZZ_MODEL, "config.json");
    fuzz_write("generation_config.json", NULL, 0);
    fuzz_write("tokenizer_config.json", NULL, 0);
    fuzz_write("model.safetensors.index.json", NULL, 0);
    /* With an index the one file is a shard, and the directory has no other weights. */
    fuzz_write(chosen == 3 ? "model.safetensors" : "shard.safetensors", NULL, 0);
    link_weights(chosen == 3 ? "shard.safetensors" : "model.safetensors");
    fuzz_write(names[chosen], data + 1, size - 1);
    options.n_threads = 1;
    if (gen_model_open(&model, fuzz_directory(), &options, &err) == GEN_OK) {
        gen_model_free(model);
    } else {
        fuzz_check_error(&err);
    }
    return 0;
}
