/**
 * test_gguf_pre.c - tokenizer.ggml.pre: the names by which llama.cpp (src/llama-vocab.cpp) cuts a
 * text with GPT-2's pattern are read, and those by which it does not, or changes ids in another
 * way, are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/model_file.h"
#include "format_fixture.h"

/* Open a GGUF of this name. */
static enum gen_status open_named(const char *name, struct gen_error *err) {
    struct model_file *file = NULL;
    struct gen_bytes image = {0};
    fixture_gguf_start(&image, 0, 8);
    fixture_gguf_tokenizer(&image, FIXTURE_N_TOKENS);
    fixture_replace(&image, "ggml.pre", "ggml.PRE");
    fixture_key(&image, "tokenizer.ggml.pre", 8);
    fixture_string(&image, name);
    enum gen_status status = model_file_open_memory(&file, "image", image.data, image.n, err);
    model_file_free(file);
    gen_bytes_release(&image);
    return status;
}

static void test_names_of_gpt2(void **state) {
    (void)state;
    static const char *const names[] = {
        "gpt-2",   "gpt2",   "phi-2",    "jina-es",     "jina-de",
        "a.x-4.0", "mellum", "gigachat", "modern-bert", "exaone4",
        "mpt",     "olmo",   "jais",     "trillion",    "granite-docling"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct gen_error err = {0};
        if (open_named(names[i], &err) != GEN_OK) {
            fail_msg("%s: %s", names[i], err.message);
        }
    }
}

static void test_other_names(void **state) {
    (void)state;
    /* jina-v2-*: spaces before <mask> go; jina-v1-en, roberta-bpe: separators are added. */
    static const char *const names[] = {
        "default",     "jina-v2-es", "jina-v2-de", "jina-v2-code", "jina-v1-en",
        "roberta-bpe", "starcoder",  "exaone",     "jais-2",       "mellum2",
        "qwen2",       "llama-bpe",  "GPT-2",      "gpt-2 ",       ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct gen_error err = {0};
        if (open_named(names[i], &err) != GEN_UNSUPPORTED) {
            fail_msg("\"%s\" is read, or refused otherwise: %s", names[i], err.message);
        }
        assert_non_null(strstr(err.message, "tokenizer.ggml.pre is"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_gpt2),
        cmocka_unit_test(test_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
