/**
 * ways.c - which ways to decode the options of a text ask for, what these need, and checks of
 * the options of guidance, token healing and choices (those of searches: beam_options.c). What they
 * do is decoder_guided.c's, healing.c's and decoder_choices.c's.
 */
#include "generate/ways.h"

#include "base/error.h"
#include "base/size.h"

#define MAX_GUIDANCE 100.0

bool ways_has_contrast(const struct gen_generate_options *options) {
    return options->penalty_alpha > 0;
}

/* The option that asks for a search; NULL: there is none. */
static const char *search_of(const struct gen_generate_options *options) {
    return ways_has_contrast(options) ? "penalty_alpha"
           : options->num_beams > 1   ? "num_beams"
                                      : NULL;
}

size_t ways_n_searching(const struct sequence_rules *rules) {
    const struct gen_generate_options *options = rules->options;
    if (search_of(options) == NULL) {
        return 0;
    }
    return ways_has_contrast(options)
               ? size_min((size_t)options->sampling.top_k, (size_t)rules->n_vocab)
               : (size_t)options->num_beams;
}

int32_t ways_least_batch(const struct gen_generate_options *options) {
    return ways_has_contrast(options)   ? options->sampling.top_k
           : ways_has_guidance(options) ? 2
                                        : options->num_beams;
}

bool ways_has_guidance(const struct gen_generate_options *options) {
    return options->guidance_scale != 1.0f;
}

size_t ways_n_other(const struct sequence_rules *rules) {
    const struct gen_generate_options *options = rules->options;
    size_t n = options->has_negative_prompt ? options->negative_prompt.n : 1;
    return ways_has_guidance(options) ? size_max(n, 1) : 0;
}

/* Two things that exclude each other. */
static enum gen_status refuse(const char *way, const char *other, const char *advice,
                              struct gen_error *err) {
    return error_set(err, GEN_BAD_ARGUMENT, "%s does not go with %s (%s)", way, other, advice);
}

static enum gen_status check_id(const char *name, int32_t id, int32_t n_vocab,
                                struct gen_error *err) {
    return id >= 0 && id < n_vocab
               ? GEN_OK
               : error_set(err, GEN_BAD_ARGUMENT, "%s has the id %d, but ids are from 0 to %d",
                           name, (int)id, (int)(n_vocab - 1));
}

static enum gen_status check_ids(const char *name, const struct gen_ids *ids, int32_t n_vocab,
                                 struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < ids->n && status == GEN_OK; i++) {
        status = check_id(name, ids->data[i], n_vocab, err);
    }
    return status;
}

static enum gen_status check_guidance(const struct sequence_rules *rules, struct gen_error *err) {
    const struct gen_generate_options *options = rules->options;
    double scale = (double)options->guidance_scale;
    if (!(scale >= -MAX_GUIDANCE && scale <= MAX_GUIDANCE)) {
        return error_set(err, GEN_BAD_ARGUMENT, "guidance_scale is %g, but must be from -%g to %g",
                         scale, MAX_GUIDANCE, MAX_GUIDANCE);
    }
    if (!ways_has_guidance(options)) {
        return options->has_negative_prompt
                   ? error_set(err, GEN_BAD_ARGUMENT,
                               "there is a negative prompt, but guidance_scale is 1, which is off "
                               "(give another)")
                   : GEN_OK;
    }
    if (search_of(options) != NULL) {
        return refuse("guidance_scale", search_of(options), "leave one out", err);
    }
    const struct gen_ids *negative = &options->negative_prompt;
    if (options->has_negative_prompt && negative->n > (size_t)rules->n_ctx) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the negative prompt has %zu tokens but the context holds %d (shorten it)",
                         negative->n, (int)rules->n_ctx);
    }
    if (options->has_negative_prompt && negative->n == 0 && rules->start < 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the negative prompt is empty, but the model has no bos or eos token to "
                         "begin with (give at least one token)");
    }
    return options->has_negative_prompt
               ? check_ids("the negative prompt", negative, rules->n_vocab, err)
               : GEN_OK;
}

static enum gen_status check_healing(const struct sequence_rules *rules, struct gen_error *err) {
    const struct gen_generate_options *options = rules->options;
    if (!options->token_healing) {
        return GEN_OK;
    }
    if (rules->tokenizer == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "token_healing needs a tokenizer, but the model brings none");
    }
    const char *other = search_of(options) != NULL             ? search_of(options)
                        : ways_has_guidance(options)           ? "guidance_scale"
                        : options->sampling.constraint != NULL ? "a form of the text"
                                                               : NULL;
    return other != NULL ? refuse("token_healing", other, "leave one out", err) : GEN_OK;
}

static enum gen_status check_choices(const struct sequence_rules *rules, struct gen_error *err) {
    const struct gen_generate_options *options = rules->options;
    if (options->n_choices == 0) {
        return GEN_OK;
    }
    const char *other = search_of(options) != NULL             ? search_of(options)
                        : ways_has_guidance(options)           ? "guidance_scale"
                        : options->token_healing               ? "token_healing"
                        : options->sampling.constraint != NULL ? "another form of the text"
                        : options->n_logprobs > 0              ? "n_logprobs"
                        : options->prompt_logprobs             ? "prompt_logprobs"
                                                               : NULL;
    if (other != NULL) {
        return refuse("choices", other, "leave one out", err);
    }
    if (options->choices == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "choices is NULL but n_choices is %zu",
                         options->n_choices);
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < options->n_choices && status == GEN_OK; i++) {
        if (options->choices[i].n == 0) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "choice %zu has no ids but must have at least one", i);
        }
        status = check_ids("a choice", &options->choices[i], rules->n_vocab, err);
    }
    return status;
}

enum gen_status ways_check(const struct sequence_rules *rules, struct gen_error *err) {
    enum gen_status status = check_guidance(rules, err);
    if (status == GEN_OK) {
        status = check_healing(rules, err);
    }
    return status == GEN_OK ? check_choices(rules, err) : status;
}

/* What a search needs. */
static enum gen_status check_search(const struct sequence_rules *rules, size_t n_slots,
                                    bool tells_logits, struct gen_error *err) {
    size_t n = ways_n_searching(rules);
    bool has_contrast = ways_has_contrast(rules->options);
    const char *name = has_contrast ? "penalty_alpha is set and top_k" : "num_beams";
    if (n > 1 && tells_logits) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s is %zu, but logits can be told of one text at a time only (%s)", name,
                         n, has_contrast ? "leave penalty_alpha out" : "num_beams must be 1");
    }
    if (n > n_slots) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s is %zu, but the engine works on %zu texts at once (raise batch)", name,
                         n, n_slots);
    }
    return GEN_OK;
}

enum gen_status ways_check_engine(const struct sequence_rules *rules, size_t n_slots,
                                  bool tells_logits, struct gen_error *err) {
    const struct gen_generate_options *options = rules->options;
    if (ways_has_guidance(options) && tells_logits) {
        return refuse("guidance_scale", "telling of logits", "which are of one text at a time",
                      err);
    }
    if (options->n_choices > 0 && tells_logits) {
        return refuse("choices", "telling of logits", "which are of one text at a time", err);
    }
    if (ways_has_guidance(options) && n_slots < 2) {
        return error_set(
            err, GEN_BAD_ARGUMENT,
            "guidance_scale is %g, which takes two texts at once, but the engine works "
            "on one (raise batch)",
            (double)options->guidance_scale);
    }
    return check_search(rules, n_slots, tells_logits, err);
}
