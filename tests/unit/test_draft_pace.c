/**
 * test_draft_pace.c - how far a draft model guesses, with a clock that is made up: what a pass, a
 * step and reading take, and how often guesses come true, are given, and the time of whole texts is
 * held against that without guesses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "generate/draft_pace.h"

#define MOST_TEXTS 4

/** A machine and two models. A pass of one row takes 1. */
struct world {
    double row, step, reading; /* each row more, a step, an id that the draft model reads */
    double prompt;             /* an id of a prompt that the model reads */
    double jitter;             /* part by which times differ */
    double ratio;              /* sizes, as they are told */
    double p[2]; /* how often a guess is right, in the first half of texts and after */
    size_t n_prompt, n_new, n_texts, n_runs;
};

/** One after the other, texts of a world. */
struct simulation {
    const struct world *world;
    struct draft_pace pace;
    struct rng rng;
    double seconds, plain_seconds; /* with guesses, and as it would be without */
    size_t n_drafted, n_accepted;
    size_t behind[MOST_TEXTS]; /* ids that the draft model has not read */
};

static double about(struct simulation *s, double seconds) {
    return seconds * (1.0 + s->world->jitter * (rng_double(&s->rng) - 0.5));
}

static double pass_time(const struct world *world, size_t n_rows) {
    return 1.0 + world->row * (double)(n_rows - 1);
}

/* Guess as the plan says; returns the seconds. */
static double guess(struct simulation *s, const struct draft_plan *plan, struct draft *drafts,
                    size_t n) {
    double all = 0.0;
    size_t depth = 0, n_texts = 0;
    for (size_t i = 0; i < n; i++) {
        drafts[i].n = plan->lengths[i];
        if (drafts[i].n == 0) {
            s->behind[i]++;
            continue;
        }
        size_t n_read = size_min(s->behind[i], plan->most_read);
        if (n_read > 8) {
            double seconds = about(s, s->world->reading * (double)n_read);
            draft_pace_read(&s->pace, n_read, seconds);
            all += seconds;
        }
        s->behind[i] = 0;
        depth = size_max(depth, drafts[i].n);
        n_texts++;
        s->n_drafted += drafts[i].n;
    }
    for (size_t i = 0; i < depth; i++) {
        double seconds = about(s, s->world->step * (1.0 + 0.05 * (double)(n_texts - 1)));
        draft_pace_step(&s->pace, n_texts, seconds);
        all += seconds;
    }
    return all;
}

/* One pass over n texts. */
static void pass(struct simulation *s, struct text *texts, size_t n, double p) {
    struct draft drafts[MOST_TEXTS];
    size_t share = (DRAFT_ROWS - n) / size_max(n, 1);
    size_t n_asked = 0;
    for (size_t i = 0; i < n; i++) {
        size_t left = s->world->n_new - texts[i].sequence.ids.n;
        size_t most = size_min(size_min(share, left - 1), DRAFT_MOST);
        drafts[i] = (struct draft){.text = &texts[i], .n_most = most};
        n_asked += most > 0;
    }
    double seconds = 0.0;
    if (n_asked == n) {
        struct draft_plan plan = draft_pace_plan(&s->pace, drafts, n, n);
        seconds = guess(s, &plan, drafts, n);
    }
    size_t n_drafted = 0;
    for (size_t i = 0; i < n; i++) {
        size_t right = 0;
        while (right < drafts[i].n && rng_double(&s->rng) < p) {
            right++;
        }
        if (drafts[i].n > 0) {
            draft_pace_learn(&s->pace, texts[i].seat.slot, drafts[i].n, right);
        }
        n_drafted += drafts[i].n;
        s->n_accepted += right;
        texts[i].sequence.ids.n += right + 1;
        s->plain_seconds += pass_time(s->world, n) / (double)n * (double)(right + 1);
    }
    double evaluating = about(s, pass_time(s->world, n + n_drafted));
    draft_pace_passed(&s->pace, n, n_drafted, evaluating);
    s->seconds += seconds + evaluating;
}

/* How many times as fast as without guesses. */
static double speed_of(const struct world *world, uint64_t seed) {
    struct simulation s = {.world = world};
    rng_init(&s.rng, seed, 1);
    assert_true(draft_pace_init(&s.pace, MOST_TEXTS, world->ratio));
    for (size_t run = 0; run < world->n_runs; run++) {
        static const struct sequence_rules rules;
        static struct text texts[MOST_TEXTS];
        memset(texts, 0, sizeof texts);
        for (size_t i = 0; i < world->n_texts; i++) {
            texts[i].sequence.rules = &rules;
            texts[i].sequence.n_new_max = world->n_new;
            texts[i].seat.slot = (int32_t)i;
            s.behind[i] = world->n_prompt;
            draft_pace_seat(&s.pace, (int32_t)i);
        }
        double reading = world->prompt * (double)(world->n_prompt * world->n_texts);
        s.seconds += reading;
        s.plain_seconds += reading;
        draft_pace_passed(&s.pace, world->n_prompt * world->n_texts, 0, reading);
        double p = world->p[run >= (world->n_runs + 1) / 2];
        while (texts[0].sequence.ids.n < world->n_new) {
            size_t n = 0;
            for (size_t i = 0; i < world->n_texts; i++) {
                n += texts[i].sequence.ids.n < world->n_new;
            }
            if (n < world->n_texts) {
                break; /* the others are not followed to their end */
            }
            pass(&s, texts, n,
                 world->n_runs > 1 ? p : world->p[texts[0].sequence.ids.n * 2 > world->n_new]);
        }
    }
    draft_pace_release(&s.pace);
    return s.plain_seconds / s.seconds;
}

/* GPT-2 XL drafted by the smallest one, as they are on two cores. */
static struct world xl(double p) {
    return (struct world){.row = 0.04,
                          .step = 0.09,
                          .reading = 0.012,
                          .prompt = 0.15,
                          .jitter = 0.2,
                          .ratio = 0.08,
                          .p = {p, p},
                          .n_prompt = 12,
                          .n_new = 128,
                          .n_texts = 1,
                          .n_runs = 1};
}

static double mean_speed(const struct world *world, double *least) {
    double sum = 0.0;
    *least = 1e9;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double speed = speed_of(world, seed);
        sum += speed;
        *least = speed < *least ? speed : *least;
    }
    return sum / 20.0;
}

/* Speeds of a world, held against what they must be. */
static void check(const char *name, struct world world, double mean, double worst) {
    double least;
    double speed = mean_speed(&world, &least);
    print_message("%s: %.3f, the worst %.3f\n", name, speed, least);
    if (speed < mean || least < worst) {
        fail_msg("%s: %.3f, the worst %.3f, but must be %.3f and %.3f", name, speed, least, mean,
                 worst);
    }
}

static void what_pays_is_done(void **state) {
    (void)state;
    check("7 of 10 right", xl(0.7), 1.65, 1.4);
    check("9 of 10 right", xl(0.9), 2.6, 2.0);
    check("all right", xl(1.0), 3.6, 3.5);
    struct world world = xl(0.7);
    world.n_new = 1000;
    check("a long text", world, 1.6, 1.5);
    world = xl(0.7);
    world.n_texts = 4;
    world.n_new = 64;
    check("4 texts", world, 1.2, 0.97);
    world = xl(0.7);
    world.n_prompt = 900;
    check("a long prompt", world, 1.15, 0.97);
}

static void what_does_not_is_left(void **state) {
    (void)state;
    check("never right", xl(0.0), 0.98, 0.97);
    check("1 of 10 right", xl(0.1), 0.98, 0.97);
    struct world world = xl(0.0);
    world.n_new = 32;
    check("a short text", world, 0.975, 0.955);
    world.n_new = 1000;
    check("a long text", world, 0.98, 0.975);
    world = xl(0.0);
    world.n_prompt = 900;
    check("a long prompt", world, 0.98, 0.975);
    world = xl(0.0);
    world.n_texts = 4;
    check("4 texts", world, 0.98, 0.97);
    world = xl(0.0);
    world.n_texts = 4;
    world.n_runs = 10;
    check("40 texts", world, 0.98, 0.975);
    /* A draft model that is as slow as the model. */
    world = xl(1.0);
    world.step = 1.0;
    world.reading = 0.15;
    world.ratio = 1.0;
    check("two alike", world, 0.98, 0.97);
    /* A pass whose rows cost as much as passes. */
    world = xl(0.7);
    world.row = 0.9;
    check("no row for nothing", world, 0.97, 0.96);
}

static void what_changes_is_noticed(void **state) {
    (void)state;
    struct world world = xl(0.0);
    world.p[1] = 0.9;
    world.n_runs = 6;
    check("bad, then good texts", world, 1.25, 1.15);
    world.p[0] = 0.9;
    world.p[1] = 0.0;
    check("good, then bad texts", world, 1.25, 1.2);
    world.n_runs = 1;
    world.n_new = 1000;
    check("good, then bad", world, 1.3, 1.25);
    world.p[0] = 0.0;
    world.p[1] = 0.9;
    check("bad, then good", world, 1.1, 1.02);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_pays_is_done),
        cmocka_unit_test(what_does_not_is_left),
        cmocka_unit_test(what_changes_is_noticed),
    };
    return cmocka_run_group_tests_name("draft_pace", tests, NULL, NULL);
}
