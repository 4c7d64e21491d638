/**
 * generation_config.c - what a Hugging Face directory asks of generation: which ids end a text, and
 * which settings it has besides. Both are members of generation_config.json, and in directories
 * older than that file of config.json. The ids of both are heeded, whoever uses the model decides
 * about the rest; here they are only named.
 */
#include "format/generation_config.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "format/json_file.h"

/* Most bytes of generation_config.json, and most ids in one list. */
#define FILE_LIMIT ((size_t)4 << 20)
#define MAX_IDS    1024

/* ---- the ids that end a text -----------------------------------------------------------------*/

static enum gen_status add_id(struct model_file *file, const cJSON *item, const char *where,
                              struct gen_error *err) {
    int64_t id = 0;
    if (!json_is_integer(item, &id)) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: eos_token_id holds %s, but must be a token id (a whole number, 0 or "
                         "more) or a list of them",
                         where, json_kind(item));
    }
    if (id < 0) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: eos_token_id holds %lld, but token ids are 0 or more", where,
                         (long long)id);
    }
    if (id > INT32_MAX) {
        return GEN_OK; /* no model has it, so it never ends a text */
    }
    int32_t known = (int32_t)id;
    return gen_ids_append(&file->eos_ids, &known, 1) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "the end-of-text ids");
}

/* One id, a list of them, or null or -1 for none. */
static enum gen_status take_eos(struct model_file *file, const cJSON *eos, const char *where,
                                struct gen_error *err) {
    int64_t id = 0;
    if (eos == NULL || cJSON_IsNull(eos) || (json_is_integer(eos, &id) && id == -1)) {
        return GEN_OK;
    }
    if (!cJSON_IsArray(eos)) {
        return add_id(file, eos, where, err);
    }
    enum gen_status status = GEN_OK;
    size_t n = 0;
    for (const cJSON *item = eos->child; item != NULL && status == GEN_OK; item = item->next) {
        if (++n > MAX_IDS) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: eos_token_id lists more than the %d ids that gen can end a text "
                             "at",
                             where, MAX_IDS);
        }
        status = add_id(file, item, where, err);
    }
    return status;
}

/* ---- what else there is ----------------------------------------------------------------------*/

/* A setting that changes a text of a GPT-2, and the number at which it does not. */
struct effective {
    const char *key;
    double harmless;
};

/* Null, false, an empty list and the like are harmless everywhere. */
#define NO_NUMBER (-1e300)

static const struct effective effective[] = {
    {"do_sample", NO_NUMBER},
    {"temperature", 1},
    {"top_k", 50},
    {"top_p", 1},
    {"min_p", 0},
    {"top_h", NO_NUMBER},
    {"typical_p", 1},
    {"epsilon_cutoff", 0},
    {"eta_cutoff", 0},
    {"repetition_penalty", 1},
    {"no_repeat_ngram_size", 0},
    {"bad_words_ids", NO_NUMBER},
    {"suppress_tokens", NO_NUMBER},
    {"begin_suppress_tokens", NO_NUMBER},
    {"sequence_bias", NO_NUMBER},
    {"forced_bos_token_id", NO_NUMBER},
    {"forced_eos_token_id", NO_NUMBER},
    {"exponential_decay_length_penalty", NO_NUMBER},
    {"guidance_scale", 1},
    {"watermarking_config", NO_NUMBER},
    {"min_length", 0},
    {"min_new_tokens", 0},
    {"max_length", 20},
    {"max_new_tokens", NO_NUMBER},
    {"max_time", NO_NUMBER},
    {"stop_strings", NO_NUMBER},
    {"num_beams", 1},
    {"length_penalty", 1},
    {"num_return_sequences", 1},
    {"token_healing", NO_NUMBER},
};

static bool has_effect(const cJSON *item, double harmless) {
    if (item == NULL || cJSON_IsNull(item) || cJSON_IsFalse(item)) {
        return false;
    }
    if (cJSON_IsNumber(item)) {
        return item->valuedouble != harmless;
    }
    return !(cJSON_IsArray(item) || cJSON_IsObject(item)) || item->child != NULL;
}

/* The names of the settings in `object` that change a text: "top_k, num_beams", or "". */
static bool name_settings(struct gen_bytes *names, const cJSON *object) {
    bool good = true;
    for (size_t i = 0; i < N_OF(effective) && good; i++) {
        const char *key = effective[i].key;
        if (has_effect(json_member(object, key), effective[i].harmless)) {
            good = gen_bytes_append(names, ", ", names->n > 0 ? 2 : 0) == GEN_OK &&
                   gen_bytes_append(names, key, strlen(key)) == GEN_OK;
        }
    }
    return good;
}

/* Say which settings of `object` are left aside, in place of what was said of a file before. */
static enum gen_status note_settings(struct model_file *file, const cJSON *object,
                                     const char *where, struct gen_error *err) {
    struct gen_bytes names = {0};
    struct gen_error sentence;
    memory_free(file->unheeded);
    file->unheeded = NULL;
    bool good = name_settings(&names, object);
    if (good && names.n > 0) {
        error_set(&sentence, GEN_OK,
                  "%s: of its settings of generation only eos_token_id counts, not %.*s (give "
                  "options instead)",
                  where, (int)names.n, names.data);
        file->unheeded = memory_copy_string(sentence.message, strlen(sentence.message));
        good = file->unheeded != NULL;
    }
    gen_bytes_release(&names);
    return good ? GEN_OK : error_no_memory(err, "the settings of generation");
}

enum gen_status generation_config_take(struct model_file *file, const cJSON *object,
                                       const char *where, struct gen_error *err) {
    enum gen_status status = note_settings(file, object, where, err);
    return status == GEN_OK ? take_eos(file, json_member(object, "eos_token_id"), where, err)
                            : status;
}

enum gen_status generation_config_read(struct model_file *file, const char *directory,
                                       struct gen_error *err) {
    struct error_quoted where;
    cJSON *object = NULL;
    char *path = file_join(directory, "generation_config.json");
    if (path == NULL) {
        return error_no_memory(err, "a path");
    }
    enum gen_status status = GEN_OK;
    if (file_kind_of(path) != FILE_MISSING) {
        status = json_read_object(&object, path, FILE_LIMIT, err);
    }
    if (status == GEN_OK && object != NULL) {
        status = generation_config_take(file, object, error_path(&where, path), err);
    }
    cJSON_Delete(object);
    memory_free(path);
    return status;
}
