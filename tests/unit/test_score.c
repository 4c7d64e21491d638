/**
 * test_score.c - gen_scorer: log probabilities and ranks are those of the logits of each text read
 * by itself, in double precision by libm; and they are the same bits in whatever company, order and
 * number of threads a text is scored. That the logits are right is test_golden_models.c's.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "format_fixture.h"
#include "gen_eval.h"
#include "tokenizer_files.h"

#define MODEL "models/tales-6m.gguf"
enum { MOST_IDS = 300 };

struct text {
    int32_t ids[MOST_IDS];
    size_t n, from;
};

struct texts {
    struct text *text; /* [n] */
    size_t n, next;
    bool stutters, waits; /* ready() says no every other time */
    /* What came back, by the texts' order. */
    struct gen_token_score (*scores)[MOST_IDS];
    struct gen_logprob (*best)[MOST_IDS]; /* where one is asked for */
    struct gen_score *score;
    char (*message)[GEN_MESSAGE_SIZE];
    size_t n_reported;
};

static struct texts texts_new(size_t n) {
    struct texts texts = {.n = n};
    texts.text = calloc(n, sizeof *texts.text);
    texts.scores = calloc(n, sizeof *texts.scores);
    texts.best = calloc(n, sizeof *texts.best);
    texts.score = calloc(n, sizeof *texts.score);
    texts.message = calloc(n, sizeof *texts.message);
    assert_true(texts.text && texts.scores && texts.best && texts.score && texts.message);
    return texts;
}

static void texts_free(struct texts *texts) {
    free(texts->text);
    free(texts->scores);
    free(texts->best);
    free(texts->score);
    free(texts->message);
}

static bool next(void *context, struct gen_score_request *request) {
    struct texts *texts = context;
    if (texts->next == texts->n) {
        return false;
    }
    const struct text *text = &texts->text[texts->next++];
    *request = (struct gen_score_request){.ids = text->ids, .n_ids = text->n, .from = text->from};
    return true;
}

static bool ready(void *context) {
    struct texts *texts = context;
    texts->waits = texts->stutters && !texts->waits;
    return !texts->waits;
}

static bool take(void *context, const struct gen_score *score) {
    struct texts *texts = context;
    size_t i = texts->n_reported++;
    assert_int_equal(score->index, i);
    texts->score[i] = *score;
    texts->score[i].tokens = NULL;
    if (score->error != NULL) {
        memcpy(texts->message[i], score->error->message, GEN_MESSAGE_SIZE);
        return true;
    }
    assert_int_equal(score->n_ids, texts->text[i].n);
    memcpy(texts->scores[i], score->tokens, score->n_ids * sizeof *score->tokens);
    for (size_t k = 0; score->n_best > 0 && k < score->n_ids; k++) {
        texts->best[i][k] = score->best[k * score->n_best];
    }
    return true;
}

static uint64_t run(struct texts *texts, const struct gen_model *model,
                    const struct gen_score_options *options) {
    struct gen_scorer *scorer;
    struct gen_error err = {.message = ""};
    const struct gen_score_source source = {texts, next, ready};
    const struct gen_score_sink sink = {.context = texts, .score = take};
    uint64_t n_failed = 0;
    assert_int_equal(gen_scorer_new(&scorer, model, options, &err), GEN_OK);
    assert_int_equal(gen_scorer_run(scorer, &source, &sink, &n_failed, &err), GEN_OK);
    assert_int_equal(texts->n_reported, texts->n);
    gen_scorer_free(scorer);
    return n_failed;
}

static struct gen_model *open_model(const char *path) {
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, path, NULL, &err), GEN_OK);
    return model;
}

static int32_t n_vocab_of(const struct gen_model *model) {
    return gen_model_config(model)->n_vocab;
}

/* ---- against logits --------------------------------------------------------------------------*/

static double log_softmax(const float *logits, int32_t n, int32_t id) {
    double greatest = -INFINITY, sum = 0;
    for (int32_t i = 0; i < n; i++) {
        greatest = fmax(greatest, (double)logits[i]);
    }
    for (int32_t i = 0; i < n; i++) {
        sum += exp((double)logits[i] - greatest);
    }
    return (double)logits[id] - greatest - log(sum);
}

static int32_t rank_of(const float *logits, int32_t n, int32_t id) {
    int32_t rank = 1;
    for (int32_t i = 0; i < n; i++) {
        rank += logits[i] > logits[id] || (logits[i] == logits[id] && i < id);
    }
    return rank;
}

static void check_against_logits(const struct gen_model *model, const struct text *text,
                                 const struct gen_token_score *scores,
                                 const struct gen_logprob *best) {
    struct gen_session *session;
    struct gen_session_options options = gen_session_options_default();
    struct gen_row rows[MOST_IDS];
    struct gen_error err;
    int32_t n_vocab = n_vocab_of(model);
    options.n_threads = 1;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    for (size_t i = 0; i + 1 < text->n; i++) {
        rows[i] = (struct gen_row){text->ids[i], 0, true};
    }
    assert_int_equal(gen_session_eval(session, rows, text->n - 1, &err), GEN_OK);
    for (size_t i = 0; i < text->n; i++) {
        assert_int_equal(scores[i].id, text->ids[i]);
        if (i == 0 || i < text->from) {
            assert_int_equal(scores[i].rank, 0);
            assert_true(scores[i].logprob == 0);
            continue;
        }
        const float *logits = gen_session_logits(session, i - 1);
        double wanted = log_softmax(logits, n_vocab, text->ids[i]);
        assert_true(fabs(scores[i].logprob - wanted) < 1e-6);
        assert_int_equal(scores[i].rank, rank_of(logits, n_vocab, text->ids[i]));
        assert_int_equal(rank_of(logits, n_vocab, best[i].id), 1);
        assert_true(fabs((double)best[i].logprob - log_softmax(logits, n_vocab, best[i].id)) <
                    1e-5);
    }
    gen_session_free(session);
}

static void random_ids(int32_t *ids, size_t n, int32_t n_vocab, struct rng *rng) {
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int32_t)(rng_float(rng) * (float)n_vocab);
    }
}

static void test_logits(void **state) {
    static const char *const paths[] = {MODEL, "tests/golden/models/base",
                                        "tests/golden/models/odd-width",
                                        "tests/golden/models/neo-mixed"};
    (void)state;
    for (size_t k = 0; k < N_OF(paths); k++) {
        struct gen_model *model = open_model(paths[k]);
        struct texts texts = texts_new(3);
        struct rng rng;
        rng_init(&rng, 3, k);
        for (size_t i = 0; i < texts.n; i++) {
            texts.text[i].n = 12 + 20 * i;
            texts.text[i].n = size_min(texts.text[i].n, (size_t)gen_model_config(model)->n_ctx);
            texts.text[i].from = i * 4;
            random_ids(texts.text[i].ids, texts.text[i].n, n_vocab_of(model), &rng);
        }
        struct gen_score_options options = gen_score_options_default();
        options.n_best = 1;
        assert_int_equal(run(&texts, model, &options), 0);
        for (size_t i = 0; i < texts.n; i++) {
            check_against_logits(model, &texts.text[i], texts.scores[i], texts.best[i]);
        }
        texts_free(&texts);
        gen_model_free(model);
    }
}

/* ---- the same bits ---------------------------------------------------------------------------*/

/* Texts that begin like others, end in them, are the same; of one id and of many. */
static struct texts mixed_texts(size_t n, int32_t n_vocab, size_t most_ids, uint64_t stream) {
    struct texts texts = texts_new(n);
    struct rng rng;
    rng_init(&rng, 11, stream);
    for (size_t i = 0; i < n; i++) {
        struct text *text = &texts.text[i];
        size_t shared = 0;
        if (i > 0 && rng_float(&rng) < 0.85f) {
            size_t back = 1 + (size_t)(rng_float(&rng) * (float)(i < 9 ? i : 9));
            const struct text *other = &texts.text[i - (back > i ? i : back)];
            shared = (size_t)(rng_float(&rng) * (float)(other->n + 1));
            shared = rng_float(&rng) < 0.3f ? other->n : shared;
            memcpy(text->ids, other->ids, shared * sizeof *text->ids);
        }
        size_t more = (size_t)(rng_float(&rng) * 40.0f);
        more = rng_float(&rng) < 0.05f ? more * 10 : more;
        text->n = size_min(size_max(shared + more, 1), most_ids);
        if (text->n > shared) {
            random_ids(text->ids + shared, text->n - shared, n_vocab, &rng);
        }
        text->from = (size_t)(rng_float(&rng) * (float)text->n);
    }
    return texts;
}

/* Equal, bit for bit. */
static void assert_same(const struct texts *a, const struct texts *b, size_t i, size_t k) {
    assert_int_equal(a->score[i].n_scored, b->score[k].n_scored);
    assert_true(a->score[i].logprob == b->score[k].logprob);
    assert_int_equal(a->score[i].all_likeliest, b->score[k].all_likeliest);
    assert_memory_equal(a->scores[i], b->scores[k], a->text[i].n * sizeof *a->scores[i]);
    assert_memory_equal(a->best[i], b->best[k], a->text[i].n * sizeof *a->best[i]);
}

/* Each text alone, by a scorer of its own. */
static void score_alone(struct texts *texts, const struct gen_model *model,
                        const struct gen_score_options *options) {
    for (size_t i = 0; i < texts->n; i++) {
        struct texts one = {.text = texts->text + i,
                            .n = 1,
                            .scores = texts->scores + i,
                            .best = texts->best + i,
                            .score = texts->score + i,
                            .message = texts->message + i};
        run(&one, model, options);
    }
}

/* In reverse order. */
static void check_reversed(const struct texts *texts, const struct gen_model *model,
                           const struct gen_score_options *options) {
    struct texts other = texts_new(texts->n);
    for (size_t i = 0; i < texts->n; i++) {
        other.text[i] = texts->text[texts->n - 1 - i];
    }
    other.stutters = true;
    assert_int_equal(run(&other, model, options), 0);
    for (size_t i = 0; i < texts->n; i++) {
        assert_same(texts, &other, i, texts->n - 1 - i);
    }
    texts_free(&other);
}

static void check_company(const char *path, size_t n, size_t most_ids, const char *kv_type) {
    static const char *const sets[] = {NULL, "generic", "avx2"};
    struct gen_model *model = open_model(path);
    struct texts alone = mixed_texts(n, n_vocab_of(model), most_ids, n);
    struct gen_score_options options = gen_score_options_default();
    options.n_threads = 1;
    options.n_best = 1;
    options.kv_type = kv_type;
    score_alone(&alone, model, &options);
    for (size_t i = 0; i < N_OF(sets); i++) {
        struct texts together = mixed_texts(n, n_vocab_of(model), most_ids, n);
        options.n_threads = 1 + (int)i;
        options.kernels = sets[i];
        struct gen_scorer *scorer;
        struct gen_error err;
        if (gen_scorer_new(&scorer, model, &options, &err) == GEN_OK) { /* else not here */
            gen_scorer_free(scorer);
            assert_int_equal(run(&together, model, &options), 0);
            for (size_t k = 0; k < n; k++) {
                assert_same(&alone, &together, k, k);
            }
        }
        texts_free(&together);
    }
    options.kernels = NULL;
    check_reversed(&alone, model, &options);
    texts_free(&alone);
    gen_model_free(model);
}

static void test_same_bits(void **state) {
    (void)state;
    check_company("tests/golden/models/base", 50, 100, NULL);
    check_company("tests/golden/models/neo-mixed", 40, 39, "f16");
    check_company(MODEL, 5, 120, NULL);
}

/* More than are read together. */
static void test_many(void **state) {
    (void)state;
    struct gen_model *model = open_model("tests/golden/models/base");
    struct texts texts = mixed_texts(600, n_vocab_of(model), 60, 1);
    struct gen_score_options options = gen_score_options_default();
    assert_int_equal(run(&texts, model, &options), 0);
    check_reversed(&texts, model, &options);
    texts_free(&texts);
    gen_model_free(model);
}

/* ---- texts longer than the context -----------------------------------------------------------*/

/* A window scores what none before it has, and what has something before it. */
static void test_windows(void **state) {
    (void)state;
    enum { N_CTX = 16, N = 75 };
    struct gen_model *model = open_model("tests/golden/models/base");
    struct gen_score_options options = gen_score_options_default();
    options.n_ctx = N_CTX;
    options.n_best = 1;
    for (int32_t stride = 0; stride <= N_CTX; stride += stride == 0 ? 5 : 11) {
        for (size_t from = 0; from < 60; from += 23) {
            size_t step = stride == 0 ? N_CTX / 2 : (size_t)stride;
            struct texts whole = texts_new(1);
            struct rng rng;
            rng_init(&rng, 5, from);
            whole.text[0] = (struct text){.n = N, .from = from};
            random_ids(whole.text[0].ids, N, n_vocab_of(model), &rng);
            options.stride = stride;
            assert_int_equal(run(&whole, model, &options), 0);
            size_t scored_to = 0;
            size_t n_scored = 0;
            for (size_t begin = 0; scored_to < N; begin += step) {
                struct texts part = texts_new(1);
                part.text[0].n = size_min(N_CTX, N - begin);
                part.text[0].from = 1;
                memcpy(part.text[0].ids, whole.text[0].ids + begin,
                       part.text[0].n * sizeof(int32_t));
                assert_int_equal(run(&part, model, &options), 0);
                size_t end = begin + part.text[0].n;
                for (size_t i = size_max(scored_to, begin); i < end; i++) {
                    bool scored = i > begin && i >= from;
                    const struct gen_token_score *found = &whole.scores[0][i];
                    assert_int_equal(found->rank, scored ? part.scores[0][i - begin].rank : 0);
                    assert_true(!scored || found->logprob == part.scores[0][i - begin].logprob);
                    n_scored += scored;
                }
                scored_to = end;
                texts_free(&part);
            }
            assert_int_equal(whole.score[0].n_scored, n_scored);
            texts_free(&whole);
        }
    }
    gen_model_free(model);
}

/* ---- a model that overflows ------------------------------------------------------------------*/

/* A copy of a model, in which position 20 is infinitely far from others. */
static const char *overflowing_model(void) {
    const char *directory = fixture_directory_new();
    size_t size;
    char *config = tokenizer_files_read("tests/golden/models/base/config.json", &size);
    fixture_write_text(directory, "config.json", config);
    free(config);
    char *tensors = tokenizer_files_read("tests/golden/models/base/model.safetensors", &size);
    uint64_t header;
    memcpy(&header, tensors, sizeof header);
    const char *wpe = strstr(tensors + sizeof header, "wpe.weight\"");
    assert_non_null(wpe);
    size_t from = strtoul(strchr(strstr(wpe, "data_offsets"), '[') + 1, NULL, 10);
    size_t n_embd = strtoul(strchr(strchr(strstr(wpe, "shape"), '['), ',') + 1, NULL, 10);
    const float large = 3e38f;
    for (size_t i = 0; i < n_embd; i++) {
        size_t at = sizeof header + header + from + (20 * n_embd + i) * sizeof large;
        memcpy(tensors + at, &large, sizeof large);
    }
    struct gen_bytes content = {0};
    fixture_put(&content, tensors, size);
    fixture_write(directory, "model.safetensors", &content);
    gen_bytes_release(&content);
    free(tensors);
    return directory;
}

/* A text fails if it has the row, and its neighbours do not. */
static void test_not_finite(void **state) {
    (void)state;
    const char *directory = overflowing_model();
    struct gen_model *model = open_model(directory);
    struct texts texts = mixed_texts(60, n_vocab_of(model), 60, 4);
    struct gen_score_options options = gen_score_options_default();
    size_t n_failed = run(&texts, model, &options);
    size_t n_long = 0;
    for (size_t i = 0; i < texts.n; i++) {
        bool has_row = texts.text[i].n > 21;
        n_long += has_row;
        assert_int_equal(texts.score[i].error != NULL, has_row);
        assert_true(!has_row || strstr(texts.message[i], "is not finite") != NULL);
    }
    assert_int_equal(n_failed, n_long);
    assert_true(n_long > 10 && n_long < 50);
    texts_free(&texts);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

/* ---- what cannot be scored -------------------------------------------------------------------*/

static void test_errors(void **state) {
    (void)state;
    struct gen_model *model = open_model("tests/golden/models/base");
    struct texts texts = texts_new(5);
    struct gen_score_options options = gen_score_options_default();
    texts.text[1] = (struct text){.ids = {1, 2, 512}, .n = 3};
    texts.text[2] = (struct text){.ids = {1, 2, 3}, .n = 3, .from = 3};
    texts.text[3] = (struct text){.ids = {1, 2, 3}, .n = 3, .from = 2};
    texts.text[4] = (struct text){.ids = {7}, .n = 1};
    assert_int_equal(run(&texts, model, &options), 3);
    assert_string_equal(texts.message[0], "there is no token to be scored, the text is empty");
    assert_string_equal(texts.message[1],
                        "token id 512 is out of range, the model's ids are 0 to 511");
    assert_string_equal(texts.message[2], "there is no token to be scored, all 3 are context");
    assert_int_equal(texts.score[3].n_scored, 1);
    assert_int_equal(texts.score[4].n_scored, 0);
    texts_free(&texts);

    struct gen_scorer *scorer;
    struct gen_error err;
    options.stride = 1000;
    assert_int_equal(gen_scorer_new(&scorer, model, &options, &err), GEN_BAD_ARGUMENT);
    assert_null(scorer);
    options.stride = 0;
    options.n_best = 101;
    assert_int_equal(gen_scorer_new(&scorer, model, &options, &err), GEN_BAD_ARGUMENT);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),  cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_many),    cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_windows), cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
