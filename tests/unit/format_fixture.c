/**
 * format_fixture.c - GGUF, safetensors and JSON put together byte by byte, files and directories in
 * the temporary directory, and the check that opening one fails with a fit sentence. The tests
 * break them.
 */
#include "format_fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/model_file.h"

/* ---- bytes ---------------------------------------------------------------------------------- */

void fixture_put(struct gen_bytes *out, const void *bytes, size_t n) {
    assert_int_equal(gen_bytes_append(out, bytes, n), GEN_OK);
}

void fixture_text(struct gen_bytes *out, const char *text) {
    fixture_put(out, text, strlen(text));
}

void fixture_u32(struct gen_bytes *out, uint32_t value) {
    unsigned char bytes[4];
    bytes_put_u32(bytes, value);
    fixture_put(out, bytes, sizeof bytes);
}

void fixture_u64(struct gen_bytes *out, uint64_t value) {
    unsigned char bytes[8];
    bytes_put_u64(bytes, value);
    fixture_put(out, bytes, sizeof bytes);
}

void fixture_string(struct gen_bytes *out, const char *text) {
    fixture_u64(out, strlen(text));
    fixture_text(out, text);
}

size_t fixture_find(const struct gen_bytes *image, const void *part, size_t n) {
    for (size_t i = 0; i + n <= image->n; i++) {
        if (memcmp(image->data + i, part, n) == 0) {
            return i;
        }
    }
    fail_msg("the fixture has no \"%.*s\"", (int)n, (const char *)part);
    return 0;
}

void fixture_replace(struct gen_bytes *image, const char *old, const char *now) {
    struct gen_bytes changed = {0};
    size_t at = fixture_find(image, old, strlen(old));
    fixture_put(&changed, image->data, at);
    fixture_text(&changed, now);
    fixture_put(&changed, image->data + at + strlen(old), image->n - at - strlen(old));
    gen_bytes_release(image);
    *image = changed;
}

/* ---- tokenizer ------------------------------------------------------------------------------ */

/** A byte's character in GPT-2's printable alphabet, as UTF-8 with a NUL. */
static void spell_byte(char out[3], int byte) {
    int codepoint = byte, n_moved = 0;
    for (int b = 0; b <= byte; b++) {
        bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        if (b == byte && !printable) {
            codepoint = 256 + n_moved;
        }
        n_moved += !printable;
    }
    if (codepoint < 0x80) {
        out[0] = (char)codepoint;
        out[1] = '\0';
    } else {
        out[0] = (char)(0xC0 | (codepoint >> 6));
        out[1] = (char)(0x80 | (codepoint & 0x3F));
        out[2] = '\0';
    }
}

/** Spelling of any token. */
static void spell(char out[16], int id) {
    static const char *const others[] = {"he", "hel", "<|endoftext|>"};
    if (id < 256) {
        spell_byte(out, id);
    } else {
        snprintf(out, 16, "%s", others[id - 256]);
    }
}

void fixture_vocab(struct gen_bytes *out) {
    for (int id = 0; id < FIXTURE_N_TOKENS; id++) {
        char spelling[16], line[40];
        spell(spelling, id);
        bool escaped = strcmp(spelling, "\"") == 0 || strcmp(spelling, "\\") == 0;
        snprintf(line, sizeof line, "%s\"%s%s\": %d", id > 0 ? ", " : "{", escaped ? "\\" : "",
                 spelling, id);
        fixture_text(out, line);
    }
    fixture_text(out, "}");
}

void fixture_merges(struct gen_bytes *out) {
    fixture_text(out, "#version: 0.2\nh e\nhe l\n");
}

void fixture_tokenizer_json(struct gen_bytes *out) {
    fixture_text(out, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, "
                      "\"added_tokens\": [{\"id\": 258, \"content\": \"<|endoftext|>\", "
                      "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                      "\"normalized\": true, \"special\": true}], \"normalizer\": null, "
                      "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                      "\"trim_offsets\": true, \"use_regex\": true}, "
                      "\"post_processor\": {\"type\": \"ByteLevel\", \"trim_offsets\": false}, "
                      "\"decoder\": {\"type\": \"ByteLevel\"}, "
                      "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
                      "\"continuing_subword_prefix\": \"\", \"end_of_word_suffix\": \"\", "
                      "\"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": false, "
                      "\"vocab\": ");
    fixture_vocab(out);
    fixture_text(out, ", \"merges\": [\"h e\", [\"he\", \"l\"]]}}");
}

/* ---- GGUF ----------------------------------------------------------------------------------- */

void fixture_key(struct gen_bytes *out, const char *name, uint32_t type) {
    fixture_string(out, name);
    fixture_u32(out, type);
}

void fixture_array_key(struct gen_bytes *out, const char *name, uint32_t type, uint64_t n) {
    fixture_key(out, name, 9);
    fixture_u32(out, type);
    fixture_u64(out, n);
}

void fixture_gguf_tokenizer(struct gen_bytes *out, int n_types) {
    fixture_key(out, "tokenizer.ggml.model", 8);
    fixture_string(out, "gpt2");
    fixture_key(out, "tokenizer.ggml.pre", 8);
    fixture_string(out, "gpt-2");
    fixture_array_key(out, "tokenizer.ggml.tokens", 8, FIXTURE_N_TOKENS);
    for (int id = 0; id < FIXTURE_N_TOKENS; id++) {
        char spelling[16];
        spell(spelling, id);
        fixture_string(out, spelling);
    }
    fixture_array_key(out, "tokenizer.ggml.token_type", 5, (uint64_t)n_types);
    for (int id = 0; id < n_types; id++) {
        fixture_u32(out, id == FIXTURE_EOS ? 3 : 1);
    }
    fixture_array_key(out, "tokenizer.ggml.merges", 8, 2);
    fixture_string(out, "h e");
    fixture_string(out, "he l");
    fixture_key(out, "tokenizer.ggml.bos_token_id", 4);
    fixture_u32(out, FIXTURE_EOS);
    fixture_key(out, "tokenizer.ggml.eos_token_id", 4);
    fixture_u32(out, FIXTURE_EOS);
}

void fixture_gguf_start(struct gen_bytes *out, uint64_t n_tensors, uint64_t n_settings) {
    fixture_text(out, "GGUF");
    fixture_u32(out, 3);
    fixture_u64(out, n_tensors);
    fixture_u64(out, n_settings);
}

void fixture_gguf(struct gen_bytes *out) {
    fixture_gguf_start(out, 2, 13);
    fixture_key(out, "general.architecture", 8);
    fixture_string(out, "gpt2");
    fixture_key(out, "general.alignment", 4);
    fixture_u32(out, 32);
    fixture_key(out, "gpt2.block_count", 4);
    fixture_u32(out, 2);
    fixture_key(out, "test.flag", 7);
    fixture_put(out, "\1", 1);
    fixture_key(out, "test.half", 6);
    fixture_u32(out, 0x3F000000);
    fixture_array_key(out, "test.list", 2, 3);
    fixture_put(out, "\1\0\2\0\3\0", 6);
    fixture_gguf_tokenizer(out, FIXTURE_N_TOKENS);
    fixture_string(out, "a.weight");
    fixture_u32(out, 2);
    fixture_u64(out, 8);
    fixture_u64(out, 4);
    fixture_u32(out, 0);
    fixture_u64(out, 0);
    fixture_string(out, "b.weight");
    fixture_u32(out, 1);
    fixture_u64(out, 16);
    fixture_u32(out, 1);
    fixture_u64(out, 128);
    while (out->n % 32 != 0) {
        fixture_put(out, "\0", 1);
    }
    for (int i = 0; i < 160; i++) {
        fixture_put(out, "\0", 1);
    }
}

/* ---- Hugging Face directory ------------------------------------------------------------------ */

void fixture_safetensors_header(struct gen_bytes *out) {
    fixture_text(out,
                 "{\"__metadata__\": {\"format\": \"pt\"}, "
                 "\"a\": {\"dtype\": \"F32\", \"shape\": [4, 8], \"data_offsets\": [0, 128]}, "
                 "\"b\": {\"dtype\": \"F16\", \"shape\": [16], \"data_offsets\": [128, 160]}}");
}

void fixture_safetensors(struct gen_bytes *out, const struct gen_bytes *header, size_t n_data) {
    fixture_u64(out, header->n);
    fixture_put(out, header->data, header->n);
    for (size_t i = 0; i < n_data; i++) {
        fixture_put(out, "\0", 1);
    }
}

void fixture_config(struct gen_bytes *out) {
    fixture_text(out, "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], "
                      "\"n_layer\": 2, \"n_inner\": null, \"layer_norm_epsilon\": 1e-05, "
                      "\"tie_word_embeddings\": true, \"task_specific_params\": {\"a\": 1}, "
                      "\"eos_token_id\": 258}");
}

/* ---- files on disk --------------------------------------------------------------------------- */

const char *fixture_directory_new(void) {
    static char directory[256];
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/gen-test-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    return directory;
}

void fixture_directory_remove(const char *directory) {
    DIR *list = opendir(directory);
    for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            remove(fixture_path(directory, entry->d_name));
        }
    }
    if (list != NULL) {
        closedir(list);
    }
    rmdir(directory);
}

const char *fixture_path(const char *directory, const char *name) {
    static char paths[4][600];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

void fixture_write(const char *directory, const char *name, const struct gen_bytes *content) {
    FILE *file = fopen(fixture_path(directory, name), "wb");
    assert_non_null(file);
    if (content->n > 0) {
        assert_int_equal(fwrite(content->data, 1, content->n, file), content->n);
    }
    assert_int_equal(fclose(file), 0);
}

void fixture_write_text(const char *directory, const char *name, const char *text) {
    struct gen_bytes content = {0};
    fixture_text(&content, text);
    fixture_write(directory, name, &content);
    gen_bytes_release(&content);
}

void fixture_assert_same_files(const char *directory, const char *a, const char *b) {
    char *bytes[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    const char *names[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        const char *path = fixture_path(directory, names[i]);
        assert_int_equal(file_read(&bytes[i], &n[i], path, (size_t)1 << 26, NULL), GEN_OK);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    memory_free(bytes[0]);
    memory_free(bytes[1]);
}

void fixture_write_tokenizer(const char *directory) {
    struct gen_bytes text = {0};
    fixture_vocab(&text);
    fixture_write(directory, "vocab.json", &text);
    text.n = 0;
    fixture_merges(&text);
    fixture_write(directory, "merges.txt", &text);
    gen_bytes_release(&text);
}

void fixture_write_model(const char *directory) {
    struct gen_bytes header = {0}, weights = {0}, text = {0};
    fixture_safetensors_header(&header);
    fixture_safetensors(&weights, &header, FIXTURE_SAFETENSORS_DATA);
    fixture_write(directory, "model.safetensors", &weights);
    fixture_config(&text);
    fixture_write(directory, "config.json", &text);
    fixture_write_tokenizer(directory);
    gen_bytes_release(&header);
    gen_bytes_release(&weights);
    gen_bytes_release(&text);
}

const char *fixture_message_problem(const struct gen_error *err, const char *must_name) {
    const unsigned char *at = (const unsigned char *)err->message;
    size_t n = strlen(err->message);
    if (n == 0) {
        return "it is empty";
    }
    if (n >= GEN_MESSAGE_SIZE - 1) {
        return "it is too long";
    }
    for (size_t i = 0; i < n;) {
        int length = bytes_utf8(at + i, n - i, NULL);
        if (length <= 0) {
            return "it is not UTF-8";
        }
        if (at[i] < 0x20 || at[i] == 0x7F) {
            return "it has control characters";
        }
        i += (size_t)length;
    }
    return strstr(err->message, must_name) != NULL ? NULL : "it does not name the file";
}

bool fixture_refused(const char *what, const char *path, const char *name, const char *expected) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    enum gen_status status = model_file_open(&file, path, &err);
    const char *problem = NULL;
    if (status == GEN_OK || file != NULL) {
        problem = "it was accepted";
    } else if (status != err.status) {
        problem = "status and message differ";
    } else if ((problem = fixture_message_problem(&err, name)) == NULL &&
               strstr(err.message, expected) == NULL) {
        problem = "it does not say so";
    }
    model_file_free(file);
    if (problem != NULL) {
        print_error("%s: %s: %s (must be: %s)\n", what, problem, err.message, expected);
    }
    return problem == NULL;
}
