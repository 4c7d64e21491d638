/**
 * test_prompt_logprobs.c - log probabilities of the prompt's ids: those of gen_score() to the last
 * bit, whatever else is going on, and without changing a text.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "gen_eval.h"
#include "generate_job.h"

#define BASE      "tests/golden/models/base"
#define UNTIED    "tests/golden/models/untied"
#define N_CTX     64
#define N_BEST    3
#define N_PROMPTS 20
#define POISON    200

static int32_t IDS[8 * N_CTX];

static int setup(void **state) {
    *state = generate_job_model(BASE);
    for (size_t i = 0; i < N_OF(IDS); i++) {
        /* Words that come back, so that there is something to guess. */
        IDS[i] = (int32_t)(300 + i * i % 7 * 29 + i / 100);
    }
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

/* Prompts of 0 to 60 ids, some of which begin alike. */
static struct generate_job job_of(int32_t batch) {
    struct generate_job job = {.options = gen_generate_options_default()};
    job.options.seed = 5;
    job.options.max_new_tokens = 12;
    job.options.batch = batch;
    job.options.n_threads = 1;
    job.options.n_logprobs = N_BEST;
    job.options.prompt_logprobs = true;
    job.n_prompts = N_PROMPTS;
    for (size_t i = 0; i < N_PROMPTS; i++) {
        job.prompts[i] = (struct gen_prompt){.ids = IDS + i % 4 * 9, .n_ids = i * 23 % 61};
    }
    return job;
}

/* ---- gen_score ---------------------------------------------------------------------------------
 */

/* What was scored last. */
struct scored {
    const int32_t *ids;
    size_t n;
    bool given;
    double logprobs[N_CTX];
    struct gen_logprob best[N_CTX * N_BEST];
};

static bool next_score(void *context, struct gen_score_request *request) {
    struct scored *scored = context;
    *request = (struct gen_score_request){.ids = scored->ids, .n_ids = scored->n};
    bool is_first = !scored->given;
    scored->given = true;
    return is_first;
}

static bool take_score(void *context, const struct gen_score *score) {
    struct scored *scored = context;
    assert_null(score->error);
    assert_int_equal(score->n_ids, scored->n);
    for (size_t i = 0; i < score->n_ids; i++) {
        scored->logprobs[i] = score->tokens[i].rank > 0 ? score->tokens[i].logprob : (double)NAN;
    }
    memcpy(scored->best, score->best, score->n_ids * N_BEST * sizeof *score->best);
    return true;
}

static void score(struct scored *scored, const struct gen_model *model) {
    struct gen_scorer *scorer;
    struct gen_error err = {.message = ""};
    struct gen_score_options options = gen_score_options_default();
    options.n_threads = 1;
    options.n_best = N_BEST;
    const struct gen_score_source source = {.context = scored, .next = next_score};
    const struct gen_score_sink sink = {.context = scored, .score = take_score};
    assert_int_equal(gen_scorer_new(&scorer, model, &options, &err), GEN_OK);
    assert_int_equal(gen_scorer_run(scorer, &source, &sink, NULL, &err), GEN_OK);
    gen_scorer_free(scorer);
}

/* The last n ids of a prompt are told of as gen_score() has them, those before not at all. */
static void check_scores(const struct generate_text *text, size_t n,
                         const struct gen_model *model) {
    size_t n_before = text->prompt.n - n;
    struct scored scored = {.ids = text->prompt.data + n_before, .n = n};
    assert_non_null(text->prompt_logprobs);
    for (size_t i = 0; i < n_before; i++) {
        assert_true(isnan(text->prompt_logprobs[i]));
    }
    if (n == 0) {
        return;
    }
    score(&scored, model);
    assert_true(isnan(text->prompt_logprobs[n_before]));
    for (size_t i = 1; i < n; i++) {
        size_t best = (n_before + i) * N_BEST;
        assert_true(text->prompt_logprobs[n_before + i] == scored.logprobs[i]);
        assert_memory_equal(text->prompt_best + best, scored.best + i * N_BEST,
                            N_BEST * sizeof *scored.best);
    }
}

static void test_scores(void **state) {
    struct generate_job alone = job_of(1);
    generate_job_run_well(&alone, *state);
    assert_int_equal(alone.n_texts, N_PROMPTS);
    for (size_t i = 0; i < alone.n_texts; i++) {
        check_scores(&alone.texts[i], alone.texts[i].prompt.n, *state);
    }
    generate_job_release(&alone);
}

/* ---- whatever else is going on -----------------------------------------------------------------
 */

static void test_same_texts(void **state) {
    struct generate_job with = job_of(4), without = job_of(4);
    without.options.prompt_logprobs = false;
    generate_job_run_well(&with, *state);
    generate_job_run_well(&without, *state);
    for (size_t i = 0; i < N_PROMPTS; i++) {
        assert_null(without.texts[i].prompt_logprobs);
        assert_int_equal(with.texts[i].ids.n, without.texts[i].ids.n);
        assert_memory_equal(with.texts[i].ids.data, without.texts[i].ids.data,
                            with.texts[i].ids.n * sizeof(int32_t));
    }
    generate_job_release(&with);
    generate_job_release(&without);
}

typedef void change(struct gen_generate_options *options);

static void change_nothing(struct gen_generate_options *options) {
    (void)options;
}

static void several_texts(struct gen_generate_options *options) {
    options->num_return_sequences = 3;
}

static void nothing_new(struct gen_generate_options *options) {
    options->max_new_tokens = 0;
    options->num_return_sequences = 2;
}

static void greedy_with_drafts(struct gen_generate_options *options) {
    options->sampling.temperature = 0;
    options->max_new_tokens = 40;
    options->slide = true;
}

static void two_threads(struct gen_generate_options *options) {
    options->n_threads = 2;
}

static void no_best(struct gen_generate_options *options) {
    options->n_logprobs = 0;
}

static void test_batches(void **state) {
    static change *const changes[] = {change_nothing,     several_texts, nothing_new,
                                      greedy_with_drafts, two_threads,   no_best};
    static const int32_t batches[] = {2, 5, 16, 0};
    for (size_t i = 0; i < N_OF(changes); i++) {
        struct generate_job alone = job_of(1);
        changes[i](&alone.options);
        alone.options.n_threads = 1;
        generate_job_run_well(&alone, *state);
        for (size_t j = 0; j < N_OF(batches); j++) {
            struct generate_job together = job_of(batches[j]);
            changes[i](&together.options);
            generate_job_run_well(&together, *state);
            generate_job_check_same(&together, &alone);
            generate_job_release(&together);
        }
        generate_job_release(&alone);
    }
}

/* ---- other ways to decode ----------------------------------------------------------------------
 */

static int32_t other_ids[] = {5, 17, 9, 41};

static void beams(struct gen_generate_options *options) {
    options->num_beams = 3;
    options->num_return_sequences = 2;
}

static void groups_of_beams(struct gen_generate_options *options) {
    options->num_beams = 4;
    options->num_beam_groups = 2;
    options->diversity_penalty = 0.5f;
    options->sampling.temperature = 0;
}

static void contrast(struct gen_generate_options *options) {
    options->penalty_alpha = 0.6f;
    options->sampling.top_k = 4;
    options->sampling.temperature = 0;
}

static void guidance(struct gen_generate_options *options) {
    options->guidance_scale = 1.5f;
    options->num_return_sequences = 2;
}

static void guidance_by_a_prompt(struct gen_generate_options *options) {
    options->guidance_scale = 1.5f;
    options->has_negative_prompt = true;
    options->negative_prompt = (struct gen_ids){.data = other_ids, .n = N_OF(other_ids)};
}

static void healing(struct gen_generate_options *options) {
    options->token_healing = true;
    options->num_return_sequences = 2;
}

/* What is known of the prompt is the same whatever is made of it, also if nothing is; and the texts
 * are those of a run that does not ask. */
static void check_way(const struct gen_model *model, change *way, int32_t n_new, int32_t batch) {
    struct generate_job with = job_of(batch), without = job_of(batch);
    with.n_prompts = without.n_prompts = 8;
    way(&with.options);
    way(&without.options);
    with.options.max_new_tokens = without.options.max_new_tokens = n_new;
    without.options.prompt_logprobs = false;
    with.has_own_options = without.has_own_options = true; /* texts of a search share a seed */
    generate_job_run_well(&with, model);
    generate_job_run_well(&without, model);
    assert_int_equal(with.n_failed, 0);
    assert_int_equal(with.n_texts, without.n_texts);
    for (size_t i = 0; i < with.n_texts; i++) {
        const struct generate_text *text = &with.texts[i], *same = &without.texts[i];
        check_scores(text, text->prompt.n, model);
        assert_int_equal(text->finish, same->finish);
        assert_int_equal(text->ids.n, same->ids.n);
        assert_true(text->ids.n == 0 ||
                    memcmp(text->ids.data, same->ids.data, text->ids.n * sizeof(int32_t)) == 0);
    }
    generate_job_release(&with);
    generate_job_release(&without);
}

static void test_other_ways(void **state) {
    static change *const ways[] = {beams,    groups_of_beams,      contrast,
                                   guidance, guidance_by_a_prompt, healing};
    static const int32_t batches[] = {4, 9, 0};
    for (size_t i = 0; i < N_OF(ways); i++) {
        for (size_t j = 0; j < N_OF(batches); j++) {
            check_way(*state, ways[i], 12, batches[j]);
            check_way(*state, ways[i], 1, batches[j]);
            check_way(*state, ways[i], 0, batches[j]);
        }
    }
}

static void test_not_with_choices(void **state) {
    const struct gen_ids choices[] = {{.data = other_ids, .n = 2}, {.data = other_ids + 1, .n = 3}};
    struct generate_job job = job_of(4);
    job.options.n_logprobs = 0;
    job.options.choices = choices;
    job.options.n_choices = N_OF(choices);
    assert_int_equal(generate_job_run(&job, *state), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(job.error.message, "prompt_logprobs"));
    generate_job_release(&job);
}

/* A prompt is read once for its texts, and anew where a slot holds it. */
static void test_engine_that_knows_the_prompt(void **state) {
    struct gen_engine *engine;
    struct gen_error err;
    struct gen_engine_options options = {.n_threads = 1, .batch = 4};
    assert_int_equal(gen_engine_new(&engine, *state, &options, &err), GEN_OK);
    struct generate_job first = job_of(4), again = job_of(4), after = job_of(4);
    struct generate_job *jobs[] = {&first, &again, &after};
    for (size_t i = 0; i < N_OF(jobs); i++) {
        jobs[i]->engine = engine;
        jobs[i]->n_prompts = 1;
        jobs[i]->prompts[0] = (struct gen_prompt){.ids = IDS, .n_ids = 50};
        jobs[i]->options.num_return_sequences = 2;
    }
    after.options.prompt_logprobs = false;
    generate_job_run_well(&first, *state);
    generate_job_run_well(&again, *state);
    generate_job_run_well(&after, *state);
    generate_job_check_same(&again, &first);
    assert_int_equal(again.texts[0].n_cached, 0);
    assert_int_equal(again.texts[1].n_cached, 49);
    assert_int_equal(after.texts[0].n_cached, 49);
    for (size_t i = 0; i < N_OF(jobs); i++) {
        generate_job_release(jobs[i]);
    }
    gen_engine_free(engine);
}

/* Of a prompt longer than the context the window is read. */
static void test_slide(void **state) {
    struct generate_job job = job_of(3);
    job.options.slide = true;
    job.n_prompts = 4;
    for (size_t i = 0; i < job.n_prompts; i++) {
        job.prompts[i].n_ids = 63 + i;
    }
    generate_job_run_well(&job, *state);
    for (size_t i = 0; i < job.n_prompts; i++) {
        size_t n = job.texts[i].prompt.n;
        size_t window = n <= N_CTX ? n : N_CTX / 2 + (n - N_CTX - 1) % (N_CTX - N_CTX / 2 + 1);
        check_scores(&job.texts[i], window, *state);
    }
    generate_job_release(&job);
}

static void test_logits_are_told_once(void **state) {
    for (int32_t n_new = 0; n_new < 2; n_new++) {
        struct generate_job plain = job_of(1), logits = job_of(1);
        plain.options.max_new_tokens = logits.options.max_new_tokens = n_new;
        plain.n_prompts = logits.n_prompts = 3;
        logits.want_logits = true;
        generate_job_run_well(&plain, *state);
        generate_job_run_well(&logits, *state);
        generate_job_check_same(&logits, &plain);
        /* The empty prompt has the start id. */
        assert_int_equal(logits.n_rows, 1 + 23 + 46 + 3 * n_new);
        generate_job_release(&plain);
        generate_job_release(&logits);
    }
}

static void test_options_of_a_prompt(void **state) {
    struct generate_job job = job_of(4);
    struct gen_generate_options own = job.options;
    job.options.prompt_logprobs = false;
    job.options.n_logprobs = 0;
    job.has_own_options = true;
    job.n_prompts = 6;
    for (size_t i = 0; i < job.n_prompts; i += 2) {
        job.prompts[i].options = &own;
    }
    generate_job_run_well(&job, *state);
    for (size_t i = 0; i < job.n_prompts; i++) {
        if (i % 2 == 0) {
            check_scores(&job.texts[i], job.texts[i].prompt.n, *state);
        } else {
            assert_null(job.texts[i].prompt_logprobs);
        }
    }
    generate_job_release(&job);
}

/* A prompt without finite logits fails alone, and before anything of it is told. */
static void test_failure(void **state) {
    (void)state;
    static const int32_t poison[] = {5, POISON, 6, 7};
    struct gen_model *model = generate_job_poisoned(UNTIED, POISON);
    for (int32_t n_new = 0; n_new < 2; n_new++) {
        struct generate_job job = job_of(4);
        job.options.max_new_tokens = n_new;
        job.n_prompts = 5;
        job.prompts[2] = (struct gen_prompt){.ids = poison, .n_ids = N_OF(poison)};
        generate_job_run_well(&job, model);
        assert_int_equal(job.n_failed, 1);
        for (size_t i = 0; i < job.n_texts; i++) {
            const struct generate_text *text = &job.texts[i];
            assert_int_equal(text->finish == GEN_FINISH_ERROR, i == 2);
            assert_int_equal(text->begun, i != 2);
            if (i != 2) {
                check_scores(text, text->prompt.n, model);
            }
        }
        generate_job_release(&job);
    }
    gen_model_free(model);
}

/* Ctrl-C before the prompt is read, while it is, and later. */
static void test_cancel(void **state) {
    for (int at = 1; at < 12; at++) {
        for (int32_t n_new = 0; n_new < 4; n_new += 3) {
            struct generate_job job = job_of(2);
            job.options.max_new_tokens = n_new;
            job.options.num_return_sequences = 2;
            job.n_prompts = 2;
            job.prompts[0].n_ids = 60;
            job.refuse_go_on = at;
            enum gen_status status = generate_job_run(&job, *state);
            assert_true(status == GEN_CANCELED || status == GEN_OK);
            for (size_t i = 0; i < job.n_texts; i++) {
                check_scores(&job.texts[i], job.texts[i].prompt.n, *state);
            }
            generate_job_release(&job);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_same_texts),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_other_ways),
        cmocka_unit_test(test_not_with_choices),
        cmocka_unit_test(test_engine_that_knows_the_prompt),
        cmocka_unit_test(test_slide),
        cmocka_unit_test(test_logits_are_told_once),
        cmocka_unit_test(test_options_of_a_prompt),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
