/**
 * test_search_canceled.c - searches that are canceled: the sink hears of the best so far, which is
 * what a search of that length finds, and the engine goes on. Contrastive search is told of as it
 * goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"

#define BASE "tests/golden/models/base"

static const int32_t PROMPT[] = {5, 17, 3, 200};

/* The kinds of searches. */
enum kind { BEAMS, DRAWN, GROUPS, WORDS, PENALTY, N_KINDS };

static struct generate_job search_of(enum kind kind) {
    static int32_t word[] = {41};
    static const struct gen_ids spelling = {.data = word, .n = 1};
    static const struct gen_force_words words = {&spelling, 1};
    struct generate_job job = {.options = gen_generate_options_default(), .n_prompts = 1};
    struct gen_generate_options *options = &job.options;
    options->num_beams = 4;
    options->num_return_sequences = 2;
    options->sampling.temperature = kind == DRAWN ? 1.0f : 0.0f;
    options->max_new_tokens = 20;
    options->ignore_eos = true;
    options->n_logprobs = 2;
    options->length_penalty = kind == PENALTY ? -1.0f : 1.0f;
    if (kind == GROUPS) {
        options->num_beam_groups = 2;
        options->diversity_penalty = 3;
    }
    if (kind == WORDS) {
        options->force_words = &words;
        options->n_force_words = 1;
    }
    job.has_own_options = true;
    job.prompts[0] = (struct gen_prompt){.ids = PROMPT, .n_ids = 4};
    return job;
}

static void check_first(const struct generate_text *text, const struct generate_text *expected) {
    assert_true(text->begun);
    assert_int_equal(text->finish, GEN_FINISH_CANCELED);
    assert_int_equal(text->ids.n, expected->ids.n);
    assert_memory_equal(text->ids.data, expected->ids.data, text->ids.n * sizeof(int32_t));
    assert_int_equal(text->text.n, expected->text.n);
    assert_memory_equal(text->text.data, expected->text.data, text->text.n);
    assert_memory_equal(text->chosen, expected->chosen, text->ids.n * sizeof *text->chosen);
}

static void test_beams(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(BASE);
    for (int kind = 0; kind < N_KINDS; kind++) {
        struct generate_job job = search_of((enum kind)kind);
        job.refuse_go_on = 1; /* the prompt is not read */
        assert_int_equal(generate_job_run(&job, model), GEN_CANCELED);
        assert_int_equal(job.n_texts, 0);
        generate_job_release(&job);
        for (int n = 1; n < 7; n++) {
            struct generate_job whole = search_of((enum kind)kind);
            whole.options.max_new_tokens = n;
            generate_job_run_well(&whole, model);
            job = search_of((enum kind)kind);
            job.refuse_go_on = n + 1;
            assert_int_equal(generate_job_run(&job, model), GEN_CANCELED);
            assert_int_equal(job.n_texts, 1);
            assert_true(job.texts[0].has_score);
            assert_float_equal(job.texts[0].score, whole.texts[0].score, 0);
            check_first(&job.texts[0], &whole.texts[0]);
            generate_job_release(&job);
            generate_job_release(&whole);
        }
    }
    gen_model_free(model);
}

/* A search that goes on after another one, and a sink that refuses the beginning. */
static void test_order(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(BASE);
    struct generate_job job = search_of(BEAMS);
    job.refuse_begin = 1;
    assert_int_equal(generate_job_run(&job, model), GEN_CANCELED);
    assert_int_equal(job.n_texts, 1);
    assert_int_equal(job.texts[0].finish, GEN_FINISH_CANCELED);
    assert_int_equal(job.texts[0].ids.n, 1);
    generate_job_release(&job);
    job = search_of(BEAMS);
    job.options.batch = 8;
    job.options.max_new_tokens = 4;
    job.n_prompts = 3;
    job.prompts[1] = job.prompts[2] = job.prompts[0];
    job.refuse_go_on = 6;
    assert_int_equal(generate_job_run(&job, model), GEN_CANCELED);
    assert_int_equal(job.n_texts, 5); /* two prompts, and the best so far of the third */
    assert_int_equal(job.texts[4].index, 2);
    assert_int_equal(job.texts[4].finish, GEN_FINISH_CANCELED);
    generate_job_release(&job);
    gen_model_free(model);
}

static void test_contrastive(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(BASE);
    struct generate_job whole = {.options = gen_generate_options_default(), .n_prompts = 1};
    whole.options.penalty_alpha = 0.6f;
    whole.options.sampling.top_k = 4;
    whole.options.sampling.temperature = 0;
    whole.options.max_new_tokens = 12;
    whole.options.n_logprobs = 2;
    whole.options.ignore_eos = true;
    whole.prompts[0] = (struct gen_prompt){.ids = PROMPT, .n_ids = 4};
    struct generate_job job = whole;
    generate_job_run_well(&whole, model);
    assert_int_equal(whole.texts[0].ids.n, 12);
    size_t n_streaming = 0;
    for (int at = 1; at < 12; at++) {
        struct generate_job cut = job;
        cut.refuse_go_on = at;
        assert_int_equal(generate_job_run(&cut, model), GEN_CANCELED);
        assert_int_equal(cut.n_texts, at > 1);
        if (at > 1) {
            const struct generate_text *text = &cut.texts[0];
            assert_int_equal(text->finish, GEN_FINISH_CANCELED);
            assert_int_equal(text->ids.n, at - 2); /* the first pass reads the prompt */
            check_first(text, &(struct generate_text){
                                  .ids = {.data = whole.texts[0].ids.data, .n = text->ids.n},
                                  .text = text->text,
                                  .chosen = whole.texts[0].chosen});
            assert_true(text->text.n <= whole.texts[0].text.n);
            assert_memory_equal(text->text.data, whole.texts[0].text.data, text->text.n);
        }
        generate_job_release(&cut);
        /* It streams: a sink that refuses text has heard a part. */
        cut = job;
        cut.refuse_text = at;
        if (generate_job_run(&cut, model) == GEN_CANCELED && cut.texts[0].ids.n < 12) {
            n_streaming++;
        }
        generate_job_release(&cut);
    }
    assert_true(n_streaming > 2);
    generate_job_release(&whole);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beams),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_contrastive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
