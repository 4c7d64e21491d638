/**
 * test_explain.c - a look inside two golden models against transformers and PyTorch
 * (golden/explain.json): the residual stream, attention, the logit lens, contributions to a logit.
 * With the built-in model: the same bits however many threads, kernels and tokens after there are,
 * and those of a session. And what is refused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "gen_explain.h"
#include "model/model.h"
#include "tokenizer_files.h"

#define TALES "models/tales-6m.gguf"
#define LIMIT 1e-5

static struct gen_model *open_model(const char *path) {
    struct gen_error err;
    struct gen_model *model;
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return model;
}

static struct gen_explanation *explain(const struct gen_model *model, const int32_t *ids, size_t n,
                                       const struct gen_explain_options *options) {
    struct gen_error err;
    struct gen_explanation *explanation;
    if (gen_explain(&explanation, model, ids, n, options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return explanation;
}

/* ---- against transformers --------------------------------------------------------------------*/

static void must_be_near(double found, const cJSON *expected, const char *what, size_t at) {
    assert_non_null(expected);
    double limit = LIMIT * fmax(1.0, fabs(expected->valuedouble));
    if (!(fabs(found - expected->valuedouble) <= limit)) {
        fail_msg("%s, number %zu: %.9g, not %.9g", what, at, found, expected->valuedouble);
    }
}

static const cJSON *member(const cJSON *of, const char *name) {
    const cJSON *found = cJSON_GetObjectItem(of, name);
    assert_non_null(found);
    return found;
}

static void check_stream(const struct gen_explanation *e, const cJSON *golden) {
    const cJSON *states = member(golden, "hidden");
    assert_int_equal(cJSON_GetArraySize(states), e->n_layer);
    for (int32_t layer = 0; layer < e->n_layer; layer++) {
        const cJSON *expected = cJSON_GetArrayItem(states, layer)->child;
        for (size_t i = 0; i < e->n * (size_t)e->n_embd; i++, expected = expected->next) {
            size_t t = i / (size_t)e->n_embd;
            const float *x = gen_explanation_stream(e, layer, t);
            must_be_near((double)x[i % (size_t)e->n_embd], expected, "stream", i);
        }
    }
}

static void check_attention(const struct gen_explanation *e, const cJSON *golden) {
    for (int32_t layer = 0; layer < e->n_layer; layer++) {
        const cJSON *heads = cJSON_GetArrayItem(member(golden, "attention"), layer);
        assert_int_equal(cJSON_GetArraySize(heads), e->n_head);
        for (int32_t head = 0; head < e->n_head; head++) {
            const cJSON *expected = cJSON_GetArrayItem(heads, head)->child;
            for (size_t t = 0; t < e->n; t++) {
                const float *weights = gen_explanation_attention(e, layer, head, t);
                for (size_t i = 0; i <= t; i++, expected = expected->next) {
                    must_be_near((double)weights[i], expected, "attention", i);
                }
            }
            assert_null(expected);
        }
    }
}

static void check_lens(const struct gen_explanation *e, const cJSON *golden) {
    assert_int_equal(e->n_lens, 3);
    for (int32_t layers = 0; layers <= e->n_layer; layers++) {
        const cJSON *row = cJSON_GetArrayItem(member(golden, "lens_logprobs"), layers)->child;
        const cJSON *best = cJSON_GetArrayItem(member(golden, "lens_top"), layers)->child;
        for (size_t t = 0; t < e->n; t++, row = row->next) {
            size_t at = (size_t)layers * e->n + t;
            must_be_near((double)e->lens_logprobs[at], row, "lens", at);
            for (size_t i = 0; i < 3; i++, best = best->next) {
                assert_int_equal(e->lens[3 * at + i].id, best->valueint);
                if (best->valueint == e->targets[t]) {
                    must_be_near((double)e->lens[3 * at + i].logprob, row, "likeliest", at);
                    assert_int_equal(e->lens_ranks[at], i + 1);
                }
            }
        }
    }
}

static void check_contributions(const struct gen_explanation *e, const cJSON *golden) {
    const cJSON *logit = member(golden, "logits")->child;
    for (size_t t = 0; t < e->n; t++, logit = logit->next) {
        must_be_near((double)e->logits[t], logit, "logit", t);
        const cJSON *expected = cJSON_GetArrayItem(member(golden, "contributions"), (int)t);
        assert_int_equal(cJSON_GetArraySize(expected), e->n_parts - 1);
        const float *found = e->contributions + t * e->n_parts;
        double sum = 0;
        for (size_t part = 0; part < e->n_parts; part++) {
            sum += (double)found[part];
            if (part + 1 < e->n_parts) {
                must_be_near((double)found[part], cJSON_GetArrayItem(expected, (int)part),
                             "contribution", part);
            }
        }
        assert_true(fabs((double)found[e->n_parts - 1]) < LIMIT);
        assert_true(fabs(sum - (double)e->logits[t]) < LIMIT);
    }
}

/* Embedding, then attention and MLP of each layer, then the two others. */
static void check_parts(const struct gen_explanation *e) {
    assert_int_equal(e->n_parts, 2 * e->n_layer + 3);
    assert_int_equal(e->parts[0].kind, GEN_PART_EMBEDDING);
    for (int32_t layer = 0; layer < e->n_layer; layer++) {
        const struct gen_explain_part *part = &e->parts[1 + 2 * layer];
        assert_int_equal(part[0].kind, GEN_PART_ATTENTION);
        assert_int_equal(part[1].kind, GEN_PART_MLP);
        assert_int_equal(part[0].layer, layer);
        assert_int_equal(part[1].layer, layer);
    }
    assert_int_equal(e->parts[e->n_parts - 2].kind, GEN_PART_BIAS);
    assert_int_equal(e->parts[e->n_parts - 1].kind, GEN_PART_ROUNDING);
}

static void test_golden(void **state) {
    (void)state;
    size_t size, n_models = 0;
    char *text = tokenizer_files_read("tests/golden/explain.json", &size);
    cJSON *all = cJSON_ParseWithLength(text, size);
    for (const cJSON *golden = all->child; golden != NULL; golden = golden->next, n_models++) {
        char path[200];
        int32_t ids[64];
        size_t n = 0;
        snprintf(path, sizeof path, "tests/golden/models/%s", member(golden, "model")->valuestring);
        for (const cJSON *id = member(golden, "ids")->child; id != NULL; id = id->next) {
            ids[n++] = id->valueint;
        }
        struct gen_model *model = open_model(path);
        struct gen_explain_options options = gen_explain_options_default();
        struct gen_explanation *e = explain(model, ids, n, &options);
        assert_int_equal(e->n, n);
        for (size_t t = 0; t < n; t++) {
            assert_int_equal(e->targets[t],
                             cJSON_GetArrayItem(member(golden, "targets"), (int)t)->valueint);
        }
        check_parts(e);
        check_stream(e, golden);
        check_attention(e, golden);
        check_lens(e, golden);
        check_contributions(e, golden);
        gen_explanation_free(e);
        gen_model_free(model);
    }
    assert_int_equal(n_models, 2);
    cJSON_Delete(all);
    free(text);
}

/* ---- the same bits ---------------------------------------------------------------------------*/

enum { LONG = 300 }; /* more than rows that go together, and than positions of a block */

static int32_t ids[LONG];

static void make_ids(const struct gen_model *model) {
    for (size_t i = 0; i < LONG; i++) {
        ids[i] = (int32_t)((i * 7919 + i * i) % (size_t)gen_model_config(model)->n_vocab);
    }
}

/* That what both have of the first n tokens is the same. */
static void must_agree(const struct gen_explanation *a, const struct gen_explanation *b, size_t n) {
    size_t row = (size_t)a->n_embd * sizeof(float);
    for (size_t t = 0; t < n; t++) {
        for (int32_t layer = 0; layer < a->n_layer; layer++) {
            for (int32_t head = 0; head < a->n_head; head++) {
                assert_memory_equal(gen_explanation_attention(a, layer, head, t),
                                    gen_explanation_attention(b, layer, head, t),
                                    (t + 1) * sizeof(float));
            }
        }
        assert_memory_equal(gen_explanation_stream(a, a->n_layer, t),
                            gen_explanation_stream(b, b->n_layer, t), row);
        assert_memory_equal(a->top + t * (size_t)a->n_top, b->top + t * (size_t)b->n_top,
                            (size_t)a->n_top * sizeof *a->top);
        if (t + 1 < n) {
            assert_memory_equal(a->contributions + t * a->n_parts,
                                b->contributions + t * b->n_parts, a->n_parts * sizeof(float));
        }
        for (int32_t layers = 0; t + 1 < n && layers <= a->n_layer; layers++) {
            size_t at_a = (size_t)layers * a->n + t, at_b = (size_t)layers * b->n + t;
            assert_memory_equal(&a->lens_logprobs[at_a], &b->lens_logprobs[at_b], sizeof(float));
            assert_int_equal(a->lens_ranks[at_a], b->lens_ranks[at_b]);
        }
    }
    assert_memory_equal(a->logprobs + 1, b->logprobs + 1, (n - 1) * sizeof(float));
}

static void test_same_bits(void **state) {
    (void)state;
    struct gen_model *model = open_model(TALES);
    make_ids(model);
    struct gen_explain_options options = gen_explain_options_default();
    options.n_threads = 2;
    struct gen_explanation *whole = explain(model, ids, LONG, &options);
    options.n_threads = 1;
    struct gen_explanation *begin = explain(model, ids, 150, &options);
    options.kernels = "generic"; /* slow */
    struct gen_explanation *some = explain(model, ids, 20, &options);
    struct gen_explanation *one = explain(model, ids, 1, &options);
    must_agree(whole, begin, 150);
    must_agree(whole, some, 20);
    must_agree(whole, one, 1);
    for (size_t t = 0; t < LONG; t++) {
        const float *weights = gen_explanation_attention(whole, 3, 1, t);
        double sum = 0;
        for (size_t i = 0; i <= t; i++) {
            sum += (double)weights[i];
        }
        assert_true(fabs(sum - 1) < LIMIT);
    }
    gen_explanation_free(whole);
    gen_explanation_free(begin);
    gen_explanation_free(some);
    gen_explanation_free(one);
    gen_model_free(model);
}

/* Surprise, alternatives and the lens after the last layer are what the model's logits say. */
static void test_logits(void **state) {
    (void)state;
    enum { N = 9, TOP = 4 };
    struct gen_model *model = open_model(TALES);
    make_ids(model);
    struct gen_explain_options options = gen_explain_options_default();
    options.n_top = TOP;
    options.n_lens = TOP;
    options.attention = options.contributions = false;
    struct gen_explanation *e = explain(model, ids, N, &options);
    assert_null(e->contributions);
    assert_null(gen_explanation_attention(e, 0, 0, 0));
    struct gen_session_options session_options = gen_session_options_default();
    struct gen_session *session;
    assert_int_equal(gen_session_new(&session, model, &session_options, NULL), GEN_OK);
    size_t n_vocab = (size_t)gen_model_config(model)->n_vocab;
    assert_true(isnan(e->logprobs[0]));
    assert_int_equal(e->ranks[0], 0);
    for (size_t t = 0; t < N; t++) {
        struct gen_row row = {.id = ids[t], .want_logits = true};
        assert_int_equal(gen_session_eval(session, &row, 1, NULL), GEN_OK);
        const float *logits = gen_session_logits(session, 0);
        double sum = 0;
        int32_t best = 0, rank = 1;
        for (size_t i = 0; i < n_vocab; i++) {
            sum += exp((double)logits[i]);
            best = logits[i] > logits[best] ? (int32_t)i : best;
            rank += logits[i] > logits[e->targets[t]];
        }
        assert_int_equal(e->targets[t], t + 1 < N ? ids[t + 1] : best);
        assert_int_equal(e->top[t * TOP].id, best);
        assert_memory_equal(&e->logits[t], &logits[e->targets[t]], sizeof(float));
        for (size_t i = 0; i < TOP; i++) {
            const struct gen_logprob *top = &e->top[t * TOP + i];
            assert_true(fabs((double)logits[top->id] - log(sum) - (double)top->logprob) < LIMIT);
            assert_true(i == 0 || top->logprob <= top[-1].logprob);
            size_t at = ((size_t)e->n_layer * N + t) * TOP + i;
            assert_int_equal(e->lens[at].id, top->id);
            assert_memory_equal(&e->lens[at].logprob, &top->logprob, sizeof(float));
        }
        if (t + 1 < N) {
            assert_true(fabs((double)logits[ids[t + 1]] - log(sum) - (double)e->logprobs[t + 1]) <
                        LIMIT);
            assert_int_equal(e->ranks[t + 1], rank);
        }
    }
    gen_session_free(session);
    gen_explanation_free(e);
    gen_model_free(model);
}

/* ---- what is refused -------------------------------------------------------------------------*/

static void must_refuse(const struct gen_model *model, size_t n, struct gen_explain_options options,
                        enum gen_status status, const char *words) {
    struct gen_error err = {0};
    struct gen_explanation *e;
    assert_int_equal(gen_explain(&e, model, ids, n, &options, &err), status);
    assert_null(e);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" has not \"%s\"", err.message, words);
    }
}

static bool never(void *context, uint64_t done, uint64_t total) {
    assert_int_equal(done, 0);
    assert_int_equal(total, 3 * 3);
    ++*(int *)context;
    return false;
}

static void test_refused(void **state) {
    (void)state;
    struct gen_model *model = open_model("tests/golden/models/base");
    make_ids(model);
    struct gen_explain_options options = gen_explain_options_default();
    must_refuse(model, 0, options, GEN_BAD_ARGUMENT, "the text is empty");
    must_refuse(model, 65, options, GEN_CONTEXT_FULL, "has 65 tokens, but the context");
    options.n_top = -1;
    must_refuse(model, 3, options, GEN_BAD_ARGUMENT, "n_top is -1");
    options.n_top = 0;
    options.n_lens = 1001;
    must_refuse(model, 3, options, GEN_BAD_ARGUMENT, "n_lens is 1001");
    options.n_lens = 0;
    options.kernels = "fastest";
    must_refuse(model, 3, options, GEN_BAD_ARGUMENT, "fastest");
    options.kernels = NULL;
    int asked = 0;
    options.context = &asked;
    options.progress = never;
    must_refuse(model, 3, options, GEN_CANCELED, "canceled");
    assert_int_equal(asked, 1);
    options.progress = NULL;
    /* More than there are tokens is all of them; none is none. */
    options.n_top = 1000;
    struct gen_explanation *e = explain(model, ids, 64, &options);
    assert_int_equal(e->n_top, 512);
    assert_int_equal(e->n_lens, 0);
    assert_null(gen_explanation_attention(e, 2, 0, 0));
    assert_null(gen_explanation_attention(e, 0, -1, 0));
    assert_null(gen_explanation_attention(e, 0, 0, 64));
    assert_null(gen_explanation_stream(e, 3, 0));
    assert_non_null(gen_explanation_stream(e, 2, 63));
    gen_explanation_free(e);
    gen_explanation_free(NULL);
    ids[2] = 512;
    must_refuse(model, 3, options, GEN_BAD_ARGUMENT, "token id 512 is out of range");
    gen_model_free(model);
}

/* Component i of what the last norm makes of a stream. */
static double normalized(const struct gen_model *model, const float *x, size_t i) {
    size_t c = (size_t)model->config.n_embd;
    double mean = 0, squares = 0;
    for (size_t k = 0; k < c; k++) {
        mean += (double)x[k] / (double)c;
    }
    for (size_t k = 0; k < c; k++) {
        squares += ((double)x[k] - mean) * ((double)x[k] - mean) / (double)c;
    }
    return ((double)x[i] - mean) / sqrt(squares + (double)model->config.layer_norm_epsilon) *
               (double)model->weights.ln_f.weight[i] +
           (double)model->weights.ln_f.bias[i];
}

/* A head so great that it overflows after the embedding, but not after the last layer. */
static void test_lens_overflows(void **state) {
    (void)state;
    struct gen_model *model = open_model("tests/golden/models/untied");
    struct gen_explain_options options = gen_explain_options_default();
    ids[0] = 5;
    struct gen_explanation *e = explain(model, ids, 1, &options);
    size_t best = 0;
    double share = 0, before = 0, after = 0;
    for (size_t i = 0; i < (size_t)e->n_embd; i++) {
        double x = fabs(normalized(model, gen_explanation_stream(e, 0, 0), i));
        double y = fabs(normalized(model, gen_explanation_stream(e, e->n_layer, 0), i));
        if (x + y > 2.5 && x / y > share) {
            best = i;
            share = x / y;
            before = x;
            after = y;
        }
    }
    gen_explanation_free(e);
    assert_true(share > 1.1);
    /* Column 0 of the head, in a panel that the model has packed. */
    float *panel = (float *)(void *)model->weights.lm_head.packed;
    assert_non_null(panel);
    for (size_t k = 0; k < (size_t)model->config.n_embd; k++) {
        panel[k * MATRIX_PANEL] = k == best ? (float)(3.4e38 / ((before + after) / 2)) : 0.0f;
    }
    must_refuse(model, 1, options, GEN_BAD_FILE, "what 0 layers would say is not finite");
    options.lens = false;
    e = explain(model, ids, 1, &options);
    gen_explanation_free(e);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),         cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_logits),         cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lens_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
