/**
 * chain.c - the rules for the next token in their order, and applying them. Temperature and top-k
 * have rows for their options; the sampler divides and gathers between the two halves.
 */
#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/field.h"
#include "base/floats.h"
#include "sample/processor.h"
#include "sample/sampler.h"

const struct processor *const chain[] = {
    /* of all logits */
    &processor_logit_bias,
    &processor_repetition_penalty,
    &processor_presence_frequency,
    &processor_no_repeat_ngram,
    &processor_bad_words,
    &processor_min_length,
    &processor_top_n_sigma,
    /* of what may be drawn */
    &processor_temperature,
    &processor_top_k,
    &processor_top_p,
    &processor_min_p,
    &processor_typical_p,
    NULL,
};

/* ---- temperature and top-k -------------------------------------------------------------------*/

static const struct sample_option temperature_options[] = {
    {"temperature", SAMPLE_NUMBER, offsetof(struct gen_sampling, temperature), 0, INFINITY, false,
     "a number from 0 (greedy) up"},
    {.name = NULL},
};
static const struct sample_option top_k_options[] = {
    {"top_k", SAMPLE_COUNT, offsetof(struct gen_sampling, top_k), 0, 0, false, NULL},
    {.name = NULL},
};

const struct processor processor_temperature = {.name = "temperature",
                                                .options = temperature_options};
const struct processor processor_top_k = {.name = "top_k", .options = top_k_options};

/* ---- options ---------------------------------------------------------------------------------*/

static enum gen_status check_number(const struct sample_option *option, float value,
                                    struct gen_error *err) {
    bool in_range = isfinite(value) && value >= option->low && value <= option->high &&
                    !(option->above_low && value == option->low);
    return in_range ? GEN_OK
                    : error_set(err, GEN_BAD_ARGUMENT, "%s is %g but must be %s", option->name,
                                (double)value, option->must_be);
}

static enum gen_status check_count(const struct sample_option *option, int32_t value,
                                   struct gen_error *err) {
    return value >= 0 ? GEN_OK
                      : error_set(err, GEN_BAD_ARGUMENT, "%s is %d but must be 0 (off) or more",
                                  option->name, (int)value);
}

static enum gen_status check_ranges(const struct processor *processor,
                                    const struct gen_sampling *options, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (const struct sample_option *option = processor->options;
         option != NULL && option->name != NULL && status == GEN_OK; option++) {
        const void *member = field_at_const(options, option->at);
        status = option->kind == SAMPLE_COUNT ? check_count(option, *(const int32_t *)member, err)
                                              : check_number(option, *(const float *)member, err);
    }
    return status;
}

enum gen_status sampler_check(const struct gen_sampling *options, int32_t n_vocab,
                              struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; chain[i] != NULL && status == GEN_OK; i++) {
        status = check_ranges(chain[i], options, err);
        if (status == GEN_OK && chain[i]->check != NULL) {
            status = chain[i]->check(options, n_vocab, err);
        }
    }
    return status;
}

/* ---- applying --------------------------------------------------------------------------------*/

static bool changes_logits(const struct processor *processor,
                           const struct sample_context *context) {
    return processor->logits != NULL && processor->is_wanted(context->options);
}

void chain_logits(float *scores, const struct sample_context *context) {
    for (size_t i = 0; chain[i] != NULL; i++) {
        if (changes_logits(chain[i], context)) {
            chain[i]->logits(scores, context);
        }
    }
}

const char *chain_culprit(float *scores, const struct sample_context *context) {
    for (size_t i = 0; chain[i] != NULL; i++) {
        bool had_some = floats_first_greatest(scores, context->n_vocab) < context->n_vocab;
        if (changes_logits(chain[i], context)) {
            chain[i]->logits(scores, context);
            if (had_some && floats_first_greatest(scores, context->n_vocab) == context->n_vocab) {
                return chain[i]->name;
            }
        }
    }
    return NULL;
}

bool chain_candidates(struct candidates *list, const struct sample_context *context) {
    for (size_t i = 0; chain[i] != NULL; i++) {
        const struct processor *processor = chain[i];
        if (processor->candidates != NULL && processor->is_wanted(context->options) &&
            !processor->candidates(list, context)) {
            return false;
        }
    }
    return true;
}
