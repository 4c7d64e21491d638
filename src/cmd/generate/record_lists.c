/**
 * record_lists.c - values of JSON that are more than a number or a text, spelled as the command
 * line has them and taken by the same functions, so that what is wrong has the same sentence.
 */
#include "cmd/generate/record_lists.h"

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

static enum gen_status wrong(const struct record_field *field, const char *must,
                             struct gen_error *err) {
    message_set(err, GEN_BAD_FILE, "\"%.80s\" is %s, but must be %s", field->name,
                json_kind(field->value), must);
    return GEN_BAD_FILE;
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
        return generate_rules_bad_word(rules, tokenizer, text, strlen(text), err);
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
enum shape { TEXTS, IDS, BIASES, SEQUENCES, NAMES, PAIR };

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
    "text or a list of texts",       "an id or a list of ids",
    "an object {\"ID\": X} or text", "a list of [[ID, ...], X], or text",
    "text or a list of names",       "a list of two numbers, or text",
};
static const char *const must_hold[] = {
    "texts", "ids", "numbers or \"-inf\"", "pairs of ids and a number", "names", "two numbers",
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

/* A part of a list or an object as text; NULL if it is none. */
static const char *spell(struct record_options *options, const cJSON *item, enum shape shape,
                         bool in_object) {
    char *text = NULL;
    if (shape == SEQUENCES && cJSON_IsArray(item)) {
        text = spell_sequence(item);
    } else if (shape == IDS && cJSON_IsNumber(item)) {
        text = alloc_printf("%.17g", item->valuedouble);
    } else if (in_object && cJSON_IsNumber(item)) {
        text = alloc_printf("%s=%.9g", item->string, item->valuedouble);
    } else if (in_object && cJSON_IsString(item)) {
        text = alloc_printf("%s=%s", item->string, item->valuestring);
    } else if (cJSON_IsString(item)) {
        return item->valuestring;
    }
    return text != NULL ? record_lists_keep(options, text) : NULL;
}

/* Names as one text, "A;B", or two numbers, "X,Y". */
static enum gen_status take_joined(struct record_options *options, const char *name,
                                   const struct record_field *field, enum shape shape,
                                   const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct gen_bytes text = {0};
    bool good = true;
    for (const cJSON *item = field->value->child; item != NULL && good; item = item->next) {
        alloc_append(&text, shape == NAMES ? ";" : ",", text.n > 0 ? 1 : 0);
        good = shape == NAMES ? cJSON_IsString(item) : cJSON_IsNumber(item);
        if (good) {
            char *part = shape == NAMES ? alloc_printf("%s", item->valuestring)
                                        : alloc_printf("%.9g", item->valuedouble);
            record_lists_keep(options, part);
            alloc_append(&text, part, strlen(part));
        }
    }
    const char *joined =
        record_lists_keep(options, alloc_printf("%.*s", (int)text.n, text.n > 0 ? text.data : ""));
    gen_bytes_release(&text);
    return good ? take_text(options, name, joined, tokenizer, err)
                : wrong(field, must_be[shape], err);
}

enum gen_status record_lists_take(struct record_options *options, const struct option *option,
                                  const struct record_field *field,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    const cJSON *value = field->value;
    const char *name = option->name;
    enum shape shape = shape_of(name);
    bool in_object = shape == BIASES && cJSON_IsObject(value);
    if (cJSON_IsString(value) || (shape == IDS && cJSON_IsNumber(value))) {
        return take_text(options, name, spell(options, value, shape, false), tokenizer, err);
    }
    if (!cJSON_IsArray(value) && !in_object) {
        return wrong(field, must_be[shape], err);
    }
    if (shape == NAMES || shape == PAIR) {
        return take_joined(options, name, field, shape, tokenizer, err);
    }
    enum gen_status status = GEN_OK;
    for (const cJSON *item = value->child; item != NULL && status == GEN_OK; item = item->next) {
        const char *text = spell(options, item, shape, in_object);
        if (text == NULL) {
            message_set(err, GEN_BAD_FILE, "\"%.80s\" holds %s, but must hold %s", field->name,
                        json_kind(item), must_hold[shape]);
            return GEN_BAD_FILE;
        }
        status = take_text(options, name, text, tokenizer, err);
    }
    return status;
}
