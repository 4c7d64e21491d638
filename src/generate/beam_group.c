/**
 * beam_group.c - the beams of one prompt from their first text to the texts that are found, which
 * at the end become those of the prompt. How they go on step by step is decoder_beams.c's.
 */
#include "generate/beam_group.h"

#include <math.h>

#include "base/error.h"
#include "base/math.h"
#include "base/memory.h"
#include "base/size.h"
#include "sample/sampler.h"

/* ---- making and freeing ----------------------------------------------------------------------*/

static void beam_release(struct beam *beam) {
    gen_sampler_free(beam->sampler);
    memory_free(beam->next);
    memory_free(beam->logits);
}

void beam_group_free(struct beam_group *group) {
    for (size_t i = 0; group->beams != NULL && i < group->n; i++) {
        beam_release(&group->beams[i]);
    }
    for (size_t i = 0; i < group->n_found; i++) {
        sequence_release(&group->found[i].sequence);
    }
    memory_free(group->beams);
    memory_free(group->running);
    memory_free(group->found);
    memory_free(group);
}

struct beam_group *beam_group_new(const struct sequence *sequence) {
    struct beam_group *group = memory_new(1, sizeof *group);
    if (group == NULL) {
        return NULL;
    }
    group->rules = sequence->rules;
    group->n = (size_t)sequence->rules->options->num_beams;
    group->beams = memory_new(group->n, sizeof *group->beams);
    group->running = memory_new(group->n, sizeof *group->running);
    group->found = memory_new(group->n + 1, sizeof *group->found);
    group->improves = true;
    rng_init_sequence(&group->rng, sequence->seed, 0, 0);
    if (group->beams == NULL || group->running == NULL || group->found == NULL) {
        beam_group_free(group);
        return NULL;
    }
    for (size_t i = 0; i < group->n; i++) {
        group->beams[i].group = group;
    }
    return group;
}

static size_t n_returned(const struct beam_group *group) {
    return (size_t)group->rules->options->num_return_sequences;
}

bool beam_group_is_drawn(const struct beam_group *group) {
    return group->rules->options->sampling.temperature >= SAMPLER_GREEDY_BELOW;
}

/* Ids that end a text. */
static size_t n_eos(const struct sequence_rules *rules) {
    return rules->options->ignore_eos ? 0 : rules->n_eos;
}

size_t beam_group_least(const struct beam_group *group) {
    return size_max(1, n_eos(group->rules)) + 1;
}

size_t beam_group_n_candidates(const struct beam_group *group) {
    return group->n * beam_group_least(group);
}

/* ---- texts that are found --------------------------------------------------------------------*/

/* length^penalty, exactly where the penalty is a small whole number. */
static float length_power(size_t length, float penalty) {
    double base = (double)length, power = 1.0;
    float size = fabsf(penalty);
    if (size == 0.0f || size == 1.0f || size == 2.0f || size == 3.0f) {
        for (float i = 0.0f; i < size; i++) {
            power *= base;
        }
        return (float)(penalty < 0.0f ? 1.0 / power : power);
    }
    return math_exp(penalty * math_log((float)length));
}

float beam_group_normalize(const struct beam_group *group, float sum, size_t length) {
    return sum / length_power(length, group->rules->options->length_penalty);
}

void beam_group_add_found(struct beam_group *group, struct sequence *sequence, float sum) {
    size_t at = group->n_found;
    sequence->score = beam_group_normalize(group, sum, sequence->ids.n - sequence->n_before);
    sequence->has_score = true;
    while (at > 0 && sequence->score > group->found[at - 1].score) {
        group->found[at] = group->found[at - 1];
        at--;
    }
    group->found[at] = (struct found){.sequence = *sequence, .score = sequence->score};
    group->n_found++;
    if (group->n_found > group->n) {
        group->n_found--;
        sequence_release(&group->found[group->n_found].sequence);
    }
}

/* What is left of a prompt's text is replaced by one that was found. */
static void become(struct text *text, struct found *found) {
    uint64_t number = text->sequence.number;
    sequence_release(&text->sequence);
    text->sequence = found->sequence;
    text->sequence.number = number;
    found->sequence = (struct sequence){0};
}

void beam_group_drop_new(struct sequence *sequence) {
    sequence->ids.n = sequence->n_before;
    sequence->text.n = 0;
}

static enum gen_status fail(struct text *text, const struct gen_error *error,
                            struct gen_error *err) {
    beam_group_drop_new(&text->sequence);
    return sequence_fail(&text->sequence, error, err);
}

/* Why there are fewer texts than there should be. */
static struct gen_error shortage(const struct beam_group *group) {
    struct gen_error error = group->error;
    if (error.status == GEN_OK) {
        error_set(&error, GEN_BAD_ARGUMENT,
                  "the beam search came to an end with %zu texts, but %zu must be returned (raise "
                  "num_beams, or ask for fewer)",
                  group->n_found, n_returned(group));
    }
    return error;
}

enum gen_status beam_group_finish(struct beam_group *group, struct gen_error *err) {
    const struct effort effort =
        group->beams[0].text != NULL ? group->beams[0].text->effort : (struct effort){0};
    const struct gen_error error = shortage(group);
    enum gen_status status = GEN_OK;
    group->done = true;
    for (size_t i = 0; i < group->n && status == GEN_OK; i++) {
        struct text *text = group->beams[i].text;
        if (text == NULL) {
            continue;
        }
        text->done = true;
        text->effort.n_cached = effort.n_cached;
        text->effort.prompt_seconds = effort.prompt_seconds;
        if (!group->failed && i < n_returned(group) && i < group->n_found) {
            become(text, &group->found[i]);
        } else if (i < n_returned(group)) {
            status = fail(text, &error, err);
        }
    }
    return status;
}
