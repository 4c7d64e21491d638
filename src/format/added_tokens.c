/**
 * added_tokens.c - a vocabulary in JSON, together with the tokens added to it: collected by their
 * spelling, with ids and roles, then handed to tokenizer/builder.c. Which files say so is read in
 * added_tokens_dir.c and tokenizer_json.c.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/tokenizer_files.h"
#include "text/json.h"

void added_tokens_release(struct added_tokens *added) {
    for (size_t i = 0; i < added->n; i++) {
        memory_free(added->tokens[i].content);
    }
    memory_free(added->tokens);
    hash_table_release(&added->index);
    *added = (struct added_tokens){0};
}

/* The id a vocabulary gives a token. */
static enum gen_status read_id(uint64_t *id, const cJSON *item, const char *content,
                               const char *where, struct gen_error *err) {
    int64_t value = -1;
    if (json_is_integer(item, &value) && value >= 0 && value < TOKENIZER_MAX_TOKENS) {
        *id = (uint64_t)value;
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE,
                     "%s: the id of token \"%s\" must be a whole number from 0 to %d", where,
                     error_quote(&quoted, content, strlen(content)), TOKENIZER_MAX_TOKENS - 1);
}

static enum gen_status two_ids(const char *content, uint64_t first, uint64_t second,
                               const char *where, struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE, "%s: token \"%s\" has two ids, %llu and %llu", where,
                     error_quote(&quoted, content, strlen(content)), (unsigned long long)first,
                     (unsigned long long)second);
}

/* Enter a token that is not there yet. */
static enum gen_status append(struct added_tokens *added, const char *content, uint64_t id,
                              unsigned kind, struct gen_error *err) {
    struct added_token token = {.n = strlen(content), .id = id, .kind = kind};
    token.content = memory_copy_string(content, token.n);
    if (token.content == NULL ||
        !memory_grow(&added->tokens, &added->capacity, added->n + 1, sizeof *added->tokens) ||
        hash_table_add(&added->index, token.content, token.n, (uint32_t)added->n) != HASH_ADDED) {
        memory_free(token.content);
        return error_no_memory(err, "added tokens");
    }
    added->tokens[added->n++] = token;
    return GEN_OK;
}

static struct added_token *find(const struct added_tokens *added, const char *content) {
    uint32_t known = 0;
    bool found = hash_table_find(&added->index, content, strlen(content), &known);
    return found ? &added->tokens[known] : NULL;
}

enum gen_status added_tokens_add(struct added_tokens *added, const char *content, const cJSON *id,
                                 unsigned kind, const char *where, struct gen_error *err) {
    uint64_t number = 0;
    enum gen_status status = read_id(&number, id, content, where, err);
    if (status != GEN_OK) {
        return status;
    }
    if (*content == '\0') {
        return error_set(err, GEN_BAD_FILE, "%s: the added token with id %llu is empty", where,
                         (unsigned long long)number);
    }
    struct added_token *known = find(added, content);
    if (known == NULL) {
        return append(added, content, number, kind, err);
    }
    if (known->id != number) {
        return two_ids(content, known->id, number, where, err);
    }
    known->kind = kind;
    return GEN_OK;
}

enum gen_status added_tokens_role(struct added_tokens *added, const char *content,
                                  struct gen_error *err) {
    struct added_token *known = find(added, content);
    if (known == NULL) {
        return *content == '\0'
                   ? GEN_OK
                   : append(added, content, ADDED_TOKENS_NO_ID, TOKENIZER_SPECIAL, err);
    }
    known->kind = (known->kind & ~(unsigned)TOKENIZER_ADDED) | TOKENIZER_SPECIAL;
    return GEN_OK;
}

unsigned added_tokens_kind(const cJSON *description) {
    static const struct {
        const char *name;
        unsigned bit;
    } flags[] = {{"lstrip", TOKENIZER_LSTRIP},
                 {"rstrip", TOKENIZER_RSTRIP},
                 {"single_word", TOKENIZER_SINGLE_WORD}};
    bool special = cJSON_IsTrue(json_member(description, "special"));
    const cJSON *normalized = json_member(description, "normalized");
    bool late = normalized != NULL ? cJSON_IsTrue(normalized) : !special;
    unsigned kind = special ? TOKENIZER_SPECIAL : TOKENIZER_ADDED;
    kind |= late ? TOKENIZER_LATE : 0;
    for (size_t i = 0; i < N_OF(flags); i++) {
        kind |= cJSON_IsTrue(json_member(description, flags[i].name)) ? flags[i].bit : 0;
    }
    return kind;
}

/* Hand a token on; the builder hears of the end-of-text id only if there is such a token. */
static enum gen_status build_token(struct tokenizer_builder *builder, uint64_t id,
                                   const char *content, size_t n, unsigned kind, int64_t eos,
                                   struct gen_error *err) {
    bool is_end =
        n == strlen(TOKENIZER_END_OF_TEXT) && memcmp(content, TOKENIZER_END_OF_TEXT, n) == 0;
    if (is_end) {
        kind = TOKENIZER_SPECIAL | (kind & TOKENIZER_AROUND);
    }
    enum gen_status status = tokenizer_builder_token(builder, id, content, n, kind, err);
    if (status == GEN_OK && eos >= 0 && id == (uint64_t)eos) {
        status = tokenizer_builder_eos(builder, id, err);
    }
    return status;
}

enum gen_status added_tokens_build(struct tokenizer_builder *builder, const cJSON *vocab,
                                   struct added_tokens *added, int64_t eos, const char *where,
                                   struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (const cJSON *item = vocab->child; item != NULL && status == GEN_OK; item = item->next) {
        const char *content = item->string;
        size_t n = strlen(content);
        uint64_t id = 0;
        unsigned kind = 0;
        struct added_token *known = find(added, content);
        status = read_id(&id, item, content, where, err);
        if (status != GEN_OK) {
            break;
        }
        if (known != NULL) {
            kind = known->kind;
            known->given = true;
            if (known->id != ADDED_TOKENS_NO_ID && known->id != id) {
                return two_ids(content, id, known->id, where, err);
            }
        }
        status = build_token(builder, id, content, n, kind, eos, err);
    }
    for (size_t i = 0; added->tokens != NULL && i < added->n && status == GEN_OK; i++) {
        if (!added->tokens[i].given && added->tokens[i].id != ADDED_TOKENS_NO_ID) {
            status = build_token(builder, added->tokens[i].id, added->tokens[i].content,
                                 added->tokens[i].n, added->tokens[i].kind, eos, err);
        }
    }
    return status;
}
