/**
 * tokenizer_write.c - a tokenizer's files, as Hugging Face's tools write and read them: merges.txt,
 * vocab.json, tokenizer_config.json (gen_tokenizer_save). Reading them is in tokenizer_files.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/tokenizer_files.h"
#include "gen_train.h"
#include "text/json_quote.h"

/* The files, in the order in which they are renamed to their targets. */
enum { MERGES, VOCAB, CONFIG, N_FILES };
static const char *const file_names[N_FILES] = {"merges.txt", "vocab.json",
                                                "tokenizer_config.json"};

static bool put(struct gen_bytes *out, const char *text) {
    return gen_bytes_append(out, text, strlen(text)) == GEN_OK;
}

/* JSON text with its quotes; of what may be escaped only what must be, as serde_json has it. */
static bool put_quoted(struct gen_bytes *out, const char *bytes, size_t n) {
    return json_quote(out, bytes, n, JSON_ESCAPE_LEAST) == GEN_OK;
}

static bool put_id(struct gen_bytes *out, const char *format, int32_t id) {
    char text[64];
    snprintf(text, sizeof text, format, (int)id);
    return put(out, text);
}

/* {"spelling":id,...} in the order of the ids */
static bool format_vocab(struct gen_bytes *out, const struct gen_tokenizer *tokenizer) {
    struct gen_bytes spelling = {0};
    bool done = put(out, "{");
    const char *comma = "";
    for (int32_t id = 0; id < gen_tokenizer_n_vocab(tokenizer) && done; id++) {
        if (!tokenizer_has(tokenizer, id)) {
            continue;
        }
        spelling.n = 0;
        done = tokenizer_spelling(tokenizer, id, &spelling) == GEN_OK && put(out, comma) &&
               put_quoted(out, spelling.data, spelling.n) && put_id(out, ":%d", id);
        comma = ",";
    }
    gen_bytes_release(&spelling);
    return done && put(out, "}");
}

static bool format_merges(struct gen_bytes *out, const struct gen_tokenizer *tokenizer) {
    bool done = put(out, "#version: 0.2\n");
    for (size_t rank = 0; rank < tokenizer_n_merges(tokenizer) && done; rank++) {
        int32_t left = 0;
        int32_t right = 0;
        tokenizer_merge(tokenizer, rank, &left, &right);
        done = tokenizer_spelling(tokenizer, left, out) == GEN_OK && put(out, " ") &&
               tokenizer_spelling(tokenizer, right, out) == GEN_OK && put(out, "\n");
    }
    return done;
}

static bool put_bit(struct gen_bytes *out, unsigned kind, unsigned bit) {
    return put(out, (kind & bit) != 0 ? "true" : "false");
}

/* What AutoTokenizer needs besides the two: its class, and which tokens are special. */
static bool format_config(struct gen_bytes *out, const struct gen_tokenizer *tokenizer) {
    static const char *const roles[] = {"bos_token", "eos_token", "unk_token"};
    int32_t eos = gen_tokenizer_eos(tokenizer);
    bool done = put(out, "{\n  \"tokenizer_class\": \"GPT2Tokenizer\",\n"
                         "  \"add_prefix_space\": false,\n");
    for (size_t i = 0; i < N_OF(roles) && eos >= 0 && done; i++) {
        size_t n = 0;
        const char *text = gen_tokenizer_piece(tokenizer, eos, &n);
        done = put(out, "  \"") && put(out, roles[i]) && put(out, "\": ") &&
               put_quoted(out, text, n) && put(out, ",\n");
    }
    done = done && put(out, "  \"added_tokens_decoder\": {");
    const char *comma = "";
    for (int32_t id = 0; id < gen_tokenizer_n_vocab(tokenizer) && done; id++) {
        unsigned kind = tokenizer_kind(tokenizer, id);
        if (kind != 0) {
            size_t n = 0;
            const char *text = gen_tokenizer_piece(tokenizer, id, &n);
            done = put(out, comma) && put_id(out, "\n    \"%d\": {\"content\": ", id) &&
                   put_quoted(out, text, n) && put(out, ", \"lstrip\": ") &&
                   put_bit(out, kind, TOKENIZER_LSTRIP) && put(out, ", \"normalized\": ") &&
                   put_bit(out, kind, TOKENIZER_LATE) && put(out, ", \"rstrip\": ") &&
                   put_bit(out, kind, TOKENIZER_RSTRIP) && put(out, ", \"single_word\": ") &&
                   put_bit(out, kind, TOKENIZER_SINGLE_WORD) && put(out, ", \"special\": ") &&
                   put_bit(out, kind, TOKENIZER_SPECIAL) && put(out, "}");
            comma = ",";
        }
    }
    return done && put(out, "\n  }\n}\n");
}

static enum gen_status make_directory(const char *path, struct gen_error *err) {
    int number = mkdir(path, 0777) == 0 ? 0 : errno;
    if (number == 0 || file_kind_of(path) == FILE_DIRECTORY) {
        return GEN_OK;
    }
    return file_error(err, path, "make the directory", number);
}

/* Write one file next to its target; the rename is left to the caller. */
static enum gen_status write_next_to(struct file_writer *writer, const char *directory,
                                     const char *name, const struct gen_bytes *text,
                                     struct gen_error *err) {
    char *path = file_join(directory, name);
    if (path == NULL) {
        return error_no_memory(err, "a path");
    }
    enum gen_status status = file_writer_open(writer, path, err);
    memory_free(path);
    if (status == GEN_OK) {
        status = file_writer_put(writer, text->data, text->n, err);
    }
    return status == GEN_OK ? file_writer_sync(writer, err) : status;
}

enum gen_status gen_tokenizer_save(const struct gen_tokenizer *tokenizer, const char *directory,
                                   struct gen_error *err) {
    static bool (*const format[N_FILES])(struct gen_bytes * out, const struct gen_tokenizer *) = {
        format_merges, format_vocab, format_config};
    struct file_writer writers[N_FILES] = {0};
    enum gen_status status = make_directory(directory, err);
    for (size_t i = 0; i < N_FILES && status == GEN_OK; i++) {
        struct gen_bytes text = {0};
        status = format[i](&text, tokenizer)
                     ? write_next_to(&writers[i], directory, file_names[i], &text, err)
                     : error_no_memory(err, "the tokenizer's files");
        gen_bytes_release(&text);
    }
    for (size_t i = 0; i < N_FILES && status == GEN_OK; i++) {
        status = file_writer_commit(&writers[i], err);
    }
    for (size_t i = 0; i < N_FILES; i++) {
        file_writer_close(&writers[i]);
    }
    return status;
}
