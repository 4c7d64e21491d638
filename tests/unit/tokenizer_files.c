/**
 * tokenizer_files.c - tokenizers and expected ids from the JSON files of tests/golden and
 * ../shared, read without gen's own reader. A file of ../shared that is not there skips its test.
 */
#include "tokenizer_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokenizer/vocab.h"

const char *tokenizer_files_shared(char path[4096], const char *name) {
    const char *shared = getenv("GEN_SHARED");
    snprintf(path, 4096, "%s/%s", shared != NULL ? shared : "../shared", name);
    if (access(path, R_OK) == 0) {
        return path;
    }
    printf("skipped: %s is not there\n", path);
    return NULL;
}

char *tokenizer_files_read(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s (run the tests from the repository's root)", path);
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    *n = fread(text, 1, (size_t)size, file);
    assert_int_equal(*n, size);
    text[*n] = '\0';
    fclose(file);
    return text;
}

void tokenizer_files_add_bytes(struct tokenizer_builder *builder) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char spelling[2];
        size_t n = vocab_spell_byte(spelling, (unsigned char)byte);
        assert_int_equal(tokenizer_builder_token(builder, byte, spelling, n, false, NULL), GEN_OK);
    }
}

static void add_tokens(struct tokenizer_builder *builder, const char *path) {
    size_t n = 0;
    char *text = tokenizer_files_read(path, &n);
    cJSON *vocab = cJSON_Parse(text);
    assert_non_null(vocab);
    struct gen_error err = {0};
    for (const cJSON *token = vocab->child; token != NULL; token = token->next) {
        bool special = strcmp(token->string, "<|endoftext|>") == 0;
        if (tokenizer_builder_token(builder, (uint64_t)token->valueint, token->string,
                                    strlen(token->string), special, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
    }
    cJSON_Delete(vocab);
    free(text);
}

static void add_merges(struct tokenizer_builder *builder, const char *path) {
    size_t n = 0;
    char *text = tokenizer_files_read(path, &n);
    struct gen_error err = {0};
    for (char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, "#version", 8) != 0 &&
            tokenizer_builder_merge_line(builder, line, length, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
        line += length + (line[length] == '\n');
    }
    free(text);
}

struct gen_tokenizer *tokenizer_files_open(const char *directory) {
    char path[4200];
    struct gen_error err = {0};
    struct tokenizer_builder *builder = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    assert_int_equal(tokenizer_builder_new(&builder, directory, &err), GEN_OK);
    snprintf(path, sizeof path, "%s/vocab.json", directory);
    add_tokens(builder, path);
    snprintf(path, sizeof path, "%s/merges.txt", directory);
    add_merges(builder, path);
    if (tokenizer_builder_finish(builder, &tokenizer, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    tokenizer_builder_free(builder);
    return tokenizer;
}

/*
 * cJSON's strings end at a NUL, so "\\u0000" is read as the private-use U+E5A7, which
 * text_of() turns back. The lines hold neither U+E5A7 nor a backslash before "\\u0000".
 */
static const char nul_stand_in[] = "\xEE\x96\xA7";

static void hide_nuls(char *line) {
    assert_null(strstr(line, nul_stand_in));
    assert_null(strstr(line, "\\ue5a7"));
    assert_null(strstr(line, "\\\\u0000"));
    while ((line = strstr(line, "\\u0000")) != NULL) {
        memcpy(line, "\\ue5a7", 6);
    }
}

static struct gen_bytes text_of(const cJSON *line) {
    const char *at = cJSON_GetObjectItemCaseSensitive(line, "text")->valuestring;
    struct gen_bytes text = {0};
    const char *nul = NULL;
    while ((nul = strstr(at, nul_stand_in)) != NULL) {
        assert_int_equal(gen_bytes_append(&text, at, (size_t)(nul - at)), GEN_OK);
        assert_int_equal(gen_bytes_append(&text, "", 1), GEN_OK);
        at = nul + sizeof nul_stand_in - 1;
    }
    assert_int_equal(gen_bytes_append(&text, at, strlen(at)), GEN_OK);
    return text;
}

size_t tokenizer_files_each(const char *path, void (*check)(const cJSON *line, void *context),
                            void *context) {
    size_t n = 0;
    size_t n_lines = 0;
    char *text = tokenizer_files_read(path, &n);
    hide_nuls(text);
    for (char *line = text; *line != '\0'; n_lines++) {
        const char *end = NULL;
        cJSON *parsed = cJSON_ParseWithOpts(line, &end, false);
        assert_non_null(parsed);
        check(parsed, context);
        cJSON_Delete(parsed);
        line += (size_t)(end - line);
        line += *line == '\n';
    }
    free(text);
    return n_lines;
}

static bool ids_equal(const struct gen_ids *ids, const cJSON *expected) {
    size_t i = 0;
    for (const cJSON *id = expected->child; id != NULL; id = id->next, i++) {
        if (i >= ids->n || ids->data[i] != id->valueint) {
            return false;
        }
    }
    return i == ids->n;
}

void tokenizer_files_check(const cJSON *line, void *tokenizer) {
    const char *id = cJSON_GetObjectItemCaseSensitive(line, "id")->valuestring;
    struct gen_bytes text = text_of(line);
    bool special = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "special"));
    struct gen_ids ids = {0};
    struct gen_bytes decoded = {0};
    struct gen_error err = {0};
    if (gen_tokenizer_encode(tokenizer, text.data, text.n, special, &ids, &err) != GEN_OK) {
        fail_msg("%s: %s", id, err.message);
    }
    if (!ids_equal(&ids, cJSON_GetObjectItemCaseSensitive(line, "ids"))) {
        fail_msg("%s: other ids than expected", id);
    }
    assert_int_equal(gen_tokenizer_decode(tokenizer, ids.data, ids.n, &decoded, &err), GEN_OK);
    if (decoded.n != text.n || (text.n > 0 && memcmp(decoded.data, text.data, text.n) != 0)) {
        fail_msg("%s: decoding does not give the text back", id);
    }
    gen_bytes_release(&decoded);
    gen_bytes_release(&text);
    gen_ids_release(&ids);
}
