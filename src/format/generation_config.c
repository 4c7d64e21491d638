/**
 * generation_config.c - what a Hugging Face directory asks of generation: which ids end a text, and
 * which settings it has besides. Both are members of generation_config.json, and in directories
 * older than that file of config.json. The ids of both are heeded, whoever uses the model decides
 * about the rest, which is kept as JSON. What a GGUF has of it is brought here by
 * model/generation.c.
 */
#include "format/generation_config.h"

#include <math.h>
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

/* Settings that change a text: of transformers, then those that llama.cpp has besides, by the names
 * of gen's options. */
static const char *const keys[] = {
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "top_h",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "repetition_penalty",
    "no_repeat_ngram_size",
    "bad_words_ids",
    "suppress_tokens",
    "begin_suppress_tokens",
    "sequence_bias",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "exponential_decay_length_penalty",
    "renormalize_logits",
    "guidance_scale",
    "watermarking_config",
    "force_words_ids",
    "constraints",
    "dola_layers",
    "min_length",
    "min_new_tokens",
    "max_length",
    "max_new_tokens",
    "max_time",
    "stop_strings",
    "num_beams",
    "num_beam_groups",
    "diversity_penalty",
    "penalty_alpha",
    "length_penalty",
    "early_stopping",
    "num_return_sequences",
    "token_healing",
    "repeat_last_n",
    "xtc_probability",
    "xtc_threshold",
    "mirostat",
    "mirostat_ent",
    "mirostat_lr",
    "samplers",
};

/* Null, and but for do_sample false and an empty list, ask for nothing. */
static bool asks(const char *key, const cJSON *item) {
    if (item == NULL || cJSON_IsNull(item)) {
        return false;
    }
    if (cJSON_IsFalse(item)) {
        return strcmp(key, "do_sample") == 0;
    }
    return !(cJSON_IsArray(item) || cJSON_IsObject(item)) || item->child != NULL;
}

/* Spell infinities, and NaN as one, as text, as JSON has no number for them. False: out of memory.
 */
static bool spell_infinities(cJSON *item) {
    bool good = true;
    for (cJSON *child = item->child; child != NULL && good; child = child->next) {
        good = spell_infinities(child);
    }
    if (cJSON_IsNumber(item) && !isfinite(item->valuedouble)) {
        const char *text = item->valuedouble < 0 ? "\"-inf\"" : "\"inf\"";
        item->valuestring = cJSON_malloc(strlen(text) + 1);
        good = item->valuestring != NULL;
        if (good) {
            memcpy(item->valuestring, text, strlen(text) + 1);
            item->type = cJSON_Raw;
        }
    }
    return good;
}

/* A value as JSON, to be freed by cJSON_free(); NULL: out of memory. */
static char *spell(const cJSON *item) {
    cJSON *copy = cJSON_Duplicate(item, true);
    char *text = copy != NULL && spell_infinities(copy) ? cJSON_PrintUnformatted(copy) : NULL;
    cJSON_Delete(copy);
    return text;
}

/* Longest value that a sentence repeats. */
#define MOST_SHOWN 40

static bool append(struct gen_bytes *bytes, const char *text) {
    return gen_bytes_append(bytes, text, strlen(text)) == GEN_OK;
}

/* Add a setting to the object that is being written, and to the sentence about it. */
static bool add_setting(struct gen_bytes *object, struct gen_bytes *names, const char *key,
                        const cJSON *item) {
    struct error_quoted quoted;
    char *value = spell(item);
    bool good = value != NULL && append(object, object->n > 1 ? ",\"" : "\"") &&
                append(object, key) && append(object, "\":") && append(object, value) &&
                append(names, names->n > 0 ? ", " : "") && append(names, key);
    if (good && strlen(value) <= MOST_SHOWN) {
        good = append(names, " ") && append(names, error_quote(&quoted, value, strlen(value)));
    }
    cJSON_free(value);
    return good;
}

/* The sentence "FILE asks for ...". False: out of memory. */
static bool say(struct model_file *file, const char *where, const struct gen_bytes *names) {
    struct gen_error sentence;
    error_set(&sentence, GEN_OK, "%s asks for %.*s", where, (int)names->n, names->data);
    file->unheeded = memory_copy_string(sentence.message, strlen(sentence.message));
    return file->unheeded != NULL;
}

enum gen_status generation_config_keep(struct model_file *file, const cJSON *object,
                                       const char *where, struct gen_error *err) {
    struct gen_bytes text = {0}, names = {0};
    memory_free(file->unheeded);
    memory_free(file->generation);
    file->unheeded = file->generation = NULL;
    bool good = append(&text, "{");
    for (size_t i = 0; i < N_OF(keys) && good; i++) {
        const cJSON *item = json_member(object, keys[i]);
        good = !asks(keys[i], item) || add_setting(&text, &names, keys[i], item);
    }
    good = good && append(&text, "}");
    if (good && names.n > 0) {
        file->generation = memory_copy_string(text.data, text.n);
        good = file->generation != NULL && say(file, where, &names);
    }
    gen_bytes_release(&text);
    gen_bytes_release(&names);
    return good ? GEN_OK : error_no_memory(err, "the settings of generation");
}

enum gen_status generation_config_take(struct model_file *file, const cJSON *object,
                                       const char *where, struct gen_error *err) {
    enum gen_status status = generation_config_keep(file, object, where, err);
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
