/** tokenizer_files.c - a tokenizer from a directory, with vocab.json and merges.txt. */
#include "format/tokenizer_files.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/looks_like.h"

/** Most bytes of tokenizer_config.json and added_tokens.json. */
#define SIDE_FILE_LIMIT ((size_t)8 << 20)

/** Open directory/name as JSON; *out is NULL where there is no such file. */
static enum gen_status read_side_file(cJSON **out, struct error_quoted *where,
                                      const char *directory, const char *name,
                                      struct gen_error *err) {
    *out = NULL;
    char *path = file_join(directory, name);
    if (path == NULL)
        return error_no_memory(err, "a path");
    error_path(where, path);
    enum gen_status status = GEN_OK;
    if (file_kind_of(path) != FILE_MISSING)
        status = json_read_object(out, path, SIDE_FILE_LIMIT, err);
    memory_free(path);
    return status;
}

/** added_tokens.json: an object of content: id. */
static enum gen_status read_added_tokens(struct added_tokens *added, const char *directory,
                                         struct gen_error *err) {
    struct error_quoted where;
    cJSON *json = NULL;
    enum gen_status status = read_side_file(&json, &where, directory, "added_tokens.json", err);
    if (status == GEN_OK && json != NULL)
        for (const cJSON *item = json->child; item != NULL && status == GEN_OK; item = item->next)
            status = added_tokens_add(added, item->string, item, where.text, err);
    cJSON_Delete(json);
    return status;
}

/** One entry of added_tokens_decoder: the id as text, and the token's description. */
static enum gen_status read_decoder_entry(struct added_tokens *added, const cJSON *entry,
                                          const char *where, struct gen_error *err) {
    const cJSON *content = json_member(entry, "content");
    enum gen_status status = added_tokens_check_flags(entry, where, err);
    if (status != GEN_OK)
        return status;
    cJSON *id = NULL;
    status = json_parse(&id, entry->string, strlen(entry->string), where, err);
    if (status == GEN_OK && !cJSON_IsString(content))
        status = error_set(err, GEN_BAD_FILE,
                           "%s: an entry of added_tokens_decoder has no \"content\"", where);
    if (status == GEN_OK)
        status = added_tokens_add(added, content->valuestring, id, where, err);
    cJSON_Delete(id);
    return status;
}

/** tokenizer_config.json: added tokens, and switches that would change the ids. */
static enum gen_status read_tokenizer_config(struct added_tokens *added, const char *directory,
                                             struct gen_error *err) {
    static const char *const switches[] = {"add_prefix_space", "add_bos_token", "add_eos_token"};
    struct error_quoted where;
    cJSON *json = NULL;
    enum gen_status status = read_side_file(&json, &where, directory, "tokenizer_config.json", err);
    for (size_t i = 0; i < sizeof switches / sizeof *switches && status == GEN_OK; i++)
        if (cJSON_IsTrue(json_member(json, switches[i])))
            status = error_set(err, GEN_UNSUPPORTED,
                               "%s: has \"%s\": true, which gen does not follow, so its ids would "
                               "differ",
                               where.text, switches[i]);
    const cJSON *decoder = json_member(json, "added_tokens_decoder");
    if (status == GEN_OK && cJSON_IsObject(decoder))
        for (const cJSON *item = decoder->child; item != NULL && status == GEN_OK;
             item = item->next)
            status = read_decoder_entry(added, item, where.text, err);
    cJSON_Delete(json);
    return status;
}

static enum gen_status read_vocab(struct tokenizer_builder *builder, const char *directory,
                                  const char *path, int64_t eos, struct gen_error *err) {
    struct error_quoted where;
    struct added_tokens added = {0};
    cJSON *vocab = NULL;
    enum gen_status status = read_added_tokens(&added, directory, err);
    if (status == GEN_OK)
        status = read_tokenizer_config(&added, directory, err);
    if (status == GEN_OK)
        status = json_read_object(&vocab, path, TOKENIZER_FILE_LIMIT, err);
    if (status == GEN_OK)
        status = added_tokens_build(builder, vocab, &added, eos, error_path(&where, path), err);
    cJSON_Delete(vocab);
    added_tokens_release(&added);
    return status;
}

/** One line of merges.txt, without its line end. */
static enum gen_status read_merge(struct tokenizer_builder *builder, const char *line, size_t n,
                                  size_t number, const char *where, struct gen_error *err) {
    if (number > TOKENIZER_MAX_MERGES)
        return error_set(err, GEN_BAD_FILE, "%s: has more than %d lines", where,
                         TOKENIZER_MAX_MERGES);
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

/** A first line "#version: ..." and blank lines at the end are no merges. */
static enum gen_status read_merges(struct tokenizer_builder *builder, const char *path,
                                   struct gen_error *err) {
    struct error_quoted where;
    char *text = NULL;
    size_t size = 0;
    enum gen_status status = file_read(&text, &size, path, TOKENIZER_FILE_LIMIT, err);
    error_path(&where, path);
    const char *other = status == GEN_OK ? file_looks_like(text, size) : NULL;
    if (other != NULL)
        status = error_set(err, GEN_BAD_FILE, "%s: %s", where.text, other);
    while (status == GEN_OK && size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    size_t number = 0;
    for (size_t at = 0; at < size && status == GEN_OK;) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', size - at);
        size_t n = newline != NULL ? (size_t)(newline - line) : size - at;
        at += n + 1;
        number++;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        if (number == 1 && n >= 8 && memcmp(line, "#version", 8) == 0)
            continue;
        status = read_merge(builder, line, n, number, where.text, err);
    }
    memory_free(text);
    return status;
}

static enum gen_status read_pair(struct gen_tokenizer **out, const char *directory,
                                 const char *vocab, const char *merges, int64_t eos,
                                 struct gen_error *err) {
    struct tokenizer_builder *builder = NULL;
    enum gen_status status = tokenizer_builder_new(&builder, directory, err);
    if (status == GEN_OK)
        status = read_vocab(builder, directory, vocab, eos, err);
    if (status == GEN_OK)
        status = read_merges(builder, merges, err);
    if (status == GEN_OK)
        status = tokenizer_builder_finish(builder, out, err);
    tokenizer_builder_free(builder);
    return status;
}

/** tokenizer.json says all, but tokenizer_config.json beside it may still say otherwise. */
static enum gen_status read_one_file(struct gen_tokenizer **out, const char *directory,
                                     const char *json, int64_t eos, struct gen_error *err) {
    struct added_tokens ignored = {0};
    enum gen_status status = read_tokenizer_config(&ignored, directory, err);
    added_tokens_release(&ignored);
    return status == GEN_OK ? tokenizer_files_read_json(out, json, eos, err) : status;
}

/** Half a pair and no tokenizer.json: say which half is missing. */
static enum gen_status missing_half(const char *directory, bool has_vocab, struct gen_error *err) {
    struct error_quoted where;
    return error_set(err, GEN_BAD_FILE, "%s: has %s, but no %s: a tokenizer needs both",
                     error_path(&where, directory), has_vocab ? "vocab.json" : "merges.txt",
                     has_vocab ? "merges.txt" : "vocab.json");
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
    if (has_vocab && has_merges)
        status = read_pair(out, directory, vocab, merges, eos, err);
    else if (file_kind_of(json) != FILE_MISSING)
        status = read_one_file(out, directory, json, eos, err);
    else if (has_vocab || has_merges)
        status = missing_half(directory, has_vocab, err);
done:
    memory_free(vocab);
    memory_free(merges);
    memory_free(json);
    return status;
}
