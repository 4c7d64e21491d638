/**
 * tokenizer_files.c - a tokenizer from a directory: which of the files there are read, and
 * vocab.json and merges.txt.
 */
#include "format/tokenizer_files.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/json_file.h"
#include "format/looks_like.h"

static enum gen_status read_vocab(struct tokenizer_builder *builder, const char *directory,
                                  const char *path, int64_t eos, struct gen_error *err) {
    struct error_quoted where;
    struct added_tokens added = {0};
    cJSON *vocab = NULL;
    enum gen_status status = added_tokens_read_directory(&added, directory, err);
    if (status == GEN_OK) {
        status = json_read_object(&vocab, path, TOKENIZER_FILE_LIMIT, err);
    }
    if (status == GEN_OK) {
        status = added_tokens_build(builder, vocab, &added, eos, error_path(&where, path), err);
    }
    cJSON_Delete(vocab);
    added_tokens_release(&added);
    return status;
}

/* One line of merges.txt, without its line end. */
static enum gen_status read_merge(struct tokenizer_builder *builder, const char *line, size_t n,
                                  size_t number, const char *where, struct gen_error *err) {
    if (number > TOKENIZER_MAX_MERGES) {
        return error_set(err, GEN_BAD_FILE, "%s: has more than %d lines", where,
                         TOKENIZER_MAX_MERGES);
    }
    const char *space = memchr(line, ' ', n);
    size_t left = space != NULL ? (size_t)(space - line) : 0;
    if (left == 0 || left + 1 == n || memchr(space + 1, ' ', n - left - 1) != NULL) {
        struct error_quoted quoted;
        return error_set(err, GEN_BAD_FILE,
                         "%s: line %zu, \"%s\", is not a merge: two tokens with one space between",
                         where, number, error_quote(&quoted, line, n));
    }
    return tokenizer_builder_merge(builder, line, left, space + 1, n - left - 1, err);
}

/* A first line "#version: ..." and blank lines at the end are no merges. */
static enum gen_status read_merges(struct tokenizer_builder *builder, const char *path,
                                   struct gen_error *err) {
    struct error_quoted where;
    char *text = NULL;
    size_t size = 0;
    enum gen_status status = file_read(&text, &size, path, TOKENIZER_FILE_LIMIT, err);
    error_path(&where, path);
    const char *other = status == GEN_OK ? file_looks_like(text, size) : NULL;
    if (other != NULL) {
        status = error_set(err, GEN_BAD_FILE, "%s: %s", where.text, other);
    }
    while (status == GEN_OK && size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        size--;
    }
    size_t number = 0;
    for (size_t at = 0; at < size && status == GEN_OK;) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', size - at);
        size_t n = newline != NULL ? (size_t)(newline - line) : size - at;
        at += n + 1;
        number++;
        if (n > 0 && line[n - 1] == '\r') {
            n--;
        }
        if (number == 1 && n >= 8 && memcmp(line, "#version", 8) == 0) {
            continue;
        }
        status = read_merge(builder, line, n, number, where.text, err);
    }
    memory_free(text);
    return status;
}

static enum gen_status read_pair(struct gen_tokenizer **out, const char *directory,
                                 const char *vocab, const char *merges, int64_t eos,
                                 struct gen_error *err) {
    struct tokenizer_builder *builder = NULL;
    enum gen_status status = tokenizer_builder_new(&builder, vocab, err);
    if (status == GEN_OK) {
        status = tokenizer_builder_merges_file(builder, merges, err);
    }
    if (status == GEN_OK) {
        tokenizer_builder_last_merge(builder);
        status = read_vocab(builder, directory, vocab, eos, err);
    }
    if (status == GEN_OK) {
        status = read_merges(builder, merges, err);
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_finish(builder, out, err);
    }
    tokenizer_builder_free(builder);
    return status;
}

/*
 * tokenizer.json has been read: hold the older pair next to it against it. What is wrong there is
 * a note, as nobody uses the pair.
 */
static enum gen_status compare_pair(struct gen_tokenizer *tokenizer, const char *directory,
                                    const char *vocab, const char *merges, int64_t eos,
                                    struct gen_error *err) {
    struct gen_tokenizer *pair = NULL;
    struct gen_error why;
    struct error_quoted where;
    struct error_quoted difference;
    enum gen_status status = read_pair(&pair, directory, vocab, merges, eos, &why);
    error_path(&where, directory);
    if (status == GEN_NO_MEMORY) {
        return error_no_memory(err, "vocab.json and merges.txt");
    }
    if (status != GEN_OK) {
        return tokenizer_add_note(tokenizer, err,
                                  "%s: tokenizer.json is used; vocab.json and merges.txt next to "
                                  "it are not sound: %s",
                                  where.text, why.message);
    }
    if (tokenizer_difference(&difference, tokenizer, pair) != NULL) {
        status = tokenizer_add_note(tokenizer, err,
                                    "%s: tokenizer.json is used; vocab.json and merges.txt next "
                                    "to it %s",
                                    where.text, difference.text);
    }
    gen_tokenizer_free(pair);
    return status;
}

/* Half a pair and no tokenizer.json: say which half is missing. */
static enum gen_status missing_half(const char *vocab, const char *merges, bool has_vocab,
                                    struct gen_error *err) {
    struct error_quoted where;
    return error_set(err, GEN_BAD_FILE, "%s: is missing, but %s is there: a tokenizer needs both",
                     error_path(&where, has_vocab ? merges : vocab),
                     has_vocab ? "vocab.json" : "merges.txt");
}

enum gen_status tokenizer_files_read_directory(struct gen_tokenizer **out, const char *directory,
                                               int64_t eos, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    char *vocab = file_join(directory, "vocab.json");
    char *merges = file_join(directory, "merges.txt");
    char *json = file_join(directory, "tokenizer.json");
    *out = NULL;
    if (vocab == NULL || merges == NULL || json == NULL) {
        status = error_no_memory(err, "paths");
        goto done;
    }
    bool has_vocab = file_kind_of(vocab) != FILE_MISSING;
    bool has_merges = file_kind_of(merges) != FILE_MISSING;
    if (file_kind_of(json) != FILE_MISSING) {
        status = tokenizer_files_read_json(out, json, directory, eos, err);
        if (status == GEN_OK && has_vocab && has_merges) {
            status = compare_pair(*out, directory, vocab, merges, eos, err);
        }
    } else if (has_vocab && has_merges) {
        status = read_pair(out, directory, vocab, merges, eos, err);
    } else if (has_vocab || has_merges) {
        status = missing_half(vocab, merges, has_vocab, err);
    }
    if (status != GEN_OK) {
        gen_tokenizer_free(*out);
        *out = NULL;
    }
done:
    memory_free(vocab);
    memory_free(merges);
    memory_free(json);
    return status;
}
