/**
 * generation.c - settings of generation between the keys of a GGUF and the JSON in which whoever
 * generates takes them. What they mean is for the options of that name.
 */
#include "model/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "format/generation_config.h"
#include "text/json.h"

#define PREFIX "general.sampling."

/* A key of llama.cpp, without its prefix, and the member that it is. */
struct sampling_key {
    const char *key, *member;
    enum { WHOLE, NUMBER, TEXT } kind;
};
static const struct sampling_key keys[] = {
    {"sequence", "samplers", TEXT},
    {"top_k", "top_k", WHOLE},
    {"top_p", "top_p", NUMBER},
    {"min_p", "min_p", NUMBER},
    {"xtc_probability", "xtc_probability", NUMBER},
    {"xtc_threshold", "xtc_threshold", NUMBER},
    {"temp", "temperature", NUMBER},
    {"penalty_last_n", "repeat_last_n", WHOLE},
    {"penalty_repeat", "repetition_penalty", NUMBER},
    {"mirostat", "mirostat", WHOLE},
    {"mirostat_tau", "mirostat_ent", NUMBER},
    {"mirostat_eta", "mirostat_lr", NUMBER},
};

/* ---- reading ---------------------------------------------------------------------------------*/

/* The number of fewest digits that is this float. */
static double shortest(float value) {
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    return strtod(text, NULL);
}

static bool take_text(cJSON *object, const struct sampling_key *key,
                      const struct setting *setting) {
    char text[300];
    size_t n = setting->value.string.n;
    if (setting->type != SETTING_STRING || n >= sizeof text) {
        return true;
    }
    memcpy(text, setting->value.string.text, n);
    text[n] = '\0';
    return cJSON_AddStringToObject(object, key->member, text) != NULL;
}

/* Take one key; false: out of memory. */
static bool take_key(cJSON *object, const struct sampling_key *key, const struct model_file *file) {
    char name[64];
    snprintf(name, sizeof name, PREFIX "%s", key->key);
    const struct setting *setting = model_file_setting(file, name);
    if (setting == NULL) {
        return true;
    }
    if (key->kind == TEXT) {
        return take_text(object, key, setting);
    }
    int64_t whole = 0;
    double number = 0;
    if (key->kind == WHOLE &&
        model_file_get_int(file, name, INT32_MIN, INT32_MAX, &whole, NULL) == GEN_OK) {
        return cJSON_AddNumberToObject(object, key->member, (double)whole) != NULL;
    }
    if (key->kind == NUMBER &&
        model_file_get_float(file, name, -1e30, 1e30, &number, NULL) == GEN_OK) {
        return cJSON_AddNumberToObject(object, key->member, shortest((float)number)) != NULL;
    }
    return true;
}

/* Add the members of gen.generation_config that llama.cpp has no keys for. */
static enum gen_status take_own(cJSON *object, const struct model_file *file,
                                struct gen_error *err) {
    const char *text = NULL;
    size_t n = 0;
    cJSON *own = NULL;
    char where[200];
    if (model_file_setting(file, GENERATION_KEY) == NULL) {
        return GEN_OK;
    }
    enum gen_status status = model_file_get_string(file, GENERATION_KEY, &text, &n, err);
    snprintf(where, sizeof where, "%s: %s", file->where.text, GENERATION_KEY);
    if (status == GEN_OK) {
        status = json_parse(&own, text, n, where, err);
    }
    if (status == GEN_OK && !cJSON_IsObject(own)) {
        status =
            error_set(err, GEN_BAD_FILE, "%s is %s, but must be an object", where, json_kind(own));
    }
    for (const cJSON *item = own != NULL ? own->child : NULL; item != NULL && status == GEN_OK;
         item = item->next) {
        cJSON *copy = cJSON_Duplicate(item, true);
        if (copy == NULL || !cJSON_AddItemToObject(object, item->string, copy)) {
            cJSON_Delete(copy);
            status = error_no_memory(err, "the settings of generation");
        }
    }
    cJSON_Delete(own);
    return status;
}

enum gen_status generation_read(struct model_file *file, struct gen_error *err) {
    if (file->naming != NAMES_GGUF) {
        return GEN_OK;
    }
    cJSON *object = cJSON_CreateObject();
    bool good = object != NULL;
    for (size_t i = 0; i < N_OF(keys) && good; i++) {
        good = take_key(object, &keys[i], file);
    }
    enum gen_status status =
        good ? take_own(object, file, err) : error_no_memory(err, "the settings of generation");
    if (status == GEN_OK) {
        status = generation_config_keep(file, object, file->where.text, err);
    }
    cJSON_Delete(object);
    return status;
}

/* ---- writing ---------------------------------------------------------------------------------*/

/* Write a member under llama.cpp's key; *written is false where it has none for such a value. */
static enum gen_status write_member(struct gguf_writer *writer, const cJSON *item, bool *written,
                                    struct gen_error *err) {
    *written = false;
    for (size_t i = 0; i < N_OF(keys); i++) {
        char name[64];
        int64_t whole = 0;
        snprintf(name, sizeof name, PREFIX "%s", keys[i].key);
        if (strcmp(keys[i].member, item->string) != 0 || keys[i].kind == TEXT ||
            !cJSON_IsNumber(item)) {
            continue;
        }
        if (keys[i].kind == NUMBER) {
            *written = true;
            return gguf_writer_f32(writer, name, (float)item->valuedouble, err);
        }
        if (json_is_integer(item, &whole) && whole >= INT32_MIN && whole <= INT32_MAX) {
            struct setting setting = {.key = name, .type = SETTING_I32, .value.i = whole};
            *written = true;
            return gguf_writer_setting(writer, &setting, err);
        }
    }
    return GEN_OK;
}

/* Write what an object has; what has keys of llama.cpp leaves it. */
static enum gen_status write_members(struct gguf_writer *writer, cJSON *object,
                                     struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (cJSON *item = object->child; item != NULL && status == GEN_OK;) {
        cJSON *next = item->next;
        bool written;
        status = write_member(writer, item, &written, err);
        if (written) {
            cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
        }
        item = next;
    }
    return status;
}

/* Whether an object says only that ids are drawn, as they are anyway. */
static bool says_nothing(const cJSON *object) {
    const cJSON *first = object->child;
    return first == NULL ||
           (first->next == NULL && strcmp(first->string, "do_sample") == 0 && cJSON_IsTrue(first));
}

static enum gen_status write_object(struct gguf_writer *writer, const cJSON *object,
                                    struct gen_error *err) {
    if (says_nothing(object)) {
        return GEN_OK;
    }
    char *text = cJSON_PrintUnformatted(object);
    if (text == NULL) {
        return error_no_memory(err, "the settings of generation");
    }
    enum gen_status status = gguf_writer_string(writer, GENERATION_KEY, text, strlen(text), err);
    cJSON_free(text);
    return status;
}

enum gen_status generation_write(struct gguf_writer *writer, const struct model_file *source,
                                 struct gen_error *err) {
    if (source == NULL) {
        return GEN_OK;
    }
    if (source->naming == NAMES_GGUF) {
        const struct setting *setting = model_file_setting(source, GENERATION_KEY);
        return setting != NULL ? gguf_writer_setting(writer, setting, err) : GEN_OK;
    }
    cJSON *object = NULL;
    if (source->generation == NULL) {
        return GEN_OK;
    }
    enum gen_status status = json_parse(&object, source->generation, strlen(source->generation),
                                        source->where.text, err);
    if (status == GEN_OK) {
        status = write_members(writer, object, err);
    }
    if (status == GEN_OK) {
        status = write_object(writer, object, err);
    }
    cJSON_Delete(object);
    return status;
}
