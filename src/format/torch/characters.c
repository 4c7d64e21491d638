/**
 * characters.c - nanoGPT's meta.pkl: {'vocab_size': 65, 'itos': {0: '\n', ...}, 'stoi': {...}}, a
 * vocabulary whose tokens are single characters.
 *
 * In a tokenizer they are added tokens, which stand for themselves wherever they are in a text;
 * there is nothing to merge. So a GGUF has them too, as user-defined ones.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/torch/torch.h"

/* There are 1.1 million characters; files that hold more are none of these. */
#define FILE_LIMIT ((size_t)32 << 20)

struct reading {
    const struct pickle *pickle;
    const char *where;
    struct tokenizer_builder *builder;
    struct gen_error *err;
};

static enum gen_status bad(const struct reading *r, const char *what) {
    return error_set(r->err, GEN_BAD_FILE,
                     "%s: %s (meta.pkl of nanoGPT has \"vocab_size\", \"itos\", \"stoi\")",
                     r->where, what);
}

/* itos: id: character. */
static enum gen_status add_tokens(const struct reading *r, uint32_t itos) {
    struct pickle_walk walk = pickle_walk(r->pickle, itos);
    enum gen_status status = GEN_OK;
    uint32_t key, value;
    while (status == GEN_OK && pickle_next(&walk, &key) && pickle_next(&walk, &value)) {
        int64_t id = 0;
        size_t n = 0;
        const char *text = pickle_text(r->pickle, value, &n);
        if (!pickle_int(r->pickle, key, &id) || id < 0) {
            return bad(r, "has a key in \"itos\" that is no id");
        }
        if (text == NULL || n == 0 || bytes_utf8((const unsigned char *)text, n, NULL) != (int)n) {
            return bad(r, "has a token in \"itos\" that is not one character");
        }
        status = tokenizer_builder_token(r->builder, (uint64_t)id, text, n,
                                         TOKENIZER_ADDED | TOKENIZER_LATE, r->err);
    }
    return status;
}

/* Each character of stoi must have the id under which itos has it. */
static enum gen_status check_stoi(const struct reading *r, uint32_t stoi, uint32_t itos,
                                  const struct gen_tokenizer *tokenizer) {
    struct pickle_walk walk = pickle_walk(r->pickle, stoi);
    uint32_t key, value;
    if (pickle_at(r->pickle, stoi)->n != pickle_at(r->pickle, itos)->n) {
        return bad(r, "has another number of tokens in \"stoi\" than in \"itos\"");
    }
    while (pickle_next(&walk, &key) && pickle_next(&walk, &value)) {
        int64_t id = 0;
        size_t n = 0, n_piece = 0;
        const char *text = pickle_text(r->pickle, key, &n);
        bool known = text != NULL && pickle_int(r->pickle, value, &id) && id >= 0 &&
                     id < gen_tokenizer_n_vocab(tokenizer);
        const char *piece = known ? gen_tokenizer_piece(tokenizer, (int32_t)id, &n_piece) : "";
        if (!known || n != n_piece || memcmp(piece, text, n) != 0) {
            return bad(r, "says in \"stoi\" otherwise than in \"itos\"");
        }
    }
    return GEN_OK;
}

static enum gen_status read(struct gen_tokenizer **out, const struct reading *r) {
    uint32_t root = r->pickle->root, itos = 0, stoi = 0, size = 0;
    int64_t n = -1;
    if (!pickle_member(r->pickle, root, "itos", &itos) ||
        !pickle_member(r->pickle, root, "stoi", &stoi) ||
        pickle_at(r->pickle, itos)->tag != PICKLE_DICT ||
        pickle_at(r->pickle, stoi)->tag != PICKLE_DICT) {
        return bad(r, "has no two dicts \"itos\" and \"stoi\"");
    }
    enum gen_status status = add_tokens(r, itos);
    if (status == GEN_OK) {
        status = tokenizer_builder_finish(r->builder, out, r->err);
    }
    if (status == GEN_OK) {
        status = check_stoi(r, stoi, itos, *out);
    }
    if (status == GEN_OK && pickle_member(r->pickle, root, "vocab_size", &size) &&
        (!pickle_int(r->pickle, size, &n) || n != gen_tokenizer_n_vocab(*out))) {
        status = bad(r, "has another \"vocab_size\" than tokens");
    }
    return status;
}

enum gen_status torch_read_characters(struct gen_tokenizer **out, const char *path,
                                      struct gen_error *err) {
    struct error_quoted where;
    struct pickle pickle = {0};
    struct reading r = {.pickle = &pickle, .where = error_path(&where, path), .err = err};
    char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    enum gen_status status = file_read(&bytes, &size, path, FILE_LIMIT, err);
    struct cursor in = cursor_over(bytes, size);
    if (status == GEN_OK) {
        status = pickle_read(&pickle, &in, PICKLE_PLAIN, r.where, err);
    }
    if (status == GEN_OK && cursor_left(&in) > 0) {
        status = bad(&r, "has bytes after its pickle");
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_new(&r.builder, path, err);
    }
    if (status == GEN_OK) {
        status = read(out, &r);
    }
    if (status != GEN_OK) {
        gen_tokenizer_free(*out);
        *out = NULL;
    }
    tokenizer_builder_free(r.builder);
    pickle_release(&pickle);
    memory_free(bytes);
    return status;
}
