/**
 * record_options.c - the options of one prompt, found by name in the table of `gen generate` and
 * set as the command line sets them, so that what is wrong has the same sentence.
 */
#include "cmd/generate/record_options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/field.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "text/json.h"

/* ---- which they are --------------------------------------------------------------------------*/

/* Whether `name`, with `_` for `-`, is that of an option. */
static bool is_name(const char *name, const char *option) {
    while (*option != '\0' && *name == (*option == '-' ? '_' : *option)) {
        name++;
        option++;
    }
    return *option == '\0' && *name == '\0';
}

/* Goes through the options that a record may have. Start from {0}. */
struct option_walk {
    size_t row;
    bool in_group;
};

static const struct option *next_option(struct option_walk *walk) {
    while (walk->row < generate_spec.n_table) {
        const struct option *option = &generate_spec.table[walk->row++];
        if (option->kind == OPTION_HEADING) {
            walk->in_group = generate_is_group_of_texts(option->name);
        } else if (walk->in_group) {
            return option;
        }
    }
    return NULL;
}

static const struct option *find(const char *name) {
    struct option_walk walk = {0};
    const struct option *option;
    name = strcmp(name, "stop_strings") == 0 ? "stop" : name;
    do {
        option = next_option(&walk);
    } while (option != NULL && !is_name(name, option->name));
    return option;
}

static bool is_do_sample(const char *name) {
    return strcmp(name, "do_sample") == 0;
}

bool record_options_is(const char *name) {
    return is_do_sample(name) || find(name) != NULL;
}

const char *record_options_name(size_t i) {
    static const char *const others[] = {"stop-strings", "do-sample"};
    struct option_walk walk = {0};
    const struct option *option;
    while ((option = next_option(&walk)) != NULL) {
        if (i-- == 0) {
            return option->name;
        }
    }
    return i < N_OF(others) ? others[i] : NULL;
}

/* ---- values ----------------------------------------------------------------------------------*/

/* A text that is kept until the next record. */
static const char *keep(struct record_options *options, char *text) {
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

static enum gen_status take_flag(bool *flag, const struct record_field *field,
                                 struct gen_error *err) {
    const char *text = cJSON_IsString(field->value) ? field->value->valuestring : "";
    /* Python's csv writes True. */
    bool is_true = cJSON_IsTrue(field->value) || strcasecmp(text, "true") == 0;
    if (!is_true && !cJSON_IsFalse(field->value) && strcasecmp(text, "false") != 0) {
        return wrong(field, "true or false", err);
    }
    *flag = is_true;
    return GEN_OK;
}

/* One text of a list. */
static enum gen_status take_text(struct record_options *options, const struct option *option,
                                 const char *text, const struct gen_tokenizer *tokenizer,
                                 struct gen_error *err) {
    if (strcmp(option->name, "stop") == 0) {
        alloc_grow(&options->stop.data, &options->stop.capacity, options->stop.n + 1,
                   sizeof *options->stop.data);
        options->stop.data[options->stop.n++] = text;
        return GEN_OK;
    }
    return strcmp(option->name, "bad-words") == 0
               ? generate_rules_bad_word(&options->rules, tokenizer, text, strlen(text), err)
               : generate_rules_bias(&options->rules, text, err);
}

static enum gen_status take_list(struct record_options *options, const struct option *option,
                                 const struct record_field *field,
                                 const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    const cJSON *value = field->value;
    bool takes_object = strcmp(option->name, "logit-bias") == 0;
    if (cJSON_IsString(value)) {
        return take_text(options, option, value->valuestring, tokenizer, err);
    }
    if (!cJSON_IsArray(value) && !(takes_object && cJSON_IsObject(value))) {
        return wrong(
            field, takes_object ? "an object {\"ID\": X} or text" : "text or a list of texts", err);
    }
    enum gen_status status = GEN_OK;
    for (const cJSON *item = value->child; item != NULL && status == GEN_OK; item = item->next) {
        const char *text = item->valuestring;
        if (cJSON_IsObject(value) && cJSON_IsNumber(item)) {
            text = keep(options, alloc_printf("%s=%.9g", item->string, item->valuedouble));
        } else if (cJSON_IsObject(value) && text != NULL) {
            text = keep(options, alloc_printf("%s=%s", item->string, text));
        }
        if (text == NULL) {
            message_set(err, GEN_BAD_FILE, "\"%.80s\" holds %s, but must hold %s", field->name,
                        json_kind(item), takes_object ? "numbers or \"-inf\"" : "texts");
            return GEN_BAD_FILE;
        }
        status = take_text(options, option, text, tokenizer, err);
    }
    return status;
}

/* Set an option that has one value. */
static enum gen_status take_value(struct record_options *options, const struct option *option,
                                  const struct record_field *field, struct gen_error *err) {
    const char *text = field->value->valuestring;
    if (cJSON_IsNumber(field->value)) {
        text = keep(options, alloc_printf("%.*s", (int)field->spelled.n, field->spelled.bytes));
    }
    if (text == NULL) {
        return wrong(field, "a number", err);
    }
    return option_set(&options->settings, option, text, err) ? GEN_OK : GEN_BAD_ARGUMENT;
}

static bool is_given(const struct record_options *options, const char *name) {
    const struct option *option = find(name);
    return options->given[option - generate_spec.table];
}

static enum gen_status take_field(struct record_options *options, const struct record_field *field,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    if (is_do_sample(field->name)) {
        bool sample = false;
        enum gen_status status = take_flag(&sample, field, err);
        options->settings.greedy = options->settings.greedy || !sample;
        options->any = true;
        return status;
    }
    const struct option *option = find(field->name);
    bool *given = &options->given[option - generate_spec.table];
    if (*given) {
        message_set(err, GEN_BAD_FILE,
                    "\"stop\" and \"stop_strings\" are the same (leave one out)");
        return GEN_BAD_FILE;
    }
    options->any = *given = true;
    if (option->kind == OPTION_FLAG) {
        return take_flag(field_at(&options->settings, option->offset), field, err);
    }
    bool is_list = option->kind == OPTION_LIST || option->kind == OPTION_STRING;
    return is_list ? take_list(options, option, field, tokenizer, err)
                   : take_value(options, option, field, err);
}

/* ---- all of them -----------------------------------------------------------------------------*/

static void forget(struct record_options *options) {
    for (size_t i = 0; i < options->n_texts; i++) {
        free(options->texts[i]);
    }
    options->n_texts = 0;
    options->stop.n = 0;
    options->any = false;
    generate_rules_release(&options->rules);
    if (options->given == NULL) {
        options->given = alloc_new(generate_spec.n_table, sizeof *options->given);
    }
    memset(options->given, 0, generate_spec.n_table * sizeof *options->given);
}

/* What the values mean together. */
static enum gen_status complete(struct record_options *options, bool own_length, uint64_t seed,
                                struct gen_error *err) {
    struct generate_settings *settings = &options->settings;
    struct gen_generate_options *own = &settings->options;
    if (settings->greedy && is_given(options, "temperature")) {
        message_set(err, GEN_BAD_FILE, "\"temperature\" and greedy text exclude each other");
        return GEN_BAD_FILE;
    }
    if (settings->greedy) {
        own->sampling.temperature = 0;
    }
    if (!is_given(options, "seed")) {
        own->seed = seed;
    }
    if (is_given(options, "stop")) {
        own->stop = options->stop.data;
        own->n_stop = options->stop.n;
    }
    if (is_given(options, "bad_words")) {
        own->sampling.bad_words = options->rules.bad_words;
        own->sampling.n_bad_words = options->rules.n_bad_words;
    }
    if (is_given(options, "logit_bias")) {
        own->sampling.logit_bias = options->rules.bias;
        own->sampling.n_logit_bias = options->rules.n_bias;
    }
    if (is_given(options, "max_length") && !is_given(options, "max_new_tokens") && !own_length) {
        own->max_new_tokens = -1;
    }
    own->stop_at_sentence = settings->stop_at == GENERATE_STOP_AT_SENTENCE;
    options->options = *own;
    return generate_options_check(own, err);
}

enum gen_status record_options_take(struct record_options *options,
                                    const struct generate_settings *run, bool own_length,
                                    const struct record_fields *fields, uint64_t seed,
                                    const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    forget(options);
    options->settings = *run;
    options->settings.greedy = false; /* the run's is its temperature by now */
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < fields->n && status == GEN_OK; i++) {
        const struct record_field *field = &fields->data[i];
        if (record_options_is(field->name) && !cJSON_IsNull(field->value)) {
            status = take_field(options, field, tokenizer, err);
        }
    }
    return status == GEN_OK && options->any ? complete(options, own_length, seed, err) : status;
}

void record_options_release(struct record_options *options) {
    forget(options);
    free(options->texts);
    free(options->stop.data);
    free(options->given);
    *options = (struct record_options){0};
}
