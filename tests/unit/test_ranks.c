/**
 * test_ranks.c - training by several ranks, here threads of one process, against training by one.
 * The sums of MPI itself are tested in tests/mpi/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <pthread.h>

#include "base/file.h"
#include "format_fixture.h"
#include "gen_train.h"
#include "train/ranks.h"

#define MODEL     "tests/golden/models/base"
#define TEXT      "tests/golden/train/text.txt"
#define MAX_RANKS 4
#define MAX_STEPS 60

/* ---- ranks that are threads --------------------------------------------------------------*/

/* Where they meet: each lays down what it brings, and may take it away when all have looked, which
 * is when they meet again, with NULL. */
struct place {
    pthread_mutex_t mutex;
    pthread_cond_t all_here;
    int n, n_here;
    uint64_t n_meetings;
    const void *brought[MAX_RANKS];
    bool broken;
};

struct rank {
    struct place *place;
    struct gen_ranks ranks;
    /* its run */
    const char *path;
    struct gen_train_options options;
    bool pairs; /* gen_finetune() of them, not gen_train() */
    uint64_t stop_after;
    enum gen_status status;
    struct gen_error err;
    uint64_t last_step;
    int n_saved;
    double loss[MAX_STEPS + 1], valid[MAX_STEPS + 1];
};

static bool meet(struct rank *rank, const void *brings) {
    struct place *place = rank->place;
    pthread_mutex_lock(&place->mutex);
    if (brings != NULL) {
        place->brought[rank->ranks.rank] = brings;
    }
    uint64_t meeting = place->n_meetings;
    if (++place->n_here == place->n) {
        place->n_here = 0;
        place->n_meetings++;
        pthread_cond_broadcast(&place->all_here);
    }
    while (meeting == place->n_meetings) {
        pthread_cond_wait(&place->all_here, &place->mutex);
    }
    bool works = !place->broken;
    pthread_mutex_unlock(&place->mutex);
    return works;
}

static bool sum_floats(void *context, float *values, size_t n) {
    struct rank *rank = context;
    float *sums = calloc(n, sizeof *sums);
    bool works = meet(rank, values);
    for (int r = 0; r < rank->place->n; r++) {
        const float *other = rank->place->brought[r];
        for (size_t i = 0; i < n; i++) {
            sums[i] += other[i];
        }
    }
    works = meet(rank, NULL) && works;
    memcpy(values, sums, n * sizeof *sums);
    free(sums);
    return works;
}

static bool sum_doubles(void *context, double *values, size_t n) {
    struct rank *rank = context;
    double sums[16] = {0};
    bool works = meet(rank, values);
    for (int r = 0; r < rank->place->n; r++) {
        const double *other = rank->place->brought[r];
        for (size_t i = 0; i < n; i++) {
            sums[i] += other[i];
        }
    }
    works = meet(rank, NULL) && works;
    memcpy(values, sums, n * sizeof *sums);
    return works;
}

static bool broadcast(void *context, int32_t from, void *bytes, size_t n) {
    struct rank *rank = context;
    bool works = meet(rank, bytes);
    if (from != rank->ranks.rank) {
        memcpy(bytes, rank->place->brought[from], n);
    }
    return meet(rank, NULL) && works;
}

/* ---- runs --------------------------------------------------------------------------------*/

static bool on_step(void *context, const struct gen_train_report *report) {
    struct rank *rank = context;
    if (report->step <= MAX_STEPS) {
        rank->last_step = report->step;
        rank->loss[report->step] = report->loss;
        rank->valid[report->step] = report->has_valid ? report->valid_loss : 0;
    }
    return report->step != rank->stop_after;
}

static void on_saved(void *context, uint64_t step) {
    struct rank *rank = context;
    (void)step;
    rank->n_saved++;
}

static void *train(void *context) {
    struct rank *rank = context;
    const struct gen_train_watch watch = {.context = rank, .step = on_step, .saved = on_saved};
    rank->options.ranks = &rank->ranks;
    if (rank->pairs) {
        struct gen_finetune_options finetune = gen_finetune_options_default();
        finetune.train = rank->options;
        rank->status = gen_finetune(rank->path, &finetune, &watch, &rank->err);
    } else {
        rank->status = gen_train(rank->path, &rank->options, &watch, &rank->err);
    }
    return NULL;
}

/* n ranks with the same options, which the test may change before it lets them run. */
static void prepare(struct rank *ranks, struct place *place, int n, const char *path,
                    const struct gen_train_options *options) {
    *place = (struct place){.n = n};
    pthread_mutex_init(&place->mutex, NULL);
    pthread_cond_init(&place->all_here, NULL);
    for (int r = 0; r < n; r++) {
        ranks[r] = (struct rank){.place = place, .path = path, .options = *options};
        ranks[r].ranks = (struct gen_ranks){.context = &ranks[r],
                                            .rank = r,
                                            .n = n,
                                            .n_on_machine = n,
                                            .n_on_cores = n,
                                            .sum_floats = sum_floats,
                                            .sum_doubles = sum_doubles,
                                            .broadcast = broadcast};
    }
}

static void run(struct rank *ranks) {
    int n = ranks->place->n;
    pthread_t threads[MAX_RANKS];
    for (int r = 0; r < n; r++) {
        assert_int_equal(pthread_create(&threads[r], NULL, train, &ranks[r]), 0);
    }
    for (int r = 0; r < n; r++) {
        assert_int_equal(pthread_join(threads[r], NULL), 0);
    }
    pthread_mutex_destroy(&ranks->place->mutex);
    pthread_cond_destroy(&ranks->place->all_here);
}

static void run_well(struct rank *ranks) {
    run(ranks);
    for (int r = 0; r < ranks->place->n; r++) {
        if (ranks[r].status != GEN_OK) {
            fail_msg("rank %d: %s", r, ranks[r].err.message);
        }
        assert_int_equal(ranks[r].n_saved > 0, r == 0);
    }
}

static struct gen_train_options small_run(const char *const *data) {
    struct gen_train_options options = gen_train_options_default();
    options.data = data;
    options.n_data = 1;
    options.vocab = MODEL;
    options.shape = (struct gen_train_shape){.n_layer = 2, .n_head = 2, .n_embd = 20, .n_ctx = 16};
    options.batch_size = (uint64_t)7 * 16;
    options.n_steps = 50;
    options.n_warmup = 5;
    options.learning_rate = 3e-3F;
    options.dropout = 0.1F;
    options.valid_share = 0.25F;
    options.valid_every = 10;
    options.n_threads = 1;
    options.seed = 3;
    return options;
}

static void assert_close(double found, double wanted) {
    if (!(fabs(found - wanted) <= 1e-5 * fabs(wanted))) {
        fail_msg("%.9g, one rank has %.9g", found, wanted);
    }
}

/* ---- tests -------------------------------------------------------------------------------*/

static void test_shares(void **state) {
    (void)state;
    static const uint64_t totals[] = {0, 1, 3, 4, 5, 1000003, UINT64_MAX};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        uint64_t at = 0;
        for (int32_t r = 0; r < 4; r++) {
            const struct gen_ranks ranks = {.rank = r, .n = 4};
            uint64_t first, end;
            ranks_share(&first, &end, &ranks, totals[i]);
            assert_int_equal(first, at);
            assert_true(end - first == totals[i] / 4 || end - first == totals[i] / 4 + 1);
            at = end;
        }
        assert_int_equal(at, totals[i]);
    }
}

/* What is one process's is one rank's to the bit, and that of more ranks but for rounding. */
static void test_same_curve(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    const struct gen_train_options options = small_run(data);
    char alone_path[300];
    snprintf(alone_path, sizeof alone_path, "%s", fixture_path(directory, "alone"));
    struct rank alone = {0};
    const struct gen_train_watch watch = {.context = &alone, .step = on_step, .saved = on_saved};
    assert_int_equal(gen_train(alone_path, &options, &watch, NULL), GEN_OK);

    for (int n = 1; n <= MAX_RANKS; n++) {
        for (int again = 0; again < 2; again++) {
            struct rank ranks[MAX_RANKS];
            struct place place;
            char name[40];
            snprintf(name, sizeof name, "ranks-%d-%d", n, again);
            prepare(ranks, &place, n, fixture_path(directory, name), &options);
            ranks[n - 1].options.micro_batch = 1; /* changes no bit, not on one of them either */
            run_well(ranks);
            for (int step = 1; step <= 50; step++) {
                for (int r = 0; r < n; r++) {
                    assert_true(ranks[r].loss[step] == ranks[0].loss[step]);
                    assert_true(ranks[r].valid[step] == ranks[0].valid[step]);
                }
                assert_close(ranks[0].loss[step], alone.loss[step]);
                assert_close(ranks[0].valid[step], alone.valid[step]);
            }
            assert_true(ranks[0].valid[50] > 0);
        }
        char first[40], second[40];
        snprintf(first, sizeof first, "ranks-%d-0.state", n);
        snprintf(second, sizeof second, "ranks-%d-1.state", n);
        fixture_assert_same_files(directory, first, second);
    }
    fixture_assert_same_files(directory, "alone.state", "ranks-1-0.state");
    fixture_directory_remove(directory);
}

/* Any rank may stop all; as many go on to the same bits, and another number goes on, too. */
static void test_stop_and_resume(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    struct gen_train_options options = small_run(data);
    struct rank whole[MAX_RANKS], ranks[MAX_RANKS];
    struct place place;
    prepare(whole, &place, 3, fixture_path(directory, "whole"), &options);
    run_well(whole);
    char path[300];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "parts"));
    prepare(ranks, &place, 3, path, &options);
    ranks[2].stop_after = 20;
    run(ranks);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(ranks[r].status, GEN_CANCELED);
        assert_string_equal(ranks[r].err.message, "training was stopped after step 20");
        assert_int_equal(ranks[r].last_step, 20);
        assert_int_equal(ranks[r].n_saved, r == 0 ? 2 : 0); /* the best, after step 10, and this */
    }
    options.resume = true;
    options.n_steps = 50;
    prepare(ranks, &place, 3, path, &options);
    run_well(ranks);
    fixture_assert_same_files(directory, "whole.state", "parts.state");
    options.n_steps = 55;
    prepare(ranks, &place, 2, path, &options);
    run_well(ranks);
    prepare(whole, &place, 3, fixture_path(directory, "whole"), &options);
    run_well(whole);
    assert_close(ranks[0].loss[55], whole[0].loss[55]);
    fixture_directory_remove(directory);
}

static void refuse(struct rank *ranks, enum gen_status status, const char *text) {
    run(ranks);
    for (int r = 0; r < ranks->place->n; r++) {
        assert_int_equal(ranks[r].status, status);
        if (strstr(ranks[r].err.message, text) == NULL) {
            fail_msg("rank %d: \"%s\" does not say \"%s\"", r, ranks[r].err.message, text);
        }
    }
}

/* What one rank cannot do ends all with its message. */
static void test_failures(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    const char *const missing[] = {"tests/nowhere.txt"};
    const char *const other[] = {"tests/README.md"};
    struct gen_train_options options = small_run(data);
    char path[300];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m"));
    struct rank ranks[MAX_RANKS];
    struct place place;
    prepare(ranks, &place, 3, path, &options);
    ranks[2].options.data = missing;
    ranks[1].options.data = missing;
    refuse(ranks, GEN_IO_ERROR, "rank 1 of 3: tests/nowhere.txt: cannot open");
    prepare(ranks, &place, 3, path, &options);
    ranks[0].options.data = missing;
    refuse(ranks, GEN_IO_ERROR, "tests/nowhere.txt: cannot open");
    assert_null(strstr(ranks[1].err.message, "rank"));
    prepare(ranks, &place, 3, path, &options);
    ranks[1].options.vocab = "tests/nowhere";
    refuse(ranks, GEN_IO_ERROR, "rank 1 of 3: tests/nowhere");
    prepare(ranks, &place, 2, path, &options);
    ranks[1].options.seed = 4;
    refuse(ranks, GEN_BAD_FILE, "rank 1 of 2: the model or the data are not those of rank 0");
    prepare(ranks, &place, 2, path, &options);
    ranks[1].options.data = other;
    refuse(ranks, GEN_BAD_FILE, "rank 1 of 2: the model or the data are not those of rank 0");
    /* Weights that part on the way are found before they are written. */
    prepare(ranks, &place, 2, path, &options);
    ranks[1].options.learning_rate = 2e-3F;
    refuse(ranks, GEN_BAD_FILE, "rank 1 of 2: the model");
    prepare(ranks, &place, 3, path, &options);
    for (int r = 0; r < 3; r++) {
        ranks[r].options.batch_size = 32;
    }
    refuse(ranks, GEN_BAD_ARGUMENT, "3 processes share the sequences of a step, and it has only 2");
    prepare(ranks, &place, 2, path, &options);
    ranks[0].place->broken = true;
    refuse(ranks, GEN_IO_ERROR, "the exchange with the other processes failed");
    prepare(ranks, &place, 1, path, &options);
    ranks[0].ranks.n_on_cores = 0;
    refuse(ranks, GEN_BAD_ARGUMENT, "rank 0 of 1, with 1 on its machine and 0 on its cores");
    assert_int_equal(file_kind_of(fixture_path(directory, "m.state")), FILE_MISSING);
    fixture_directory_remove(directory);
}

/* Seven pairs in batches of three: the last step of an epoch has one, and two ranks have nothing.
 */
static void test_steps_with_too_few(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    struct gen_bytes text = {0};
    for (int i = 0; i < 7; i++) {
        char line[100];
        snprintf(line, sizeof line, "{\"prompt\":\"What is %d?\",\"completion\":\" %.*s\"}\n", i,
                 3 * i + 1, "a king and his queen in it");
        fixture_text(&text, line);
    }
    fixture_write(directory, "pairs.jsonl", &text);
    gen_bytes_release(&text);
    char data_path[300], paths[2][300];
    snprintf(data_path, sizeof data_path, "%s", fixture_path(directory, "pairs.jsonl"));
    snprintf(paths[0], sizeof paths[0], "%s", fixture_path(directory, "one.gguf"));
    snprintf(paths[1], sizeof paths[1], "%s", fixture_path(directory, "three.gguf"));
    const char *const data[] = {data_path};
    struct gen_finetune_options options = gen_finetune_options_default();
    options.train.init = MODEL;
    options.train.data = data;
    options.train.n_data = 1;
    options.train.batch_size = 3;
    options.train.n_steps = 12;
    options.train.n_threads = 1;
    struct rank ranks[MAX_RANKS], alone[MAX_RANKS];
    struct place place, other;
    prepare(alone, &other, 1, paths[0], &options.train);
    alone[0].pairs = true;
    run_well(alone);
    prepare(ranks, &place, 3, paths[1], &options.train);
    for (int r = 0; r < 3; r++) {
        ranks[r].pairs = true;
    }
    run_well(ranks);
    for (int step = 1; step <= 12; step++) {
        assert_true(ranks[2].loss[step] == ranks[0].loss[step]);
        assert_close(ranks[0].loss[step], alone[0].loss[step]);
    }
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_same_curve),
        cmocka_unit_test(test_stop_and_resume),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_steps_with_too_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
