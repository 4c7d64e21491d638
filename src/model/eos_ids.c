/**
 * eos_ids.c - the ids that end a text, from all places of a model file that name some, and back
 * into the keys of a GGUF. What is done at such an id is the affair of src/generate.
 */
#include "model/eos_ids.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/size.h"

static const char eos_key[] = "tokenizer.ggml.eos_token_id";
static const char own_key[] = "gen.eos_token_ids";
static const char *const turn_keys[] = {"tokenizer.ggml.eot_token_id",
                                        "tokenizer.ggml.eom_token_id"};

/* Most entries of gen.eos_token_ids. */
#define MAX_IDS 4096

static bool has(const struct gen_ids *ids, int32_t id) {
    for (size_t i = 0; i < ids->n; i++) {
        if (ids->data[i] == id) {
            return true;
        }
    }
    return false;
}

static enum gen_status add(struct gen_ids *ids, int32_t id, const struct gen_config *config,
                           struct gen_error *err) {
    if (id < 0 || id >= config->n_vocab || has(ids, id)) {
        return GEN_OK;
    }
    return gen_ids_append(ids, &id, 1) == GEN_OK ? GEN_OK
                                                 : error_no_memory(err, "the end-of-text ids");
}

/* ---- reading ---------------------------------------------------------------------------------*/

static enum gen_status read_own(struct gen_ids *ids, const struct gen_config *config,
                                const struct model_file *file, struct gen_error *err) {
    const struct setting *list = model_file_setting(file, own_key);
    if (list == NULL) {
        return GEN_OK;
    }
    if (list->type != SETTING_ARRAY ||
        (list->element_type != SETTING_U32 && list->element_type != SETTING_I32) ||
        list->value.array.n > MAX_IDS) {
        return error_set(err, GEN_BAD_FILE, "%s: %s must be an array of at most %d token ids (u32)",
                         file->where.text, own_key, MAX_IDS);
    }
    enum gen_status status = GEN_OK;
    struct cursor in = cursor_over(list->value.array.data, list->value.array.size);
    for (uint64_t i = 0; i < list->value.array.n && status == GEN_OK; i++) {
        uint32_t id = cursor_u32(&in);
        if (id >= (uint32_t)config->n_vocab) {
            return error_set(
                err, GEN_BAD_FILE, "%s: %s holds %lld, but ids are from 0 to %d", file->where.text,
                own_key, list->element_type == SETTING_I32 ? (long long)(int32_t)id : (long long)id,
                (int)(config->n_vocab - 1));
        }
        status = add(ids, (int32_t)id, config, err);
    }
    return status;
}

static enum gen_status read_gguf(struct gen_ids *ids, const struct gen_config *config,
                                 const struct model_file *file, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(turn_keys) && status == GEN_OK; i++) {
        int64_t id = -1;
        status = model_file_get_int(file, turn_keys[i], 0, config->n_vocab - 1, &id, err);
        if (status == GEN_OK) {
            status = add(ids, (int32_t)id, config, err);
        }
    }
    return status == GEN_OK ? read_own(ids, config, file, err) : status;
}

enum gen_status eos_ids_read(struct gen_ids *ids, const struct gen_config *config,
                             const struct gen_tokenizer *tokenizer, const struct model_file *file,
                             struct gen_error *err) {
    enum gen_status status = add(ids, config->eos_token_id, config, err);
    if (status == GEN_OK && tokenizer != NULL) {
        status = add(ids, gen_tokenizer_eos(tokenizer), config, err);
    }
    if (file == NULL || status != GEN_OK) {
        return status;
    }
    for (size_t i = 0; i < file->eos_ids.n && status == GEN_OK; i++) {
        status = add(ids, file->eos_ids.data[i], config, err);
    }
    return status == GEN_OK && file->naming == NAMES_GGUF ? read_gguf(ids, config, file, err)
                                                          : status;
}

/* ---- writing ---------------------------------------------------------------------------------*/

static bool names(const struct model_file *carried, const char *key, int32_t id) {
    int64_t value = -1;
    return carried != NULL && carried->naming == NAMES_GGUF &&
           model_file_get_int(carried, key, 0, INT32_MAX, &value, NULL) == GEN_OK && value == id;
}

static bool is_carried(const struct model_file *carried, const char *key) {
    return carried != NULL && carried->naming == NAMES_GGUF &&
           model_file_setting(carried, key) != NULL;
}

enum gen_status eos_ids_write(struct gguf_writer *writer, const struct gen_ids *ids,
                              const struct model_file *carried, bool *own, struct gen_error *err) {
    *own = false;
    if (ids->n == 0) {
        return GEN_OK;
    }
    enum gen_status status = gguf_writer_u32(writer, eos_key, (uint32_t)ids->data[0], err);
    bool writes_turn = ids->n > 1 && !is_carried(carried, turn_keys[0]);
    if (status == GEN_OK && writes_turn) {
        status = gguf_writer_u32(writer, turn_keys[0], (uint32_t)ids->data[1], err);
    }
    for (size_t i = 1; i < ids->n; i++) {
        int32_t id = ids->data[i];
        *own = *own || !((writes_turn && i == 1) || names(carried, turn_keys[0], id) ||
                         names(carried, turn_keys[1], id));
    }
    return status == GEN_OK && *own ? gguf_writer_u32_array(writer, own_key, ids->data, ids->n, err)
                                    : status;
}
