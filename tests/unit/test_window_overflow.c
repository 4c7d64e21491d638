/**
 * test_window_overflow.c - a key or a value that a cache of type f16 cannot hold fails the text at
 * that place, also where rows see a window only: whatever the kernels, and however the text is cut
 * into passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

#define MODEL "tests/golden/models/neo-local"
enum { MAX_IDS = 64 };

static float *tensor_of(char *safetensors, const char *name, size_t *n) {
    uint64_t header;
    memcpy(&header, safetensors, sizeof header);
    const char *tensor = strstr(safetensors + sizeof header, name);
    assert_non_null(tensor);
    char *end;
    size_t from = strtoul(strchr(strstr(tensor, "data_offsets"), '[') + 1, &end, 10);
    size_t to = strtoul(end + 1, NULL, 10);
    *n = (to - from) / sizeof(float);
    return (float *)(void *)(safetensors + sizeof header + header + from);
}

/* The first number of all values is what the norm gives, so large that f16 holds it for most tokens
 * alone. */
static const char *overflowing_model(void) {
    const char *directory = fixture_directory_new();
    /* One layer: over two of them what is not finite would reach every row. */
    fixture_write_text(directory, "config.json",
                       "{\"model_type\":\"gpt_neo\",\"vocab_size\":53,\"hidden_size\":24,"
                       "\"num_layers\":1,\"attention_types\":[[[\"local\"],1]],\"num_heads\":3,"
                       "\"intermediate_size\":40,\"max_position_embeddings\":40,"
                       "\"window_size\":3,\"tie_word_embeddings\":false}");
    size_t size;
    char *text = tokenizer_files_read(MODEL "/model.safetensors", &size);
    size_t c, n;
    float *weight = tensor_of(text, "h.0.ln_1.weight\"", &c);
    const float one = 1.0f, zero = 0.0f, large = 40000.0f;
    memcpy(weight, &one, sizeof one);
    memcpy(tensor_of(text, "h.0.ln_1.bias\"", &n), &zero, sizeof zero);
    float *v = tensor_of(text, "h.0.attn.attention.v_proj.weight\"", &n);
    assert_int_equal(n, c * c);
    memset(v, 0, c * sizeof *v);
    memcpy(v, &large, sizeof large);
    struct gen_bytes content = {0};
    fixture_put(&content, text, size);
    fixture_write(directory, "model.safetensors", &content);
    gen_bytes_release(&content);
    free(text);
    return directory;
}

/* How many ids are read in passes of `step` before one fails. */
static size_t n_read(const struct gen_model *model, const char *kernels, const int32_t *ids,
                     size_t n, size_t step) {
    struct gen_session_options options = gen_session_options_default();
    options.n_threads = 1;
    options.kv_type = "f16";
    options.kernels = kernels;
    struct gen_session *session;
    struct gen_error err;
    if (gen_session_new(&session, model, &options, &err) != GEN_OK) {
        return SIZE_MAX; /* not on this machine */
    }
    struct gen_row rows[MAX_IDS];
    size_t done = 0;
    enum gen_status status = GEN_OK;
    while (done < n && status == GEN_OK) {
        size_t some = size_min(step, n - done);
        for (size_t i = 0; i < some; i++) {
            rows[i] = (struct gen_row){ids[done + i], 0, i + 1 == some};
        }
        status = gen_session_eval(session, rows, some, &err);
        done += status == GEN_OK ? some : 0;
    }
    assert_true(status == GEN_OK || status == GEN_BAD_FILE);
    gen_session_free(session);
    return done;
}

static void test_overflow(void **state) {
    (void)state;
    static const char *const sets[] = {"generic", "avx2", "avx512", "neon"};
    const char *directory = overflowing_model();
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, directory, NULL, &err), GEN_OK);
    const struct gen_config *config = gen_model_config(model);
    size_t n = size_min(MAX_IDS, (size_t)config->n_ctx);
    assert_true(config->window > 0 && n > (size_t)config->window + 16);
    size_t n_failed = 0, n_sets = 0;
    for (int32_t first = 0; first < 40; first++) {
        int32_t ids[MAX_IDS];
        for (size_t i = 0; i < n; i++) {
            ids[i] = (first * 7 + (int32_t)i * 13) % config->n_vocab;
        }
        size_t alone = n_read(model, "generic", ids, n, 1);
        n_failed += alone < n;
        for (size_t set = 0; set < N_OF(sets); set++) {
            size_t found = n_read(model, sets[set], ids, n, 1);
            if (found == SIZE_MAX) {
                continue;
            }
            n_sets++;
            assert_int_equal(found, alone);
            assert_int_equal(n_read(model, sets[set], ids, n, n), alone < n ? 0 : n);
            assert_int_equal(n_read(model, sets[set], ids, n, 7), alone < n ? alone / 7 * 7 : n);
            assert_int_equal(n_read(model, sets[set], ids, alone, MAX_IDS), alone);
        }
    }
    assert_true(n_failed > 0 && n_failed <= 40 && n_sets >= 40);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_overflow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
