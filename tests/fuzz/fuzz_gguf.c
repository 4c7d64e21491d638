/**
 * fuzz_gguf.c - libFuzzer entry: any bytes as a GGUF file. What opens must also run: a few tokens,
 * logits or the error that they are not finite.
 */
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "gen.h"

static void run(const struct gen_model *model) {
    struct gen_session_options options = gen_session_options_default();
    struct gen_session *session;
    options.n_threads = 1;
    if (gen_session_new(&session, model, &options, NULL) != GEN_OK) {
        return;
    }
    int32_t last = gen_model_config(model)->n_vocab - 1;
    const struct gen_row rows[] = {{0, 0, false}, {last, 0, true}};
    size_t n = gen_session_n_ctx(session) < 2 ? 1 : 2;
    gen_session_eval(session, rows, n, NULL);
    gen_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_model_options options = gen_model_options_default();
    struct gen_model *model;
    struct gen_error err;
    options.n_threads = 1;
    if (gen_model_open_memory(&model, "fuzz", data, size, &options, &err) == GEN_OK) {
        run(model);
        gen_model_free(model);
    }
    options.metadata_only = true;
    if (gen_model_open_memory(&model, "fuzz", data, size, &options, &err) == GEN_OK) {
        gen_model_free(model);
    }
    return 0;
}
