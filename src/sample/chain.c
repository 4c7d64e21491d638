/**
 * chain.c - options checked by the rules that have them, and the rules that are on for a text,
 * applied in the order of order.c: to the scores of all ids while they can, then to the list of
 * candidates.
 */
#include "sample/chain.h"

#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/field.h"
#include "base/floats.h"
#include "sample/order.h"
#include "sample/sampler.h"

/* ---- options ---------------------------------------------------------------------------------*/

static enum gen_status check_number(const struct sample_option *option, float value,
                                    struct gen_error *err) {
    bool in_range = isfinite(value) && value >= option->low && value <= option->high &&
                    !(option->above_low && value == option->low);
    return in_range ? GEN_OK
                    : error_set(err, GEN_BAD_ARGUMENT, "%s is %g, but must be %s", option->name,
                                (double)value, option->must_be);
}

static enum gen_status check_count(const struct sample_option *option, int32_t value,
                                   struct gen_error *err) {
    return value >= 0 ? GEN_OK
                      : error_set(err, GEN_BAD_ARGUMENT, "%s is %d, but must be 0 (off) or more",
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
    for (size_t i = 0; i < N_PROCESSORS && status == GEN_OK; i++) {
        status = check_ranges(processors[i], options, err);
        if (status == GEN_OK && processors[i]->check != NULL) {
            status = processors[i]->check(options, n_vocab, err);
        }
    }
    return status == GEN_OK ? order_check(options, err) : status;
}

/* ---- a text ----------------------------------------------------------------------------------*/

/* What a rule may look at. */
static struct sample_context context_of(const struct chain *chain, void *state) {
    return (struct sample_context){.options = chain->options,
                                   .history = &chain->history,
                                   .eos = &chain->eos,
                                   .n_vocab = chain->n_vocab,
                                   .least = chain->least,
                                   .n_new_max = chain->n_new_max,
                                   .eos_is_text = chain->eos_is_text,
                                   .completes = chain->completes,
                                   .seed = chain->seed,
                                   .state = state};
}

/* Add a rule with its state: a new one, or with `from` a copy of that. False: out of memory. */
static bool add_rule(struct chain *chain, const struct processor *processor,
                     const struct chain_rule *from) {
    struct chain_rule *rule = &chain->rules[chain->n++];
    const struct sample_context context = context_of(chain, NULL);
    *rule = (struct chain_rule){.processor = processor};
    if (processor->begin == NULL) {
        return true;
    }
    rule->state = from != NULL ? processor->clone(from->state) : processor->begin(&context);
    return rule->state != NULL;
}

bool chain_init(struct chain *chain, const struct gen_sampling *options, size_t n_vocab,
                uint64_t seed) {
    const struct processor *order[N_PROCESSORS];
    size_t n = order_of(order, options);
    *chain = (struct chain){.options = options,
                            .n_vocab = n_vocab,
                            .least = 1,
                            .n_new_max = SIZE_MAX,
                            .completes = -1,
                            .seed = seed};
    for (size_t i = 0; i < n; i++) {
        if (order[i]->applies(options) && !add_rule(chain, order[i], NULL)) {
            return false;
        }
    }
    return true;
}

bool chain_clone(struct chain *chain, const struct chain *from) {
    *chain = (struct chain){.options = from->options,
                            .n_vocab = from->n_vocab,
                            .least = from->least,
                            .n_new_max = from->n_new_max,
                            .eos_is_text = from->eos_is_text,
                            .completes = from->completes,
                            .seed = from->seed};
    if (gen_ids_append(&chain->eos, from->eos.data, from->eos.n) != GEN_OK ||
        !history_copy(&chain->history, &from->history)) {
        return false;
    }
    for (size_t i = 0; i < from->n; i++) {
        if (!add_rule(chain, from->rules[i].processor, &from->rules[i])) {
            return false;
        }
    }
    return true;
}

void chain_release(struct chain *chain) {
    for (size_t i = 0; i < chain->n; i++) {
        if (chain->rules[i].processor->free != NULL) {
            chain->rules[i].processor->free(chain->rules[i].state);
        }
    }
    gen_ids_release(&chain->eos);
    history_release(&chain->history);
    *chain = (struct chain){0};
}

bool chain_accept(struct chain *chain, int32_t id, enum sample_origin origin) {
    bool good = history_add(&chain->history, id, origin);
    for (size_t i = 0; i < chain->n && good; i++) {
        const struct chain_rule *rule = &chain->rules[i];
        good = rule->state == NULL || rule->processor->accept(rule->state, id, origin);
    }
    return good;
}

/* ---- applying --------------------------------------------------------------------------------*/

/* Apply a rule to the scores of all ids. */
static void change_logits(const struct processor *processor, const struct sample_context *context,
                          float *scores) {
    int32_t given = context->completes;
    float score = given >= 0 ? scores[given] : 0.0f;
    processor->logits(scores, context);
    if (given >= 0 && scores[given] == -INFINITY) {
        scores[given] = score;
    }
}

/* Apply one rule to the scores of all ids, if it does not warp. */
static void apply_logits(const struct chain *chain, const struct chain_rule *rule, float *scores) {
    if (rule->processor->logits != NULL && !rule->processor->warps) {
        const struct sample_context context = context_of(chain, rule->state);
        change_logits(rule->processor, &context, scores);
    }
}

void chain_logits(const struct chain *chain, float *scores) {
    for (size_t i = 0; i < chain->n; i++) {
        apply_logits(chain, &chain->rules[i], scores);
    }
}

const char *chain_culprit(const struct chain *chain, float *scores) {
    size_t n_vocab = chain->n_vocab;
    for (size_t i = 0; i < chain->n; i++) {
        bool had_some = floats_first_greatest(scores, n_vocab) < n_vocab;
        apply_logits(chain, &chain->rules[i], scores);
        if (had_some && floats_first_greatest(scores, n_vocab) == n_vocab) {
            return chain->rules[i].processor->name;
        }
    }
    return NULL;
}

/* Scores on their way through the rules: of all ids, then of the candidates alone. */
struct work {
    const struct chain *chain;
    float *scores; /* [n_vocab] */
    struct candidates *list;
    bool is_list; /* they are in the list */
};

/* Make a list of the scores of all ids, of the k best or of all. */
static bool gather(struct work *work, size_t k) {
    work->is_list = true;
    if (!candidates_gather(work->list, work->scores, work->chain->n_vocab, k)) {
        return false;
    }
    candidates_weigh(work->list);
    return true;
}

/* And back: what is not in the list is forbidden. */
static void spread(struct work *work) {
    for (size_t i = 0; i < work->chain->n_vocab; i++) {
        work->scores[i] = -INFINITY;
    }
    for (size_t i = 0; i < work->list->n; i++) {
        work->scores[work->list->ids[i]] = work->list->scores[i];
    }
}

static bool apply(struct work *work, const struct chain_rule *rule) {
    const struct processor *processor = rule->processor;
    const struct sample_context context = context_of(work->chain, rule->state);
    if (processor->logits != NULL && !work->is_list) {
        change_logits(processor, &context, work->scores);
        return true;
    }
    if (processor->logits != NULL && processor->candidates == NULL) {
        spread(work);
        change_logits(processor, &context, work->scores);
        return gather(work, 0);
    }
    size_t k = processor->n_kept != NULL ? processor->n_kept(&context) : 0;
    if (work->is_list) {
        candidates_keep_best(work->list, k);
    } else if (!gather(work, k)) {
        return false;
    }
    return processor->candidates == NULL || work->list->n == 0 ||
           processor->candidates(work->list, &context);
}

bool chain_candidates(const struct chain *chain, float *scores, struct candidates *list,
                      const char **culprit) {
    struct work work = {.chain = chain, .scores = scores, .list = list};
    *culprit = NULL;
    for (size_t i = 0; i < chain->n; i++) {
        bool had_list = work.is_list;
        if (!apply(&work, &chain->rules[i])) {
            return false;
        }
        if (work.is_list && list->n == 0) {
            *culprit = had_list ? chain->rules[i].processor->name : NULL;
            return true;
        }
    }
    return work.is_list || gather(&work, 0);
}
