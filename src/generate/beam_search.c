/**
 * beam_search.c - the beams of one prompt from their first text to the texts that are found, which
 * at the end become those of the prompt. How they go on step by step is beam_step.c's.
 */
#include "generate/beam_search.h"

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
    memory_free(beam->logprobs);
    forced_advances_release(&beam->advances);
}

static void group_release(struct beam_group *group) {
    for (size_t i = 0; i < group->n_found; i++) {
        sequence_release(&group->found[i].sequence);
    }
    memory_free(group->running);
    memory_free(group->found);
}

void beam_search_free(struct beam_search *search) {
    for (size_t i = 0; search->beams != NULL && i < search->n; i++) {
        beam_release(&search->beams[i]);
    }
    for (size_t i = 0; search->groups != NULL && i < search->n_groups; i++) {
        group_release(&search->groups[i]);
    }
    memory_free(search->beams);
    memory_free(search->groups);
    memory_free(search);
}

/* A group that begins with the first beam: the others would be the same. */
static bool group_init(struct beam_group *group, size_t n, struct beam *first) {
    group->n = n;
    group->running = memory_new(n, sizeof *group->running);
    group->found = memory_new(n + 1, sizeof *group->found);
    if (group->running == NULL || group->found == NULL) {
        return false;
    }
    group->running[group->n_running++] = first;
    return true;
}

struct beam_search *beam_search_new(const struct sequence *sequence) {
    const struct gen_generate_options *options = sequence->rules->options;
    struct beam_search *search = memory_new(1, sizeof *search);
    if (search == NULL) {
        return NULL;
    }
    search->rules = sequence->rules;
    search->n = (size_t)options->num_beams;
    search->n_groups = (size_t)options->num_beam_groups;
    search->beams = memory_new(search->n, sizeof *search->beams);
    search->groups = memory_new(search->n_groups, sizeof *search->groups);
    rng_init_sequence(&search->rng, sequence->seed, 0, 0);
    bool good = search->beams != NULL && search->groups != NULL;
    for (size_t i = 0; good && i < search->n; i++) {
        search->beams[i].search = search;
    }
    for (size_t i = 0; good && i < search->n_groups; i++) {
        good = group_init(&search->groups[i], search->n / search->n_groups, &search->beams[0]);
    }
    if (!good) {
        beam_search_free(search);
        return NULL;
    }
    return search;
}

static size_t n_returned(const struct beam_search *search) {
    return (size_t)search->rules->options->num_return_sequences;
}

bool beam_search_is_classic(const struct beam_search *search) {
    return search->n_groups > 1 || search->rules->options->n_force_words > 0;
}

bool beam_search_is_drawn(const struct beam_search *search) {
    return search->rules->options->sampling.temperature >= SAMPLER_GREEDY_BELOW;
}

/* Ids that end a text. */
static size_t n_eos(const struct sequence_rules *rules) {
    return rules->options->ignore_eos ? 0 : rules->n_eos;
}

size_t beam_search_least(const struct beam_search *search) {
    return size_max(1, n_eos(search->rules)) + 1;
}

size_t beam_search_n_candidates(const struct beam_search *search) {
    return search->groups[0].n * beam_search_least(search);
}

/* ---- texts that are found --------------------------------------------------------------------*/

/* length^penalty, exactly where the penalty is a small whole number. */
static float length_power(size_t length, float penalty) {
    double base = (double)length, power = 1.0;
    float size = fabsf(penalty);
    if (size == 0.0f || size == 1.0f || size == 2.0f || size == 3.0f) {
        for (int i = 0; i < (int)size; i++) {
            power *= base;
        }
        return (float)(penalty < 0.0f ? 1.0 / power : power);
    }
    return math_exp(penalty * math_log((float)length));
}

float beam_search_normalize(const struct beam_search *search, float sum, size_t length) {
    return sum / length_power(length, search->rules->options->length_penalty);
}

bool beam_search_stops_when_full(const struct beam_search *search) {
    return search->rules->options->early_stopping == GEN_EARLY_STOPPING_TRUE;
}

size_t beam_search_length_in_view(const struct beam_search *search, const struct sequence *sequence,
                                  size_t n) {
    const struct gen_generate_options *options = search->rules->options;
    bool to_the_end =
        options->early_stopping == GEN_EARLY_STOPPING_NEVER && options->length_penalty > 0.0f;
    return to_the_end ? sequence->n_new_max : n;
}

void beam_search_add_found(struct beam_search *search, struct beam_group *group,
                           struct sequence *sequence, float sum) {
    size_t at = group->n_found;
    sequence->score = beam_search_normalize(search, sum, sequence->ids.n - sequence->n_before);
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

/* The best that was found and is not taken yet; NULL: there is none. */
static struct found *take_best(struct beam_search *search, size_t *taken) {
    size_t best = search->n_groups;
    for (size_t i = 0; i < search->n_groups; i++) {
        const struct beam_group *group = &search->groups[i];
        if (taken[i] < group->n_found &&
            (best == search->n_groups ||
             group->found[taken[i]].score > search->groups[best].found[taken[best]].score)) {
            best = i;
        }
    }
    return best < search->n_groups ? &search->groups[best].found[taken[best]++] : NULL;
}

/* What is left of a prompt's text is replaced by one that was found. */
static void become(struct text *text, struct found *found) {
    uint64_t number = text->sequence.number;
    sequence_release(&text->sequence);
    text->sequence = found->sequence;
    text->sequence.number = number;
    found->sequence = (struct sequence){0};
}

static enum gen_status fail(struct text *text, const struct gen_error *error,
                            struct gen_error *err) {
    sequence_drop_new(&text->sequence);
    return sequence_fail(&text->sequence, error, err);
}

/* Why there are fewer texts than there should be. */
static struct gen_error shortage(const struct beam_search *search) {
    struct gen_error error = search->error;
    size_t n_found = 0;
    for (size_t i = 0; i < search->n_groups; i++) {
        n_found += search->groups[i].n_found;
    }
    if (error.status == GEN_OK) {
        error_set(&error, GEN_BAD_ARGUMENT,
                  "the beam search came to an end with %zu texts, but %zu must be returned (raise "
                  "num_beams, or ask for fewer)",
                  n_found, n_returned(search));
    }
    return error;
}

/* Number i of the prompt's texts is done. */
static enum gen_status finish_text(struct beam_search *search, size_t i, size_t *taken,
                                   const struct effort *effort, struct gen_error *err) {
    struct text *text = search->beams[i].text;
    bool is_returned = i < n_returned(search);
    struct found *found = is_returned && !search->failed ? take_best(search, taken) : NULL;
    if (text == NULL) {
        return GEN_OK;
    }
    text->done = true;
    text->effort.n_cached = effort->n_cached;
    text->effort.prompt_seconds = effort->prompt_seconds;
    if (found != NULL) {
        become(text, found);
    } else if (is_returned) {
        const struct gen_error error = shortage(search);
        return fail(text, &error, err);
    }
    return GEN_OK;
}

enum gen_status beam_search_finish(struct beam_search *search, struct gen_error *err) {
    const struct effort effort =
        search->beams[0].text != NULL ? search->beams[0].text->effort : (struct effort){0};
    size_t *taken = memory_new(search->n_groups, sizeof *taken);
    if (taken == NULL) {
        return error_no_memory(err, "the beams");
    }
    enum gen_status status = GEN_OK;
    search->done = true;
    for (size_t i = 0; i < search->n && status == GEN_OK; i++) {
        status = finish_text(search, i, taken, &effort, err);
    }
    memory_free(taken);
    return status;
}
