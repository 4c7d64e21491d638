/**
 * model_defaults.c - settings of a model's files set by the rows of the table of options, so that
 * their ranges and sentences are those of the command line.
 */
#include "cmd/generate/model_defaults.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cmd/generate/record_lists.h"
#include "text/json.h"

const char *const model_defaults_names[] = {"gen", "model", NULL};

/* What one setting is taken with. */
struct taking {
    struct model_defaults *defaults;
    struct generate_settings *settings;
    const struct options_parsed *parsed;
    const struct options_spec *spec;
    bool (*is_group)(const char *heading);
    const struct gen_model *model;
};

static char *keep(struct model_defaults *defaults, char *text) {
    alloc_grow(&defaults->texts, &defaults->capacity, defaults->n + 1, sizeof *defaults->texts);
    return defaults->texts[defaults->n++] = text;
}

void model_defaults_release(struct model_defaults *defaults) {
    for (size_t i = 0; i < defaults->n; i++) {
        free(defaults->texts[i]);
    }
    free(defaults->texts);
    gen_bytes_release(&defaults->unknown);
    *defaults = (struct model_defaults){0};
}

/* Whether `member`, which has `_` for `-`, names the option. */
static bool names(const char *member, const char *option) {
    while (*option != '\0' && *member == (*option == '-' ? '_' : *option)) {
        member++;
        option++;
    }
    return *option == '\0' && *member == '\0';
}

/* The option that a member is, or NULL. */
static const struct option *find(const struct taking *taking, const char *member) {
    bool in_group = false;
    member = strcmp(member, "stop_strings") == 0    ? "stop"
             : strcmp(member, "bad_words_ids") == 0 ? "sequence_bias"
                                                    : member;
    for (size_t i = 0; i < taking->spec->n_table; i++) {
        const struct option *option = &taking->spec->table[i];
        if (option->kind == OPTION_HEADING) {
            in_group = taking->is_group(option->name);
        } else if (in_group && names(member, option->name)) {
            return option;
        }
    }
    return NULL;
}

static bool is_given(const struct taking *taking, const char *name) {
    for (size_t i = 0; i < taking->spec->n_table; i++) {
        const struct option *option = &taking->spec->table[i];
        if (option->kind != OPTION_HEADING && strcmp(option->name, name) == 0) {
            return taking->parsed->given[i];
        }
    }
    return false;
}

/* Set an option to the text of its value, which is kept. */
static enum gen_status set(const struct taking *taking, const struct option *option, char *text,
                           struct gen_error *err) {
    keep(taking->defaults, text);
    return option_set(taking->settings, option, option->kind == OPTION_FLAG ? NULL : text, err)
               ? GEN_OK
               : GEN_BAD_ARGUMENT;
}

/* A text in which escapes are resolved later. */
static char *escape(const char *text) {
    struct gen_bytes escaped = {0};
    for (; *text != '\0'; text++) {
        alloc_append(&escaped, "\\\\", *text == '\\' ? 2 : 0);
        alloc_append(&escaped, text, *text == '\\' ? 0 : 1);
    }
    alloc_append(&escaped, "", 1);
    return escaped.data;
}

/* Words that must not come are sequences with a bias of -infinity; an eos alone is none. */
static enum gen_status forbid_word(const struct taking *taking, const struct option *option,
                                   const cJSON *ids, struct gen_error *err) {
    size_t n_eos;
    const int32_t *eos = gen_model_eos_ids(taking->model, &n_eos);
    struct gen_bytes text = {0};
    for (size_t i = 0; i < n_eos; i++) {
        const cJSON *first = cJSON_IsArray(ids) ? ids->child : NULL;
        if (first != NULL && first->next == NULL && first->valuedouble == (double)eos[i]) {
            return GEN_OK;
        }
    }
    for (const cJSON *id = cJSON_IsArray(ids) ? ids->child : NULL; id != NULL; id = id->next) {
        char *number = alloc_printf("%.17g ", cJSON_IsNumber(id) ? id->valuedouble : -1.0);
        alloc_append(&text, number, strlen(number));
        free(number);
    }
    char *spelled = alloc_printf("%.*s=-inf", (int)text.n, text.n > 0 ? text.data : "");
    gen_bytes_release(&text);
    return set(taking, option, spelled, err);
}

/* Set an option from the value of a member. */
static enum gen_status take_value(const struct taking *taking, const struct option *option,
                                  const cJSON *value, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (strcmp(value->string, "bad_words_ids") == 0) {
        for (const cJSON *ids = value->child; ids != NULL && status == GEN_OK; ids = ids->next) {
            status = forbid_word(taking, option, ids, err);
        }
        return status;
    }
    if (option->kind == OPTION_LIST || option->kind == OPTION_STRING) {
        struct record_texts texts = {0};
        status = record_lists_spell(&texts, option, value->string, value, err);
        for (size_t i = 0; i < texts.n && status == GEN_OK; i++) {
            bool has_escapes = strcmp(option->name, "stop") == 0;
            const char *text = texts.data[i];
            status =
                set(taking, option, has_escapes ? escape(text) : alloc_printf("%s", text), err);
        }
        record_texts_release(&texts);
        return status;
    }
    if (!cJSON_IsNumber(value) && !cJSON_IsBool(value) && !cJSON_IsString(value)) {
        message_set(err, GEN_BAD_FILE, "\"%.80s\" is %s, but must be a number", value->string,
                    json_kind(value));
        return GEN_BAD_FILE;
    }
    return set(taking, option,
               cJSON_IsNumber(value)   ? alloc_printf("%.9g", value->valuedouble)
               : cJSON_IsString(value) ? alloc_printf("%s", value->valuestring)
                                       : alloc_printf("%s", cJSON_IsTrue(value) ? "true" : "false"),
               err);
}

/* do_sample says whether to draw, unless the user has. */
static void take_do_sample(const struct taking *taking, const cJSON *value) {
    if (is_given(taking, "greedy") || is_given(taking, "temperature") ||
        is_given(taking, "do-sample")) {
        return;
    }
    taking->settings->do_sample = cJSON_IsTrue(value);
    taking->settings->greedy = cJSON_IsFalse(value);
}

static enum gen_status take_member(const struct taking *taking, const cJSON *item,
                                   struct gen_error *err) {
    struct model_defaults *defaults = taking->defaults;
    if (strcmp(item->string, "do_sample") == 0) {
        take_do_sample(taking, item);
        return GEN_OK;
    }
    const struct option *option = find(taking, item->string);
    if (option == NULL) {
        alloc_append(&defaults->unknown, ", ", defaults->unknown.n > 0 ? 2 : 0);
        alloc_append(&defaults->unknown, item->string, strlen(item->string));
        return GEN_OK;
    }
    bool *given = &taking->parsed->given[option - taking->spec->table];
    bool overruled = strcmp(option->name, "temperature") == 0 && is_given(taking, "greedy");
    bool mine = strcmp(item->string, "bad_words_ids") == 0; /* added to what there is */
    if ((*given && !mine) || overruled) {
        return GEN_OK;
    }
    enum gen_status status = take_value(taking, option, item, err);
    *given = true;
    return status;
}

enum gen_status model_defaults_take(struct model_defaults *defaults, void *settings,
                                    const struct options_parsed *parsed,
                                    const struct options_spec *spec,
                                    bool (*is_group)(const char *heading),
                                    const struct gen_model *model, const char *name,
                                    struct gen_error *err) {
    const struct taking taking = {defaults, settings, parsed, spec, is_group, model};
    const char *text = gen_model_generation(model);
    struct gen_error cause;
    cJSON *object = NULL;
    if (text == NULL) {
        return GEN_OK;
    }
    enum gen_status status = json_parse(&object, text, strlen(text), "settings", &cause);
    for (const cJSON *item = object != NULL ? object->child : NULL;
         item != NULL && status == GEN_OK; item = item->next) {
        status = take_member(&taking, item, &cause);
    }
    cJSON_Delete(object);
    if (status != GEN_OK) {
        message_set(err, status, "%.200s asks for what cannot be: %.300s (--defaults gen)", name,
                    cause.message);
    }
    return status;
}

void model_defaults_say(const struct model_defaults *defaults,
                        const struct generate_settings *settings, const struct gen_model *model) {
    if (gen_model_unheeded(model) == NULL) {
        return;
    }
    if (settings->defaults == GENERATE_DEFAULTS_GEN) {
        message("%s (--defaults model takes it)", gen_model_unheeded(model));
    } else if (defaults->unknown.n > 0) {
        message("%s, which is taken but for %.*s", gen_model_unheeded(model),
                (int)defaults->unknown.n, defaults->unknown.data);
    } else {
        message("%s, which is taken", gen_model_unheeded(model));
    }
}
