/**
 * decoder_choices.c - one of several answers, by how probable the model finds each: the sum of the
 * log probabilities of its ids. A text for each choice reads prompt and choice, and adds them up;
 * those that are told of wait for all of them and then become one of the choices. One that has bad
 * words in it is not measured, and not chosen.
 */
#include <math.h>

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/rng.h"
#include "generate/choice_rules.h"
#include "generate/decoder.h"
#include "sample/log_softmax.h"

struct choice_group {
    struct choice_group *next;
    const struct sequence_rules *rules;
    double *sums;         /* [n] log probabilities so far; -INFINITY: it may not be chosen */
    float *probabilities; /* [n] of all together, once all are known */
    struct text **told;   /* [n_told] the texts that wait; NULL: it is gone */
    size_t n, n_left, n_told, n_users;
    bool is_coming; /* more texts of the prompt may come */
    bool failed;
    struct gen_error error;
};

/* ---- making and freeing ----------------------------------------------------------------------*/

static void free_group(struct choice_group *group) {
    memory_free(group->sums);
    memory_free(group->probabilities);
    memory_free(group->told);
    memory_free(group);
}

/* Free the groups that nobody needs any more; with `all` every one. */
static void sweep(struct choosing *choosing, bool all) {
    struct choice_group **link = &choosing->groups;
    while (*link != NULL) {
        struct choice_group *group = *link;
        if (all || (group->n_users == 0 && !group->is_coming)) {
            *link = group->next;
            free_group(group);
        } else {
            link = &group->next;
        }
    }
}

void choosing_release(struct choosing *choosing) {
    sweep(choosing, true);
}

static enum gen_status add_group(struct choosing *choosing, const struct sequence_rules *rules,
                                 struct gen_error *err) {
    if (choosing->groups != NULL) {
        choosing->groups->is_coming = false;
    }
    sweep(choosing, false);
    struct choice_group *group = memory_new(1, sizeof *group);
    if (group == NULL) {
        return error_no_memory(err, "the choices");
    }
    group->rules = rules;
    group->n = group->n_left = rules->options->n_choices;
    group->is_coming = true;
    group->next = choosing->groups;
    choosing->groups = group;
    size_t n_told = (size_t)rules->options->num_return_sequences;
    group->sums = memory_new(group->n, sizeof *group->sums);
    group->probabilities = memory_new(group->n, sizeof *group->probabilities);
    group->told = memory_new(n_told, sizeof *group->told);
    return group->sums != NULL && group->probabilities != NULL && group->told != NULL
               ? GEN_OK
               : error_no_memory(err, "the choices");
}

/* ---- choosing --------------------------------------------------------------------------------*/

/* e^x; 0 of -INFINITY. */
static float power(double x) {
    return x > -(double)INFINITY ? math_exp((float)x) : 0.0f;
}

/* All are measured. */
static void set_probabilities(struct choice_group *group) {
    double highest = group->sums[0], sum = 0;
    for (size_t i = 1; i < group->n; i++) {
        highest = group->sums[i] > highest ? group->sums[i] : highest;
    }
    for (size_t i = 0; i < group->n; i++) {
        group->probabilities[i] = power(group->sums[i] - highest);
        sum += (double)group->probabilities[i];
    }
    for (size_t i = 0; i < group->n; i++) {
        group->probabilities[i] = (float)((double)group->probabilities[i] / sum);
    }
}

/* The weight of a choice in the draw. */
static double weight(const struct choice_group *group, size_t choice, double highest) {
    double temperature = (double)group->rules->options->sampling.temperature;
    return (double)power((group->sums[choice] - highest) / temperature);
}

static size_t choose(const struct choice_group *group, uint64_t seed) {
    size_t best = 0;
    for (size_t i = 1; i < group->n; i++) {
        best = group->sums[i] > group->sums[best] ? i : best;
    }
    if (group->rules->options->sampling.temperature < SAMPLER_GREEDY_BELOW) {
        return best;
    }
    double highest = group->sums[best], total = 0, sum = 0;
    for (size_t i = 0; i < group->n; i++) {
        total += weight(group, i, highest);
    }
    struct rng rng;
    rng_init_sequence(&rng, seed, 0, 0);
    double drawn = rng_double(&rng) * total;
    for (size_t i = 0; i < group->n; i++) {
        sum += weight(group, i, highest);
        if (sum > drawn) {
            return i;
        }
    }
    return best;
}

/* A text becomes its choice, or as much of it as it has room for. */
static enum gen_status become(const struct choice_group *group, struct text *text,
                              struct gen_error *err) {
    struct sequence *sequence = &text->sequence;
    text->done = true;
    if (sequence->finished) {
        return GEN_OK;
    }
    if (group->failed) {
        return sequence_fail(sequence, &group->error, err);
    }
    sequence->choice = choose(group, sequence->seed);
    sequence->choice_probabilities = memory_new(group->n, sizeof(float));
    if (sequence->choice_probabilities == NULL) {
        return error_no_memory(err, "the choices");
    }
    for (size_t i = 0; i < group->n; i++) {
        sequence->choice_probabilities[i] = group->probabilities[i];
    }
    const struct gen_ids *ids = &group->rules->options->choices[sequence->choice];
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < ids->n && !sequence->finished && status == GEN_OK; i++) {
        status = sequence_take(sequence, NULL, ids->data[i], err);
    }
    return status == GEN_OK && !sequence->finished ? sequence_finish(sequence, GEN_FINISH_STOP, err)
                                                   : status;
}

/* All that wait become theirs. */
static enum gen_status settle(struct choice_group *group, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < group->n_told && status == GEN_OK; i++) {
        if (group->told[i] != NULL) {
            status = become(group, group->told[i], err);
        }
    }
    return status;
}

/* One choice less is to be measured. */
static enum gen_status count_down(struct choice_group *group, struct gen_error *err) {
    if (--group->n_left > 0 || group->failed) {
        return GEN_OK;
    }
    bool any = false;
    for (size_t i = 0; i < group->n; i++) {
        any = any || group->sums[i] > -(double)INFINITY;
    }
    if (any) {
        set_probabilities(group);
    } else {
        group->failed = true;
        error_set(&group->error, GEN_BAD_ARGUMENT,
                  "every choice has a bad word in it (give another choice, or fewer bad words)");
    }
    return settle(group, err);
}

/* ---- the texts -------------------------------------------------------------------------------*/

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    struct choosing *choosing = context;
    const struct sequence *sequence = &text->sequence;
    enum gen_status status = GEN_OK;
    if (text->number == 0) {
        status = add_group(choosing, sequence->rules, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    struct choice_group *group = choosing->groups;
    group->n_users++;
    text->decoding = group;
    text->n_seen = sequence->n_before - 1;
    if (text->number < group->n) {
        const struct gen_ids *choice = &group->rules->options->choices[text->number];
        text->untold = true;
        if (choice_rules_allow(group->rules, choice, sequence->ids.data, sequence->n_before)) {
            return GEN_OK;
        }
        text->done = text->sequence.finished = true;
        group->sums[text->number] = -(double)INFINITY;
        return count_down(group, err);
    }
    group->told[group->n_told++] = text;
    text->done = sequence->finished;
    if (group->n_left == 0 || group->failed) {
        return become(group, text, err);
    }
    text->seat.reserved = true;
    return GEN_OK;
}

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    (void)context;
    struct choice_group *group = text->decoding;
    const struct gen_ids *choice = &group->rules->options->choices[text->number];
    size_t n = at + 1 - text->sequence.n_before; /* ids of the choice before this one */
    struct log_softmax softmax = log_softmax_of(logits, (size_t)group->rules->n_vocab);
    group->sums[text->number] += log_softmax_at(softmax, logits[choice->data[n]]);
    if (n + 1 < choice->n) {
        return GEN_OK;
    }
    text->done = text->sequence.finished = true;
    return count_down(group, err);
}

static void end(void *context, struct text *text) {
    (void)context;
    struct choice_group *group = text->decoding;
    if (group == NULL) {
        return;
    }
    text->decoding = NULL;
    group->n_users--;
    for (size_t i = 0; i < group->n_told; i++) {
        if (group->told[i] == text) {
            group->told[i] = NULL;
        }
    }
    bool failed = text->sequence.finished && text->sequence.finish == GEN_FINISH_ERROR;
    if (text->number < group->n && failed && !group->failed) {
        struct gen_error ignored; /* a text that fails holds nothing back */
        group->failed = true;
        group->error = text->sequence.error;
        settle(group, &ignored);
    }
}

struct decoder decoder_choices(struct choosing *choosing) {
    return (struct decoder){
        .context = choosing, .is_unguessed = true, .start = start, .step = step, .end = end};
}
