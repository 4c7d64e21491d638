/**
 * added_flags.c - gen.added_token_flags of a GGUF, read and written.
 */
#include "format/added_flags.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/size.h"
#include "tokenizer/tokenizer.h"

/* By their numbers in the file: 1, 2, 4. */
static const unsigned kinds[] = {TOKENIZER_LSTRIP, TOKENIZER_RSTRIP, TOKENIZER_SINGLE_WORD};
enum { N_KINDS = N_OF(kinds) };

static enum gen_status bad(const struct model_file *file, struct gen_error *err) {
    return error_set(err, GEN_BAD_FILE,
                     "%s: " ADDED_FLAGS_KEY " must be an array of u32, in turn the id of an added "
                     "token and its flags, 1 to 7",
                     file->where.text);
}

enum gen_status added_flags_read(struct model_file *file, struct gen_error *err) {
    const struct setting *list = model_file_setting(file, ADDED_FLAGS_KEY);
    if (list == NULL || file->tokenizer == NULL) {
        return GEN_OK;
    }
    if (list->type != SETTING_ARRAY || list->element_type != SETTING_U32 ||
        list->value.array.n % 2 != 0) {
        return bad(file, err);
    }
    struct cursor in = cursor_over(list->value.array.data, list->value.array.size);
    for (uint64_t i = 0; i < list->value.array.n; i += 2) {
        uint32_t id = cursor_u32(&in);
        uint32_t flags = cursor_u32(&in);
        unsigned around = 0;
        for (unsigned k = 0; k < N_KINDS; k++) {
            around |= (flags >> k & 1) != 0 ? kinds[k] : 0;
        }
        if (id > INT32_MAX || flags == 0 || flags >> N_KINDS != 0 ||
            !tokenizer_set_around(file->tokenizer, (int32_t)id, around)) {
            return bad(file, err);
        }
    }
    return GEN_OK;
}

enum gen_status added_flags_write(struct gguf_writer *writer, const struct gen_tokenizer *tokenizer,
                                  int32_t n_vocab, bool *any, struct gen_error *err) {
    struct gen_ids list = {0};
    enum gen_status status = GEN_OK;
    for (int32_t id = 0; id < n_vocab && status == GEN_OK; id++) {
        unsigned around = tokenizer_kind(tokenizer, id) & TOKENIZER_AROUND;
        int32_t pair[2] = {id, 0};
        for (unsigned k = 0; k < N_KINDS; k++) {
            pair[1] |= (around & kinds[k]) != 0 ? (int32_t)(1U << k) : 0;
        }
        if (around != 0 && gen_ids_append(&list, pair, 2) != GEN_OK) {
            status = error_no_memory(err, "the flags of added tokens");
        }
    }
    *any = list.n > 0;
    if (status == GEN_OK && *any) {
        status = gguf_writer_u32_array(writer, ADDED_FLAGS_KEY, list.data, list.n, err);
    }
    gen_ids_release(&list);
    return status;
}
