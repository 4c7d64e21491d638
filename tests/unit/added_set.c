/**
 * added_set.c - sets of added tokens from the JSON files of tests/golden, opened as a Hugging Face
 * directory has them.
 */
#include "added_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "format/tokenizer_files.h"
#include "format_fixture.h"
#include "tokenizer_files.h"

static void copy_file(const char *directory, const char *name) {
    char path[200];
    size_t n = 0;
    struct gen_bytes bytes = {0};
    snprintf(path, sizeof path, "%s/%s", TOKENIZER_FILES_SMALL, name);
    char *text = tokenizer_files_read(path, &n);
    fixture_put(&bytes, text, n);
    fixture_write(directory, name, &bytes);
    free(text);
    gen_bytes_release(&bytes);
}

struct gen_tokenizer *added_set_open(const cJSON *set) {
    const char *directory = fixture_directory_new();
    copy_file(directory, "vocab.json");
    copy_file(directory, "merges.txt");
    char *decoder = cJSON_Print(cJSON_GetObjectItem(set, "added_tokens_decoder"));
    struct gen_bytes config = {0};
    fixture_text(&config, "{\"added_tokens_decoder\": ");
    fixture_text(&config, decoder);
    fixture_text(&config, "}");
    fixture_write(directory, "tokenizer_config.json", &config);
    gen_bytes_release(&config);
    cJSON_free(decoder);

    struct gen_tokenizer *tokenizer = NULL;
    struct gen_error err = {0};
    if (tokenizer_files_read_directory(&tokenizer, directory, -1, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    fixture_directory_remove(directory);
    return tokenizer;
}
