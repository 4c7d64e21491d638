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
#include "cmd/generate/record_lists.h"
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

/* Set an option that has one value. */
static enum gen_status take_value(struct record_options *options, const struct option *option,
                                  const struct record_field *field, struct gen_error *err) {
    const char *text = field->value->valuestring;
    if (cJSON_IsNumber(field->value)) {
        text = record_lists_keep(options,
                                 alloc_printf("%.*s", (int)field->spelled.n, field->spelled.bytes));
    }
    if (cJSON_IsBool(field->value) && option->kind == OPTION_CHOICE) {
        text = cJSON_IsTrue(field->value) ? "true" : "false"; /* "early_stopping": true */
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

/* The lines of `choices`, a list of texts. */
static enum gen_status join_choices(struct gen_bytes *lines, const struct record_field *field,
                                    struct gen_error *err) {
    const cJSON *value = field->value;
    bool is_list = cJSON_IsArray(value);
    for (const cJSON *item = is_list ? value->child : value; item != NULL;
         item = is_list ? item->next : NULL) {
        const char *text = cJSON_IsString(item) ? item->valuestring : NULL;
        if (is_list && (text == NULL || strchr(text, '\n') != NULL)) {
            message_set(err, GEN_BAD_FILE, "\"%.80s\" holds %s, but must hold texts, each a line",
                        field->name, text == NULL ? json_kind(item) : "text of several lines");
            return GEN_BAD_FILE;
        }
        if (text == NULL) {
            return wrong(field, "text or a list of texts, each a line", err);
        }
        alloc_append(lines, text, strlen(text));
        alloc_append(lines, "\n", 1);
    }
    return GEN_OK;
}

/* The text that a form is made of; false in *any: there is none. */
static enum gen_status take_form_text(struct gen_bytes *text, enum generate_form form,
                                      const struct record_field *field, bool *any,
                                      struct gen_error *err) {
    const cJSON *value = field->value;
    bool is_schema = form == GENERATE_FORM_JSON_SCHEMA;
    *any = true;
    if (form == GENERATE_FORM_JSON_OBJECT) {
        alloc_append(text, "{}", 2);
        return take_flag(any, field, err);
    }
    if (form == GENERATE_FORM_CHOICES) {
        return join_choices(text, field, err);
    }
    if (is_schema && (cJSON_IsObject(value) || cJSON_IsBool(value))) {
        alloc_append(text, field->spelled.bytes, field->spelled.n);
    } else if (cJSON_IsString(value)) {
        alloc_append(text, value->valuestring, strlen(value->valuestring));
    } else {
        return wrong(field, is_schema ? "a schema, or text that holds one" : "text", err);
    }
    return GEN_OK;
}

/* Whether a value undoes the run's form of this name. */
static bool undoes(const struct record_options *options, const struct option *option,
                   const struct record_field *field) {
    const void *run = field_at_const(&options->settings, option->offset);
    bool is_false = cJSON_IsFalse(field->value) ||
                    (option->kind == OPTION_FLAG && cJSON_IsString(field->value) &&
                     strcasecmp(field->value->valuestring, "false") == 0);
    return is_false &&
           (option->kind == OPTION_FLAG ? *(const bool *)run : *(const char *const *)run != NULL);
}

/* The form of this text, in the place of the run's. */
static enum gen_status take_form(struct record_options *options, enum generate_form form,
                                 const struct record_field *field,
                                 const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct gen_bytes text = {0};
    bool any = false;
    enum gen_status status = take_form_text(&text, form, field, &any, err);
    if (status == GEN_OK && any && options->has_form) {
        message_set(err, GEN_BAD_FILE, "\"%.80s\" is a second form of one text (leave one out)",
                    field->name);
        status = GEN_BAD_FILE;
    } else if (status == GEN_OK && any) {
        options->has_form = true;
        status = generate_constraint_take(&options->constraint, form, field->name, text.data,
                                          text.n, tokenizer, err);
    }
    gen_bytes_release(&text);
    return status;
}

static enum gen_status take_field(struct record_options *options, const struct record_field *field,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    if (is_do_sample(field->name)) {
        enum gen_status status = take_flag(&options->settings.do_sample, field, err);
        options->settings.greedy = options->settings.greedy || !options->settings.do_sample;
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
    enum generate_form form = generate_form_of(option->name);
    if (form != GENERATE_N_FORMS && undoes(options, option, field)) {
        struct gen_generate_options *own = &options->settings.options;
        own->sampling.constraint = NULL;
        options->settings.form = NULL;
        own->choices = NULL;
        own->n_choices = 0;
        return GEN_OK;
    }
    if (form != GENERATE_N_FORMS) {
        return take_form(options, form, field, tokenizer, err);
    }
    if (option->kind == OPTION_FLAG) {
        return take_flag(field_at(&options->settings, option->offset), field, err);
    }
    bool is_list = option->kind == OPTION_LIST || option->kind == OPTION_STRING;
    return is_list ? record_lists_take(options, option, field, tokenizer, err)
                   : take_value(options, option, field, err);
}

/* ---- all of them -----------------------------------------------------------------------------*/

static void forget(struct record_options *options) {
    for (size_t i = 0; i < options->n_texts; i++) {
        free(options->texts[i]);
    }
    options->n_texts = 0;
    options->stop.n = 0;
    options->any = options->has_form = false;
    generate_rules_release(&options->rules);
    if (options->given == NULL) {
        options->given = alloc_new(generate_spec.n_table, sizeof *options->given);
    }
    memset(options->given, 0, generate_spec.n_table * sizeof *options->given);
}

/* Whether ids are drawn, and how. */
static void choose_temperature(struct record_options *options) {
    const struct generate_settings *settings = &options->settings;
    struct gen_generate_options *own = &options->settings.options;
    bool has_temperature = is_given(options, "temperature");
    bool draws = settings->do_sample || has_temperature || settings->beams_draw;
    bool searches = own->num_beams > 1 || own->penalty_alpha > 0;
    if (settings->greedy || (searches && !draws)) {
        own->sampling.temperature = 0;
    } else if (settings->do_sample && !has_temperature && own->sampling.temperature == 0) {
        own->sampling.temperature = settings->temperature;
    }
}

/* What options of the rules point to, where they are given. */
static void take_lists(struct record_options *options) {
    struct gen_generate_options *own = &options->settings.options;
    if (is_given(options, "stop")) {
        own->stop = options->stop.data;
        own->n_stop = options->stop.n;
    }
    if (is_given(options, "eos_token_id")) {
        own->eos = options->rules.eos.data;
        own->n_eos = options->rules.eos.n;
    }
    if (is_given(options, "bad_words")) {
        own->sampling.bad_texts = options->rules.bad_words.bad;
    }
    if (is_given(options, "negative_prompt")) {
        own->has_negative_prompt = true;
        own->negative_prompt = options->rules.negative;
    }
    if (own->guidance_scale == 1.0f && !is_given(options, "negative_prompt")) {
        own->has_negative_prompt = false; /* the run's is of no use here */
    }
    if (is_given(options, "force_words")) {
        own->force_words = options->rules.force_words.data;
        own->n_force_words = options->rules.force_words.n;
    }
    if (is_given(options, "sequence_bias")) {
        own->sampling.sequence_bias = options->rules.sequence_bias.data;
        own->sampling.n_sequence_bias = options->rules.sequence_bias.n;
    }
    if (is_given(options, "suppress_tokens")) {
        own->sampling.suppress_tokens = options->rules.suppress;
    }
    if (is_given(options, "begin_suppress_tokens")) {
        own->sampling.begin_suppress_tokens = options->rules.begin_suppress;
    }
    if (is_given(options, "forced_eos_token_id")) {
        own->sampling.forced_eos = options->rules.forced_eos;
    }
    if (options->rules.has_breakers) {
        own->sampling.dry_breakers = options->rules.breakers.data;
        own->sampling.n_dry_breakers = options->rules.breakers.n;
    }
    if (is_given(options, "logit_bias")) {
        own->sampling.logit_bias = options->rules.bias;
        own->sampling.n_logit_bias = options->rules.n_bias;
    }
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
    choose_temperature(options);
    own->early_stopping = (enum gen_early_stopping)settings->early_stopping;
    if (!is_given(options, "seed")) {
        own->seed = seed;
    }
    take_lists(options);
    if (options->has_form) {
        generate_constraint_set(&options->constraint, own);
    } else if (settings->form != NULL) {
        generate_constraint_set(settings->form, own); /* with beams choices are another thing */
    }
    if ((own->sampling.constraint != NULL || own->n_choices > 0) && own->ignore_eos) {
        message_set(err, GEN_BAD_FILE, "\"ignore_eos\" and the form of a text exclude each other");
        return GEN_BAD_FILE;
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
    options->settings.do_sample = false;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < fields->n && status == GEN_OK; i++) {
        const struct record_field *field = &fields->data[i];
        if (record_options_is(field->name) && !cJSON_IsNull(field->value)) {
            status = take_field(options, field, tokenizer, err);
        }
    }
    bool knows_breakers = run->options.sampling.dry_multiplier > 0 || run->dry_breakers.n > 0 ||
                          options->rules.has_breakers;
    if (status == GEN_OK && options->any && !knows_breakers) {
        status = generate_rules_default_breakers(
            &options->rules, &options->settings.options.sampling, tokenizer, err);
    }
    if (status == GEN_OK) {
        status =
            generate_rules_end_bad_words(&options->rules, &options->constraint, tokenizer, err);
    }
    return status == GEN_OK && options->any ? complete(options, own_length, seed, err) : status;
}

void record_options_release(struct record_options *options) {
    forget(options);
    generate_constraint_release(&options->constraint);
    free(options->texts);
    free(options->stop.data);
    free(options->given);
    *options = (struct record_options){0};
}
