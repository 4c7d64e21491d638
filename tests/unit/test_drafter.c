/**
 * test_drafter.c - whatever a drafter guesses the texts are the same, and right guesses save
 * passes: drafters that know the text, that are always wrong, and that are right now and then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate/answers.h"
#include "generate_job.h"

#define N_CTX     64
#define N_VOCAB   GENERATE_JOB_VOCAB
#define N_PROMPTS 5
#define N_NEW     40
#define N_SLOTS   4

static int32_t PROMPTS[N_PROMPTS][8];
/* The texts, from a run without drafts: what a perfect drafter would say. */
static int32_t TEXTS[N_PROMPTS][N_NEW];

/* ---- drafters ------------------------------------------------------------------------------- */

struct guesser {
    const struct gen_session *session;
    size_t wrong_every; /* so many ids one is wrong; 0: none */
    size_t n_asked, n_drafted, n_accepted, n_told;
    bool seated[N_SLOTS];
};

static void seat(void *context, int32_t slot, const struct sequence *sequence) {
    struct guesser *guesser = context;
    assert_int_equal(sequence->ids.n, N_OF(PROMPTS[0]));
    assert_in_range(slot, 0, N_SLOTS - 1);
    guesser->seated[slot] = true;
}

static void guess(void *context, struct draft *drafts, size_t n_drafts, size_t n_plain) {
    struct guesser *guesser = context;
    assert_in_range(n_drafts, 1, n_plain);
    assert_in_range(n_plain, 1, DRAFT_ROWS - 1);
    for (size_t i = 0; i < n_drafts; i++) {
        struct draft *draft = &drafts[i];
        const struct sequence *sequence = &draft->text->sequence;
        int32_t slot = draft->text->seat.slot;
        assert_true(guesser->seated[slot]);
        assert_in_range(draft->n_most, 1, DRAFT_MOST);
        assert_int_equal(draft->n, 0);
        /* What was guessed wrong is gone. */
        assert_int_equal(gen_session_length(guesser->session, slot), sequence->ids.n - 1);
        size_t n_new = sequence->ids.n - sequence->n_before;
        for (; draft->n < draft->n_most; draft->n++) {
            size_t number = n_new + draft->n;
            assert_true(number < N_NEW);
            bool wrong = guesser->wrong_every > 0 && number % guesser->wrong_every == 0;
            draft->ids[draft->n] = (TEXTS[sequence->index][number] + wrong) % N_VOCAB;
        }
        guesser->n_asked++;
        guesser->n_drafted += draft->n;
    }
}

static void learn(void *context, const struct draft *draft, size_t n_accepted) {
    struct guesser *guesser = context;
    assert_true(guesser->seated[draft->text->seat.slot]);
    assert_in_range(n_accepted, 0, draft->n);
    guesser->n_accepted += n_accepted;
}

static void passed(void *context, size_t n_plain, size_t n_drafted, double seconds) {
    struct guesser *guesser = context;
    assert_true(n_plain > 0);
    assert_true(seconds >= 0.0);
    guesser->n_told += n_drafted;
}

/* ---- runs ----------------------------------------------------------------------------------- */

struct run {
    size_t n_asked, n_ended, n_passes, n_guessed;
    int32_t ids[N_PROMPTS][N_NEW];
};

static bool next(void *context, struct gen_prompt *prompt) {
    struct run *run = context;
    if (run->n_asked == N_PROMPTS) {
        return false;
    }
    const int32_t *ids = PROMPTS[run->n_asked++];
    *prompt = (struct gen_prompt){.ids = ids, .n_ids = N_OF(PROMPTS[0])};
    return true;
}

static bool on_end(void *context, const struct gen_result *result) {
    struct run *run = context;
    assert_int_equal(result->index, run->n_ended);
    assert_int_equal(result->n_new_ids, N_NEW);
    memcpy(run->ids[run->n_ended++], result->new_ids, sizeof run->ids[0]);
    run->n_guessed += result->n_guessed;
    return true;
}

static bool on_go_on(void *context) {
    struct run *run = context;
    run->n_passes++;
    return true;
}

/* An engine with a drafter of ours, or none. */
static struct run run_with(const struct gen_model *model, int32_t n_slots,
                           const struct drafter *drafter) {
    struct run run = {0};
    struct gen_generate_options options = gen_generate_options_default();
    options.sampling.temperature = 1.2f;
    options.max_new_tokens = N_NEW;
    options.ignore_eos = true;
    options.speculate = drafter != NULL;
    const struct gen_session_options session_options = {.n_threads = 1, .n_slots = n_slots};
    struct gen_session *session = NULL;
    struct scheduler scheduler;
    struct pass pass;
    struct sampler_scratch scratch;
    assert_int_equal(gen_session_new(&session, model, &session_options, NULL), GEN_OK);
    if (drafter != NULL) {
        struct guesser *guesser = drafter->context;
        guesser->session = session;
    }
    assert_true(scheduler_init(&scheduler, session, (size_t)n_slots));
    assert_true(pass_init(&pass, &scheduler));
    assert_true(sampler_scratch_init(&scratch, N_VOCAB));
    const struct gen_source source = {.context = &run, .next = next};
    const struct gen_sink sink = {.context = &run, .end = on_end, .go_on = on_go_on};
    struct answers answers = {.source = &source,
                              .scheduler = &scheduler,
                              .pass = &pass,
                              .scratch = &scratch,
                              .drafter = drafter,
                              .reporter.sink = &sink};
    assert_int_equal(answers_run(&answers, model, &options), GEN_OK);
    assert_int_equal(run.n_ended, N_PROMPTS);
    answers_release(&answers);
    sampler_scratch_release(&scratch);
    pass_release(&pass);
    scheduler_release(&scheduler);
    gen_session_free(session);
    return run;
}

static void test_any_draft(void **state) {
    static const size_t wrong_every[] = {0, 1, 2, 3, 7};
    static const int32_t slots[] = {1, 2, N_SLOTS};
    struct run plain = run_with(*state, 1, NULL);
    assert_int_equal(plain.n_passes, N_PROMPTS * N_NEW);
    memcpy(TEXTS, plain.ids, sizeof TEXTS);
    for (size_t i = 0; i < N_OF(slots); i++) {
        for (size_t j = 0; j < N_OF(wrong_every); j++) {
            struct guesser guesser = {.wrong_every = wrong_every[j]};
            const struct drafter drafter = {.context = &guesser,
                                            .seat = seat,
                                            .draft = guess,
                                            .learn = learn,
                                            .passed = passed};
            struct run run = run_with(*state, slots[i], &drafter);
            assert_memory_equal(run.ids, TEXTS, sizeof TEXTS);
            assert_int_equal(run.n_guessed, guesser.n_accepted);
            assert_true(guesser.n_drafted > 0);
            assert_int_equal(guesser.n_told, guesser.n_drafted);
            if (slots[i] == 1) { /* each id guessed saves a pass */
                assert_int_equal(run.n_passes + run.n_guessed, plain.n_passes);
                /* In each pass but a text's first and last there is room for a draft: nothing is
                 * read anew. */
                assert_true(guesser.n_asked + 2 * N_PROMPTS >= run.n_passes);
            }
            if (wrong_every[j] == 0) {
                assert_int_equal(guesser.n_accepted, guesser.n_drafted);
            }
            if (wrong_every[j] == 1) {
                assert_int_equal(guesser.n_accepted, 0);
            }
        }
    }
}

static int setup(void **state) {
    for (size_t i = 0; i < N_PROMPTS; i++) {
        for (size_t j = 0; j < N_OF(PROMPTS[0]); j++) {
            PROMPTS[i][j] = (int32_t)(i * 97 + j * 31) % 500;
        }
    }
    *state = generate_job_model("tests/golden/models/base");
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_draft)};
    return cmocka_run_group_tests_name("drafter", tests, setup, teardown);
}
