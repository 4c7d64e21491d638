/**
 * chat.c - gen_chat_template_new(): the chat template for a model, with its tokens; where its files
 * have one. What a template is, and whether one is known, is in data/chat_template.h.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/chat_template.h"
#include "format/chat_template.h"
#include "model/metadata.h"
#include "model/model.h"

/* Longer patterns nobody writes. */
#define MAX_PATTERN 65536

/* The bytes of a token with a NUL; "" for an id that is none. NULL: out of memory. */
static char *copy_token(const struct gen_tokenizer *tokenizer, int32_t id) {
    size_t n = 0;
    const char *piece = id >= 0 ? gen_tokenizer_piece(tokenizer, id, &n) : "";
    return memory_copy_string(piece, n);
}

/* What was taught: a pattern, in a file that anybody may have written. */
static enum gen_status taught(struct gen_chat_template **out, const struct model_file *file,
                              const struct setting *setting, const struct chat_ends *ends,
                              struct gen_error *err) {
    struct gen_error cause = {0};
    size_t n = setting->value.string.n;
    if (setting->type != SETTING_STRING || n > MAX_PATTERN ||
        (n > 0 && memchr(setting->value.string.text, '\0', n) != NULL)) {
        return error_set(err, GEN_BAD_FILE, "%s: %s must be a text of at most %d bytes",
                         file->where.text, METADATA_TEMPLATE_KEY, MAX_PATTERN);
    }
    char *pattern = memory_copy_string(setting->value.string.text, n);
    if (pattern == NULL) {
        return error_no_memory(err, "a chat template");
    }
    enum gen_status status = chat_template_new(out, pattern, ends, &cause);
    memory_free(pattern);
    if (status == GEN_OK || status == GEN_NO_MEMORY) {
        return status == GEN_OK ? status : error_no_memory(err, "a chat template");
    }
    return error_set(err, GEN_BAD_FILE, "%s: %s: %s", file->where.text, METADATA_TEMPLATE_KEY,
                     cause.message);
}

static enum gen_status own(struct gen_chat_template **out, const struct model_file *file,
                           const struct chat_ends *ends, struct gen_error *err) {
    const char *text = NULL;
    size_t n = 0;
    const struct setting *pattern = model_file_setting(file, METADATA_TEMPLATE_KEY);
    if (pattern != NULL) {
        return taught(out, file, pattern, ends, err);
    }
    enum gen_status status = model_file_get_string(file, CHAT_TEMPLATE_KEY, &text, &n, err);
    return status == GEN_OK && text != NULL
               ? chat_template_recognize(out, text, n, ends, file->where.text, err)
               : status;
}

/* Templates lie next to a directory's model, in files that opening it does not read. */
static enum gen_status of_directory(struct gen_chat_template **out, const struct model_file *file,
                                    const struct chat_ends *ends, struct gen_error *err) {
    struct model_file *found = memory_new(1, sizeof *found);
    if (found == NULL ||
        (found->name = memory_copy_string(file->name, strlen(file->name))) == NULL) {
        model_file_free(found);
        return error_no_memory(err, "a chat template");
    }
    found->where = file->where;
    enum gen_status status = chat_template_read(found, err);
    if (status == GEN_OK) {
        status = own(out, found, ends, err);
    }
    model_file_free(found);
    return status;
}

enum gen_status gen_chat_template_new(struct gen_chat_template **out, const struct gen_model *model,
                                      const char *name_or_pattern, struct gen_error *err) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    const struct model_file *file = model->source;
    *out = NULL;
    if (tokenizer == NULL) {
        return error_set(err, GEN_UNSUPPORTED, "%s: has no tokenizer, which a conversation needs",
                         model->where.text);
    }
    size_t n_eos = 0;
    const int32_t *eos_ids = gen_model_eos_ids(model, &n_eos);
    char *bos = copy_token(tokenizer, model->config.bos_token_id);
    char *eos = copy_token(tokenizer, n_eos > 0 ? eos_ids[0] : -1);
    const struct chat_ends ends = {bos, eos};
    enum gen_status status = GEN_OK;
    if (bos == NULL || eos == NULL) {
        status = error_no_memory(err, "a chat template");
    } else if (name_or_pattern != NULL) {
        status = chat_template_new(out, name_or_pattern, &ends, err);
    } else if (file != NULL && file->naming == NAMES_HF) {
        status = of_directory(out, file, &ends, err);
    } else if (file != NULL) {
        status = own(out, file, &ends, err);
    }
    memory_free(bos);
    memory_free(eos);
    return status;
}
