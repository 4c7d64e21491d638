/**
 * vocabulary.c - the check of a tokenizer's tokens, and of the ids that the model names: tokens
 * that are there twice, that are no text, that no text is cut into, added ones with odd white
 * space.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/hash_table.h"
#include "model/check/checker.h"

/* A token as messages have it. */
static const char *quoted(struct error_quoted *out, const char *piece, size_t n) {
    return error_quote(out, piece, n);
}

/* Whether the bytes may stand in UTF-8: perhaps the end of a character, whole ones, perhaps the
 * beginning of one. */
static bool may_be_text(const char *piece, size_t n) {
    const unsigned char *bytes = (const unsigned char *)piece;
    size_t at = 0;
    while (at < n && at < 3 && (bytes[at] & 0xc0) == 0x80) {
        at++;
    }
    while (at < n) {
        int length = bytes_utf8(bytes + at, n - at, NULL);
        if (length <= 0) {
            return length < 0; /* it is cut here */
        }
        at += (size_t)length;
    }
    return true;
}

static bool is_text(const char *piece, size_t n) {
    int length = 1;
    for (size_t at = 0; at < n && length > 0; at += (size_t)length) {
        length = bytes_utf8((const unsigned char *)piece + at, n - at, NULL);
    }
    return length > 0;
}

/* White space at its ends would belong to the text around it; two blanks side by side are a slip.
 */
static bool has_odd_space(const char *piece, size_t n) {
    static const char spaces[] = " \t\r\n";
    bool is_space_alone = true;
    bool is_doubled = false;
    for (size_t i = 0; i < n; i++) {
        is_space_alone = is_space_alone && strchr(spaces, piece[i]) != NULL && piece[i] != '\0';
        is_doubled = is_doubled || (i > 0 && piece[i] == ' ' && piece[i - 1] == ' ');
    }
    return !is_space_alone && (is_doubled || piece[0] == ' ' || piece[n - 1] == ' ');
}

static void check_added(struct checker *checker, int32_t id, const char *piece, size_t n,
                        unsigned kind) {
    struct error_quoted text;
    const char *what = (kind & TOKENIZER_SPECIAL) != 0 ? "special token" : "added token";
    if (!is_text(piece, n)) {
        checker_odd(checker, "id %d: the %s %s is not UTF-8", (int)id, what,
                    quoted(&text, piece, n));
    } else if ((kind & TOKENIZER_SPECIAL) != 0 && has_odd_space(piece, n)) {
        checker_odd(checker, "id %d: the %s %s has blanks at an end, or two side by side", (int)id,
                    what, quoted(&text, piece, n));
    }
}

/* Tokens that their own text is not cut into: how many, and which is the first. */
struct unreached {
    size_t n;
    int32_t first;
};

/* Tokens that are not added: text is cut into them. */
static enum gen_status check_ordinary(struct checker *checker, int32_t id, const char *piece,
                                      size_t n, struct gen_ids *ids, struct unreached *unreached) {
    const struct gen_tokenizer *tokenizer = checker->model->tokenizer;
    struct error_quoted text;
    if (n > 1 && !may_be_text(piece, n)) {
        checker_odd(checker, "id %d: %s can stand in no UTF-8 text", (int)id,
                    quoted(&text, piece, n));
    }
    ids->n = 0;
    enum gen_status status = gen_tokenizer_encode(tokenizer, piece, n, false, ids, NULL);
    if (status == GEN_NO_MEMORY) {
        return error_no_memory(checker->err, "the check");
    }
    if ((status != GEN_OK || ids->n != 1 || ids->data[0] != id) && unreached->n++ == 0) {
        unreached->first = id;
    }
    return GEN_OK;
}

/* Bytes that no token stands for: texts that have them cannot be read. */
static void check_alphabet(struct checker *checker, struct gen_ids *ids) {
    int n_missing = 0;
    int first = 0;
    for (int byte = 0; byte < 0x80; byte++) {
        char text = (char)byte;
        ids->n = 0;
        if (gen_tokenizer_encode(checker->model->tokenizer, &text, 1, false, ids, NULL) != GEN_OK &&
            n_missing++ == 0) {
            first = byte;
        }
    }
    if (n_missing > 0) {
        checker_odd(checker, "%d characters of ASCII are in no token, the first of them 0x%02x",
                    n_missing, (unsigned)first);
    }
}

enum gen_status check_tokens(struct checker *checker) {
    const struct gen_tokenizer *tokenizer = checker->model->tokenizer;
    if (tokenizer == NULL) {
        return GEN_OK;
    }
    int32_t n_vocab = gen_tokenizer_n_vocab(tokenizer);
    struct hash_table pieces = {0};
    struct gen_ids ids = {0};
    struct unreached unreached = {0};
    size_t n_holes = 0;
    enum gen_status status = GEN_OK;
    for (int32_t id = 0; id < n_vocab && status == GEN_OK; id++) {
        size_t n;
        uint32_t other;
        struct error_quoted text;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        unsigned kind = tokenizer_kind(tokenizer, id);
        n_holes += !tokenizer_has(tokenizer, id);
        if (!tokenizer_has(tokenizer, id)) {
            continue;
        }
        checker->summary.n++;
        if (n == 0) {
            checker_odd(checker, "id %d: the token is empty", (int)id);
            continue;
        }
        if (hash_table_find(&pieces, piece, n, &other)) {
            checker_odd(checker, "ids %u and %d: are both %s", (unsigned)other, (int)id,
                        quoted(&text, piece, n));
        } else if (hash_table_add(&pieces, piece, n, (uint32_t)id) == HASH_NO_MEMORY) {
            status = error_no_memory(checker->err, "the check");
        } else if (kind != 0) {
            check_added(checker, id, piece, n, kind);
        } else {
            status = check_ordinary(checker, id, piece, n, &ids, &unreached);
        }
    }
    if (status == GEN_OK && unreached.n > 0) {
        checker_odd(checker,
                    "no text is cut into %zu token%s, not even their own, the first of them id %d",
                    unreached.n, unreached.n > 1 ? "s" : "", (int)unreached.first);
    }
    if (status == GEN_OK && n_holes > 0) {
        checker_odd(checker, "%zu ids have no token", n_holes);
    }
    if (status == GEN_OK && checker->model->kind == GEN_KIND_MODEL) {
        check_alphabet(checker, &ids);
    }
    hash_table_release(&pieces);
    gen_ids_release(&ids);
    return status;
}

static void check_end(struct checker *checker, int32_t id) {
    const struct gen_tokenizer *tokenizer = checker->model->tokenizer;
    checker->summary.n++;
    if (tokenizer == NULL) {
        return;
    }
    if (!tokenizer_has(tokenizer, id)) {
        checker_odd(checker, "id %d ends a text, but no token has it", (int)id);
    } else if (!gen_tokenizer_is_special(tokenizer, id)) {
        struct error_quoted text;
        size_t n;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        checker_odd(checker, "id %d, %s, ends a text, but is an ordinary token", (int)id,
                    quoted(&text, piece, n));
    }
}

enum gen_status check_special_ids(struct checker *checker) {
    const struct gen_model *model = checker->model;
    if (model->kind != GEN_KIND_MODEL) {
        return GEN_OK;
    }
    int32_t n_rows = model->config.n_vocab;
    for (size_t i = 0; i < model->eos.n; i++) {
        check_end(checker, model->eos.data[i]);
    }
    if (model->eos.n == 0) {
        checker_odd(checker, "no id ends a text");
    }
    if (model->tokenizer != NULL) {
        int32_t n_tokens = gen_tokenizer_n_vocab(model->tokenizer);
        if (n_tokens < n_rows) {
            checker_odd(checker, "the token table has %d rows, but the vocabulary %d ids",
                        (int)n_rows, (int)n_tokens);
        } else if (n_tokens > n_rows) {
            checker_odd(checker, "the vocabulary has %d ids, but the token table %d rows",
                        (int)n_tokens, (int)n_rows);
        }
    }
    return GEN_OK;
}
