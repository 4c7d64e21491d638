/**
 * generate_job.c - a call of gen_generate(), its prompts from an array; the callbacks keep what
 * they are told and check that it comes in order. What the texts must be is in the tests.
 */
#include "generate_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "tokenizer_files.h"

struct gen_model *generate_job_model(const char *path) {
    struct gen_model *model = NULL;
    struct gen_error err = {0};
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return model;
}

struct gen_model *generate_job_poisoned(const char *path, int32_t poison) {
    static const char *const others[] = {"config.json", "vocab.json", "merges.txt"};
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char file[256];
        size_t n;
        snprintf(file, sizeof file, "%s/%s", path, others[i]);
        char *text = tokenizer_files_read(file, &n);
        struct gen_bytes content = {.data = text, .n = n};
        fixture_write(directory, others[i], &content);
        free(text);
    }
    size_t n;
    char file[256];
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    char *data = tokenizer_files_read(file, &n);
    uint64_t n_header;
    memcpy(&n_header, data, sizeof n_header);
    /* wte comes first, rows of 48. */
    float row[48];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        row[i] = i % 2 == 0 ? 3e38f : -3e38f;
    }
    memcpy(data + 8 + n_header + (size_t)poison * sizeof row, row, sizeof row);
    struct gen_bytes content = {.data = data, .n = n};
    fixture_write(directory, "model.safetensors", &content);
    free(data);
    struct gen_model *model = generate_job_model(directory);
    fixture_directory_remove(directory);
    return model;
}

/* Whether this call is refused: the one at which the count comes to 1, and all after it. */
static bool refuse(int *count) {
    if (*count > 1) {
        --*count;
        return false;
    }
    return *count == 1;
}

static bool next_prompt(void *context, struct gen_prompt *prompt) {
    struct generate_job *job = context;
    if (job->n_asked == job->n_prompts) {
        return false;
    }
    *prompt = job->prompts[job->n_asked++];
    return true;
}

static bool on_begin(void *context, uint64_t index, uint64_t sequence, const int32_t *ids,
                     size_t n) {
    struct generate_job *job = context;
    assert_false(job->is_open);
    assert_true(job->n_texts < GENERATE_JOB_TEXTS);
    struct generate_text *text = &job->texts[job->n_texts];
    text->begun = job->is_open = true;
    text->index = index;
    text->sequence = sequence;
    assert_int_equal(gen_ids_append(&text->prompt, ids, n), GEN_OK);
    return !refuse(&job->refuse_begin);
}

static bool on_text(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n) {
    struct generate_job *job = context;
    struct generate_text *text = &job->texts[job->n_texts];
    assert_true(job->is_open);
    assert_true(n > 0);
    assert_int_equal(text->index, index);
    assert_int_equal(text->sequence, sequence);
    assert_int_equal(gen_bytes_append(&text->streamed, bytes, n), GEN_OK);
    return !refuse(&job->refuse_text);
}

static bool on_logits(void *context, const float *logits, int32_t n_vocab) {
    struct generate_job *job = context;
    assert_true(job->is_open);
    assert_int_equal(n_vocab, GENERATE_JOB_VOCAB);
    size_t size = GENERATE_JOB_VOCAB * sizeof *logits;
    job->logits = realloc(job->logits, (job->n_rows + 1) * size);
    assert_non_null(job->logits);
    memcpy(job->logits + job->n_rows * GENERATE_JOB_VOCAB, logits, size);
    job->n_rows++;
    return !refuse(&job->refuse_logits);
}

static struct gen_logprob *copy(const struct gen_logprob *from, size_t n) {
    struct gen_logprob *to = calloc(n + 1, sizeof *to);
    assert_non_null(to);
    if (n > 0) {
        memcpy(to, from, n * sizeof *to);
    }
    return to;
}

static bool on_end(void *context, const struct gen_result *result) {
    struct generate_job *job = context;
    assert_true(job->n_texts < GENERATE_JOB_TEXTS);
    struct generate_text *text = &job->texts[job->n_texts++];
    if (job->is_open) {
        assert_int_equal(text->index, result->index);
        assert_int_equal(text->sequence, result->sequence);
        assert_int_equal(text->prompt.n, result->n_prompt_ids);
    }
    job->is_open = false;
    text->index = result->index;
    text->sequence = result->sequence;
    text->finish = result->finish;
    text->seed = result->seed;
    if (!job->has_own_options) {
        assert_int_equal(result->seed,
                         gen_text_seed(job->options.seed, result->index, result->sequence));
    }
    assert_true((result->error != NULL) == (result->finish == GEN_FINISH_ERROR));
    if (result->error != NULL) {
        snprintf(text->message, sizeof text->message, "%s", result->error->message);
    }
    assert_int_equal(gen_ids_append(&text->ids, result->new_ids, result->n_new_ids), GEN_OK);
    assert_int_equal(gen_bytes_append(&text->text, result->new_text, result->n_new_text), GEN_OK);
    text->n_guessed = result->n_guessed;
    text->has_score = result->has_score;
    text->score = result->score;
    text->n_cached = result->n_cached;
    assert_true(result->n_cached <= result->n_prompt_ids);
    text->n_best = result->n_logprobs;
    if (result->n_logprobs > 0) {
        text->best = copy(result->logprobs, result->n_new_ids * result->n_logprobs);
        text->chosen = copy(result->chosen, result->n_new_ids);
    }
    if (result->prompt_logprobs != NULL) {
        size_t n = result->n_prompt_ids;
        text->prompt_logprobs = calloc(n + 1, sizeof *text->prompt_logprobs);
        assert_non_null(text->prompt_logprobs);
        if (n > 0) {
            memcpy(text->prompt_logprobs, result->prompt_logprobs, n * sizeof(double));
        }
        text->prompt_best = copy(result->prompt_best, n * result->n_logprobs);
    }
    return !refuse(&job->refuse_end);
}

static bool on_go_on(void *context) {
    struct generate_job *job = context;
    job->n_passes++;
    return !refuse(&job->refuse_go_on);
}

enum gen_status generate_job_run(struct generate_job *job, const struct gen_model *model) {
    const struct gen_source source = {
        .context = job, .next = job->next != NULL ? job->next : next_prompt, .ready = job->ready};
    const struct gen_sink sink = {.context = job,
                                  .begin = on_begin,
                                  .text = on_text,
                                  .logits = job->want_logits ? on_logits : NULL,
                                  .end = on_end,
                                  .go_on = on_go_on};
    enum gen_status status =
        job->engine != NULL
            ? gen_engine_run(job->engine, &job->options, &source, &sink, &job->n_failed,
                             &job->error)
            : gen_generate(model, &job->options, &source, &sink, &job->n_failed, &job->error);
    assert_false(job->is_open);
    for (size_t i = 0; i < job->n_texts; i++) {
        const struct generate_text *text = &job->texts[i];
        if (job->refuse_text == 0) {
            assert_int_equal(text->streamed.n, text->text.n);
            if (text->text.n > 0) {
                assert_memory_equal(text->streamed.data, text->text.data, text->text.n);
            }
        }
    }
    return status;
}

void generate_job_run_well(struct generate_job *job, const struct gen_model *model) {
    if (generate_job_run(job, model) != GEN_OK) {
        fail_msg("%s", job->error.message);
    }
}

static void check_same_bytes(const void *a, size_t n_a, const void *b, size_t n_b) {
    assert_int_equal(n_a, n_b);
    if (n_a > 0) {
        assert_memory_equal(a, b, n_a);
    }
}

static void check_same_text(const struct generate_text *a, const struct generate_text *b) {
    size_t id = sizeof *a->ids.data;
    size_t logprob = sizeof *a->best;
    assert_int_equal(a->index, b->index);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->begun, b->begun);
    assert_int_equal(a->finish, b->finish);
    assert_string_equal(a->message, b->message);
    assert_int_equal(a->n_best, b->n_best);
    check_same_bytes(a->prompt.data, a->prompt.n * id, b->prompt.data, b->prompt.n * id);
    check_same_bytes(a->ids.data, a->ids.n * id, b->ids.data, b->ids.n * id);
    check_same_bytes(a->text.data, a->text.n, b->text.data, b->text.n);
    if (a->n_best > 0) {
        check_same_bytes(a->best, a->ids.n * a->n_best * logprob, b->best,
                         b->ids.n * b->n_best * logprob);
        check_same_bytes(a->chosen, a->ids.n * logprob, b->chosen, b->ids.n * logprob);
    }
    assert_int_equal(a->prompt_logprobs != NULL, b->prompt_logprobs != NULL);
    if (a->prompt_logprobs != NULL) {
        size_t n = a->prompt.n;
        check_same_bytes(a->prompt_logprobs, n * sizeof(double), b->prompt_logprobs,
                         n * sizeof(double));
        check_same_bytes(a->prompt_best, n * a->n_best * logprob, b->prompt_best,
                         n * b->n_best * logprob);
    }
}

void generate_job_check_same(const struct generate_job *job, const struct generate_job *expected) {
    assert_int_equal(job->n_texts, expected->n_texts);
    assert_int_equal(job->n_failed, expected->n_failed);
    for (size_t i = 0; i < job->n_texts; i++) {
        check_same_text(&job->texts[i], &expected->texts[i]);
    }
}

void generate_job_release(struct generate_job *job) {
    for (size_t i = 0; i < job->n_texts; i++) {
        struct generate_text *text = &job->texts[i];
        gen_ids_release(&text->prompt);
        gen_ids_release(&text->ids);
        gen_bytes_release(&text->streamed);
        gen_bytes_release(&text->text);
        free(text->best);
        free(text->chosen);
        free(text->prompt_best);
        free(text->prompt_logprobs);
    }
    free(job->logits);
    *job = (struct generate_job){0};
}
