/**
 * record_lists.c - values of JSON that are more than a number or a text, spelled as the command
 * line has them and taken by the same functions, so that what is wrong has the same sentence.
 */
#include "cmd/generate/record_lists.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/ids.h"
#include "cli/message.h"
#include "text/json.h"

const char *record_lists_keep(struct record_options *options, char *text) {
    alloc_grow(&options->texts, &options->texts_capacity, options->n_texts + 1,
               sizeof *options->texts);
    options->texts[options->n_texts++] = text;
    return text;
}

/* ---- one text --------------------------------------------------------------------------------*/

static enum gen_status add_stop(struct record_options *options, const char *text) {
    alloc_grow(&options->stop.data, &options->stop.capacity, options->stop.n + 1,
               sizeof *options->stop.data);
    options->stop.data[options->stop.n++] = text;
    return GEN_OK;
}

/* Take one text of an option. */
static enum gen_status take_text(struct record_options *options, const char *name, const char *text,
                                 const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct generate_rules *rules = &options->rules;
    struct gen_sampling *sampling = &options->settings.options.sampling;
    if (strcmp(name, "stop") == 0) {
        return add_stop(options, text);
    }
    if (strcmp(name, "eos-token-id") == 0) {
        return generate_rules_eos(rules, text, err);
    }
    if (strcmp(name, "bad-words") == 0) {
        generate_rules_bad_word(rules, text, strlen(text));
        return GEN_OK;
    }
    if (strcmp(name, "negative-prompt") == 0) {
        return generate_rules_negative(rules, tokenizer, text, options->settings.special, err);
    }
    if (strcmp(name, "force-words") == 0) {
        return generate_words_take(&rules->force_words, tokenizer, text, strlen(text), err);
    }
    if (strcmp(name, "logit-bias") == 0) {
        return generate_rules_bias(rules, text, err);
    }
    if (strcmp(name, "dry-sequence-breaker") == 0) {
        return generate_rules_breaker(rules, tokenizer, text, err);
    }
    if (strcmp(name, "samplers") == 0) {
        sampling->samplers = text;
        return GEN_OK;
    }
    return generate_rules_take(rules, sampling, name, text, err);
}

/* ---- values ----------------------------------------------------------------------------------*/

/* What the parts of a value must be. */
enum shape { TEXTS, IDS, BIASES, SEQUENCES, NAMES, PAIR, WORDS };

static enum shape shape_of(const char *name) {
    static const struct {
        const char *name;
        enum shape shape;
    } shapes[] = {{"eos-token-id", IDS},
                  {"suppress-tokens", IDS},
                  {"begin-suppress-tokens", IDS},
                  {"forced-eos-token-id", IDS},
                  {"logit-bias", BIASES},
                  {"sequence-bias", SEQUENCES},
                  {"samplers", NAMES},
                  {"force-words", WORDS},
                  {"exponential-decay-length-penalty", PAIR}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].name, name) == 0) {
            return shapes[i].shape;
        }
    }
    return TEXTS;
}

/* Of the whole, and of its parts. */
static const char *const must_be[] = {
    "text or a list of texts",
    "an id or a list of ids",
    "an object {\"ID\": X} or text",
    "a list of [[ID, ...], X], or text",
    "text or a list of names",
    "a list of two numbers, or text",
    "text or a list of texts and lists of them",
};
static const char *const must_hold[] = {
    "texts", "ids",         "numbers or \"-inf\"",      "pairs of ids and a number",
    "names", "two numbers", "texts and lists of texts",
};

/* "ID ID=X" of [[ID, ID], X]; NULL if it is none. */
static char *spell_sequence(const cJSON *item) {
    const cJSON *ids = cJSON_IsArray(item) ? item->child : NULL;
    const cJSON *bias = ids != NULL ? ids->next : NULL;
    struct gen_bytes text = {0};
    if (!cJSON_IsArray(ids) || bias == NULL || bias->next != NULL ||
        !(cJSON_IsNumber(bias) || cJSON_IsString(bias))) {
        return NULL;
    }
    for (const cJSON *id = ids->child; id != NULL; id = id->next) {
        int64_t number = -1;
        if (!json_is_integer(id, &number) || number < 0 || number > INT32_MAX) {
            gen_bytes_release(&text);
            return NULL;
        }
        ids_format(&text, &(int32_t){(int32_t)number}, 1, ' ');
        alloc_append(&text, " ", 1);
    }
    char *spelled =
        cJSON_IsString(bias)
            ? alloc_printf("%.*s=%s", (int)text.n, text.n > 0 ? text.data : "", bias->valuestring)
            : alloc_printf("%.*s=%.9g", (int)text.n, text.n > 0 ? text.data : "",
                           bias->valuedouble);
    gen_bytes_release(&text);
    return spelled;
}

/* Texts of a list with tabs between them; NULL if there is something else in it. */
static char *spell_words(const cJSON *list) {
    struct gen_bytes text = {0};
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        if (!cJSON_IsString(item)) {
            gen_bytes_release(&text);
            return NULL;
        }
        alloc_append(&text, "\t", text.n > 0 ? 1 : 0);
        alloc_append(&text, item->valuestring, strlen(item->valuestring));
    }
    char *spelled = alloc_printf("%.*s", (int)text.n, text.n > 0 ? text.data : "");
    gen_bytes_release(&text);
    return spelled;
}

/* A part of a list or an object as text of its own; NULL if it is none. */
static char *spell(const cJSON *item, enum shape shape, bool in_object) {
    if (shape == SEQUENCES && cJSON_IsArray(item)) {
        return spell_sequence(item);
    }
    if (shape == WORDS && cJSON_IsArray(item)) {
        return spell_words(item);
    }
    if (shape == IDS && cJSON_IsNumber(item)) {
        return alloc_printf("%.17g", item->valuedouble);
    }
    if (shape == PAIR && cJSON_IsNumber(item)) {
        return alloc_printf("%.9g", item->valuedouble);
    }
    if (in_object && cJSON_IsNumber(item)) {
        return alloc_printf("%s=%.9g", item->string, item->valuedouble);
    }
    if (in_object && cJSON_IsString(item)) {
        return alloc_printf("%s=%s", item->string, item->valuestring);
    }
    return cJSON_IsString(item) ? alloc_printf("%s", item->valuestring) : NULL;
}

static void add(struct record_texts *texts, char *text) {
    alloc_grow(&texts->data, &texts->capacity, texts->n + 1, sizeof *texts->data);
    texts->data[texts->n++] = text;
}

void record_texts_release(struct record_texts *texts) {
    for (size_t i = 0; i < texts->n; i++) {
        free(texts->data[i]);
    }
    free(texts->data);
    *texts = (struct record_texts){0};
}

/* Make one text of all, with `divider` between them. */
static void join(struct record_texts *texts, char divider) {
    struct gen_bytes text = {0};
    for (size_t i = 0; i < texts->n; i++) {
        alloc_append(&text, &divider, i > 0 ? 1 : 0);
        alloc_append(&text, texts->data[i], strlen(texts->data[i]));
    }
    char *joined = alloc_printf("%.*s", (int)text.n, text.n > 0 ? text.data : "");
    gen_bytes_release(&text);
    record_texts_release(texts);
    add(texts, joined);
}

enum gen_status record_lists_spell(struct record_texts *texts, const struct option *option,
                                   const char *name, const cJSON *value, struct gen_error *err) {
    enum shape shape = shape_of(option->name);
    bool in_object = shape == BIASES && cJSON_IsObject(value);
    if (cJSON_IsString(value) || (shape == IDS && cJSON_IsNumber(value))) {
        add(texts, spell(value, shape, false));
        return GEN_OK;
    }
    if (!cJSON_IsArray(value) && !in_object) {
        message_set(err, GEN_BAD_FILE, "\"%.80s\" is %s, but must be %s", name, json_kind(value),
                    must_be[shape]);
        return GEN_BAD_FILE;
    }
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        char *text = spell(item, shape, in_object);
        if (text == NULL) {
            message_set(err, GEN_BAD_FILE, "\"%.80s\" holds %s, but must hold %s", name,
                        json_kind(item), must_hold[shape]);
            return GEN_BAD_FILE;
        }
        add(texts, text);
    }
    if (shape == NAMES || shape == PAIR) {
        join(texts, shape == NAMES ? ';' : ',');
    }
    return GEN_OK;
}

enum gen_status record_lists_take(struct record_options *options, const struct option *option,
                                  const struct record_field *field,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct record_texts texts = {0};
    enum gen_status status = record_lists_spell(&texts, option, field->name, field->value, err);
    for (size_t i = 0; i < texts.n && status == GEN_OK; i++) {
        const char *text = record_lists_keep(options, alloc_printf("%s", texts.data[i]));
        status = take_text(options, option->name, text, tokenizer, err);
    }
    record_texts_release(&texts);
    return status;
}
