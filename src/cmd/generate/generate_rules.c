/**
 * generate_rules.c - stop texts, separators, bad words, biases and other lists of the command line,
 * made into what the library takes: escapes resolved, words made ids by the model's tokenizer.
 */
#include "cmd/generate/generate_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/escapes.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cmd/generate/record_template.h"
#include "text/lines.h"

/* Most bytes of a file of bad words. */
#define BAD_WORDS_LIMIT ((size_t)64 << 20)

/* ---- logit bias ------------------------------------------------------------------------------*/

static void set_bias(struct generate_rules *rules, int32_t id, float bias) {
    for (size_t i = 0; i < rules->n_bias; i++) {
        if (rules->bias[i].id == id) {
            rules->bias[i].bias = bias;
            return;
        }
    }
    alloc_grow(&rules->bias, &rules->bias_capacity, rules->n_bias + 1, sizeof *rules->bias);
    rules->bias[rules->n_bias++] = (struct gen_logit_bias){id, bias};
}

/* Take one "ID=X"; false if it is not of that form. */
static bool parse_bias(struct generate_rules *rules, char *entry) {
    char *value = strchr(entry, '=');
    int64_t id;
    double bias;
    if (value == NULL) {
        return false;
    }
    *value++ = '\0';
    bool good = options_parse_int(&id, entry) && id >= 0 && id <= INT32_MAX;
    if (good && strcmp(value, "-inf") == 0) {
        bias = -(double)INFINITY;
    } else {
        good = good && options_parse_double(&bias, value) && fabs(bias) <= 1000;
    }
    if (good) {
        set_bias(rules, (int32_t)id, (float)bias);
    }
    return good;
}

enum gen_status generate_rules_bias(struct generate_rules *rules, const char *list,
                                    struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (const char *at = list; at != NULL && status == GEN_OK;) {
        char *entry = alloc_printf("%.*s", (int)strcspn(at, ","), at);
        char *shown = alloc_printf("%.80s", entry);
        if (!parse_bias(rules, entry)) {
            message_set(
                err, GEN_BAD_ARGUMENT,
                "--logit-bias: \"%s\" is not ID=X, ID as `gen tokenize` tells it, X from -1000 to "
                "1000 or -inf",
                shown);
            status = GEN_BAD_ARGUMENT;
        }
        free(entry);
        free(shown);
        at = strchr(at, ',');
        at = at != NULL ? at + 1 : NULL;
    }
    return status;
}

/* ---- ids that end a text ---------------------------------------------------------------------*/

enum gen_status generate_rules_eos(struct generate_rules *rules, const char *list,
                                   struct gen_error *err) {
    for (const char *at = list; at != NULL;) {
        char *entry = alloc_printf("%.*s", (int)strcspn(at, ","), at);
        int64_t id = -1;
        bool good = options_parse_int(&id, entry) && id >= 0 && id <= INT32_MAX;
        if (good) {
            alloc_append_ids(&rules->eos, &(int32_t){(int32_t)id}, 1);
        } else {
            message_set(err, GEN_BAD_ARGUMENT,
                        "--eos-token-id: \"%.80s\" is not an ID as `gen tokenize` tells it", entry);
        }
        free(entry);
        if (!good) {
            return GEN_BAD_ARGUMENT;
        }
        at = strchr(at, ',');
        at = at != NULL ? at + 1 : NULL;
    }
    return GEN_OK;
}

/* ---- bad words -------------------------------------------------------------------------------*/

void generate_rules_bad_word(struct generate_rules *rules, const char *word, size_t n) {
    struct generate_bad_words *words = &rules->bad_words;
    if (n == 0) {
        return;
    }
    alloc_grow(&words->texts, &words->capacity, words->n + 1, sizeof *words->texts);
    alloc_grow(&words->lengths, &words->lengths_capacity, words->n + 1, sizeof *words->lengths);
    char *copy = alloc_new(n, 1);
    memcpy(copy, word, n);
    words->texts[words->n] = copy;
    words->lengths[words->n++] = n;
}

enum gen_status generate_rules_end_bad_words(struct generate_rules *rules,
                                             struct generate_constraint *constraint,
                                             const struct gen_tokenizer *tokenizer,
                                             struct gen_error *err) {
    struct generate_bad_words *words = &rules->bad_words;
    if (words->n == 0) {
        return GEN_OK;
    }
    enum gen_status status = generate_constraint_pieces(constraint, "--bad-words", tokenizer, err);
    return status == GEN_OK
               ? gen_bad_texts_new(&words->bad, constraint->pieces,
                                   (const char *const *)words->texts, words->lengths, words->n, err)
               : status;
}

static void release_bad_words(struct generate_bad_words *words) {
    for (size_t i = 0; i < words->n; i++) {
        free(words->texts[i]);
    }
    free(words->texts);
    free(words->lengths);
    gen_bad_texts_free(words->bad);
    *words = (struct generate_bad_words){0};
}

static enum gen_status read_bad_words(struct generate_rules *rules, const char *path,
                                      const struct gen_tokenizer *tokenizer,
                                      struct gen_error *err) {
    struct input input;
    struct gen_bytes word = {0};
    enum gen_status status = input_open(&input, path, err);
    if (status != GEN_OK) {
        message_about(err, "bad-words", " (a FILE has one a line)");
    }
    while (status == GEN_OK) {
        enum input_result result = input_next(&input, &word, '\n', BAD_WORDS_LIMIT, err);
        if (result == INPUT_END) {
            break;
        }
        if (result != INPUT_RECORD) {
            status = err->status;
            break;
        }
        word.n = text_without_cr(word.data, word.n);
        generate_rules_bad_word(rules, word.data, word.n);
    }
    gen_bytes_release(&word);
    input_close(&input);
    return status == GEN_OK
               ? generate_rules_end_bad_words(rules, &rules->constraint, tokenizer, err)
               : status;
}

/* ---- the negative prompt ---------------------------------------------------------------------*/

enum gen_status generate_rules_negative(struct generate_rules *rules,
                                        const struct gen_tokenizer *tokenizer, const char *text,
                                        bool special, struct gen_error *err) {
    if (tokenizer == NULL || rules->has_negative) {
        message_set(err, GEN_BAD_ARGUMENT, "--negative-prompt %s",
                    tokenizer == NULL ? "needs a model that has a tokenizer"
                                      : "is one text, but there are several");
        return GEN_BAD_ARGUMENT;
    }
    rules->has_negative = true;
    return gen_tokenizer_encode(tokenizer, text, strlen(text), special, &rules->negative, err);
}

/* ---- lists -----------------------------------------------------------------------------------*/

enum gen_status generate_rules_take(struct generate_rules *rules, struct gen_sampling *sampling,
                                    const char *name, const char *text, struct gen_error *err) {
    if (strcmp(name, "suppress-tokens") == 0) {
        return generate_lists_ids(&rules->suppress, "--suppress-tokens", text, err);
    }
    if (strcmp(name, "begin-suppress-tokens") == 0) {
        return generate_lists_ids(&rules->begin_suppress, "--begin-suppress-tokens", text, err);
    }
    if (strcmp(name, "forced-eos-token-id") == 0) {
        return generate_lists_ids(&rules->forced_eos, "--forced-eos-token-id", text, err);
    }
    return strcmp(name, "sequence-bias") == 0
               ? generate_lists_biases(&rules->sequence_bias, text, err)
               : generate_lists_decay(sampling, text, err);
}

enum gen_status generate_rules_breaker(struct generate_rules *rules,
                                       const struct gen_tokenizer *tokenizer, const char *text,
                                       struct gen_error *err) {
    rules->has_breakers = true;
    if (strcmp(text, "none") == 0) {
        generate_breakers_release(&rules->breakers);
        return GEN_OK;
    }
    if (tokenizer == NULL) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--dry-sequence-breaker needs a model that has a tokenizer");
        return GEN_BAD_ARGUMENT;
    }
    return generate_lists_breaker(&rules->breakers, tokenizer, text, strlen(text), err);
}

enum gen_status generate_rules_default_breakers(struct generate_rules *rules,
                                                const struct gen_sampling *sampling,
                                                const struct gen_tokenizer *tokenizer,
                                                struct gen_error *err) {
    if (rules->has_breakers || !(sampling->dry_multiplier > 0) || tokenizer == NULL) {
        return GEN_OK;
    }
    rules->has_breakers = true;
    return generate_lists_default_breakers(&rules->breakers, tokenizer, err);
}

/* All texts of one option. */
static enum gen_status take_list(struct generate_rules *rules, struct gen_sampling *sampling,
                                 const char *name, const struct option_list *list,
                                 struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < list->n && status == GEN_OK; i++) {
        status = generate_rules_take(rules, sampling, name, list->data[i], err);
    }
    return status;
}

static enum gen_status take_lists(struct generate_rules *rules, struct generate_settings *settings,
                                  const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct gen_sampling *sampling = &settings->options.sampling;
    enum gen_status status =
        take_list(rules, sampling, "sequence-bias", &settings->sequence_bias, err);
    if (status == GEN_OK) {
        status = take_list(rules, sampling, "suppress-tokens", &settings->suppress_tokens, err);
    }
    if (status == GEN_OK) {
        status = take_list(rules, sampling, "begin-suppress-tokens",
                           &settings->begin_suppress_tokens, err);
    }
    if (status == GEN_OK) {
        status = take_list(rules, sampling, "forced-eos-token-id", &settings->forced_eos, err);
    }
    if (status == GEN_OK && settings->length_decay != NULL) {
        status = generate_lists_decay(sampling, settings->length_decay, err);
    }
    for (size_t i = 0; i < settings->dry_breakers.n && status == GEN_OK; i++) {
        char *text = escapes_resolve(settings->dry_breakers.data[i]);
        status = generate_rules_breaker(rules, tokenizer, text, err);
        free(text);
    }
    return status == GEN_OK ? generate_rules_default_breakers(rules, sampling, tokenizer, err)
                            : status;
}

/* ---- stop texts and separator ----------------------------------------------------------------*/

/* Replace `text` by a copy with its escapes resolved, which `rules` keeps. */
static void resolve(struct generate_rules *rules, const char **text) {
    alloc_grow(&rules->texts, &rules->texts_capacity, rules->n_texts + 1, sizeof *rules->texts);
    rules->texts[rules->n_texts] = escapes_resolve(*text);
    *text = rules->texts[rules->n_texts++];
}

static void resolve_texts(struct generate_rules *rules, struct generate_settings *settings) {
    for (size_t i = 0; i < settings->stop.n; i++) {
        resolve(rules, &settings->stop.data[i]);
    }
    if (settings->separator != NULL) {
        resolve(rules, &settings->separator);
    }
}

/* ---- all -------------------------------------------------------------------------------------*/

enum gen_status generate_rules_init(struct generate_rules *rules,
                                    struct generate_settings *settings,
                                    const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct gen_sampling *sampling = &settings->options.sampling;
    enum gen_status status = GEN_OK;
    resolve_texts(rules, settings);
    for (size_t i = 0; i < settings->logit_bias.n && status == GEN_OK; i++) {
        status = generate_rules_bias(rules, settings->logit_bias.data[i], err);
    }
    for (size_t i = 0; i < settings->eos_token_id.n && status == GEN_OK; i++) {
        status = generate_rules_eos(rules, settings->eos_token_id.data[i], err);
    }
    if (status == GEN_OK) {
        status = take_lists(rules, settings, tokenizer, err);
    }
    if (status == GEN_OK && settings->bad_words != NULL) {
        status = read_bad_words(rules, settings->bad_words, tokenizer, err);
    }
    if (status == GEN_OK && settings->force_words != NULL) {
        status = generate_words_read(&rules->force_words, settings->force_words, tokenizer, err);
    }
    if (status == GEN_OK && settings->negative_prompt != NULL) {
        status = generate_rules_negative(rules, tokenizer, settings->negative_prompt,
                                         settings->special, err);
    }
    if (status == GEN_OK && settings->template != NULL) {
        status = record_template_read(&rules->template, settings->template, err);
    }
    if (status == GEN_OK) {
        status = generate_constraint_init(&rules->constraint, settings, tokenizer, err);
    }
    settings->options.eos = rules->eos.data;
    settings->options.n_eos = rules->eos.n;
    settings->options.force_words = rules->force_words.data;
    settings->options.n_force_words = rules->force_words.n;
    settings->options.has_negative_prompt = rules->has_negative;
    settings->options.negative_prompt = rules->negative;
    settings->form = &rules->constraint;
    generate_constraint_set(settings->form, &settings->options);
    sampling->bad_texts = rules->bad_words.bad;
    sampling->logit_bias = rules->bias;
    sampling->n_logit_bias = rules->n_bias;
    sampling->sequence_bias = rules->sequence_bias.data;
    sampling->n_sequence_bias = rules->sequence_bias.n;
    sampling->suppress_tokens = rules->suppress;
    sampling->begin_suppress_tokens = rules->begin_suppress;
    sampling->forced_eos = rules->forced_eos;
    sampling->dry_breakers = rules->breakers.data;
    sampling->n_dry_breakers = rules->breakers.n;
    return status;
}

void generate_rules_release(struct generate_rules *rules) {
    release_bad_words(&rules->bad_words);
    for (size_t i = 0; i < rules->n_texts; i++) {
        free(rules->texts[i]);
    }
    generate_words_release(&rules->force_words);
    generate_constraint_release(&rules->constraint);
    gen_bytes_release(&rules->template);
    gen_ids_release(&rules->eos);
    gen_ids_release(&rules->suppress);
    gen_ids_release(&rules->begin_suppress);
    gen_ids_release(&rules->forced_eos);
    gen_ids_release(&rules->negative);
    generate_biases_release(&rules->sequence_bias);
    generate_breakers_release(&rules->breakers);
    free(rules->texts);
    free(rules->bias);
    *rules = (struct generate_rules){0};
}
