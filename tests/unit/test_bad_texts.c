/**
 * test_bad_texts.c - texts that are never written: what is forbidden against a search of each
 * token's bytes, and texts drawn under them, in batches, by beams and with drafts.
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
#include "constraint_fixture.h"
#include "gen.h"
#include "generate_job.h"

#define MAX_WORDS 6
#define N_VOCAB   512

static struct gen_bad_texts *bad_texts(const char *const *words, size_t n) {
    size_t lengths[MAX_WORDS];
    struct gen_bad_texts *bad = NULL;
    struct gen_error err = {0};
    for (size_t i = 0; i < n; i++) {
        lengths[i] = strlen(words[i]);
    }
    if (gen_bad_texts_new(&bad, constraint_fixture_pieces(), words, lengths, n, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return bad;
}

/* Whether one of the words ends in the last n bytes of the text. */
static bool completes(const char *const *words, size_t n_words, const struct gen_bytes *text,
                      size_t n) {
    for (size_t i = 0; i < n_words; i++) {
        size_t length = strlen(words[i]);
        for (size_t end = text->n - n + 1; end <= text->n; end++) {
            if (end >= length && memcmp(text->data + end - length, words[i], length) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Letters of two kinds, so that words overlap and are within each other. */
static void random_word(char *word, struct rng *rng) {
    static const char *const alphabets[] = {"ab", "the ", "in s"};
    const char *alphabet = alphabets[rng_u32(rng) % N_OF(alphabets)];
    size_t n = 1 + rng_u32(rng) % 7;
    for (size_t i = 0; i < n; i++) {
        word[i] = alphabet[rng_u32(rng) % strlen(alphabet)];
    }
    word[n] = '\0';
}

/* One text, of the prompt and of ids that are drawn as they may come. */
static void check_text(struct rng *rng) {
    char memory[MAX_WORDS][8];
    const char *words[MAX_WORDS];
    size_t n_words = 1 + rng_u32(rng) % MAX_WORDS;
    for (size_t i = 0; i < n_words; i++) {
        random_word(memory[i], rng);
        words[i] = memory[i];
    }
    const struct gen_tokenizer *tokenizer = constraint_fixture_tokenizer();
    struct gen_sampling sampling = gen_sampling_default();
    sampling.bad_texts = bad_texts(words, n_words);
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_sampler_new(&sampler, &sampling, N_VOCAB, 511, rng_u32(rng), 0, 0, NULL),
                     GEN_OK);
    gen_bad_texts_free(sampling.bad_texts); /* the sampler has it */
    struct gen_bytes text = {0};
    static float logits[N_VOCAB], scores[N_VOCAB];
    for (size_t step = 0; step < 12; step++) {
        bool is_prompt = step < 3;
        int32_t id = (int32_t)(rng_u32(rng) % 511);
        size_t n;
        for (int32_t i = 0; i < N_VOCAB; i++) {
            const char *piece = gen_tokenizer_piece(tokenizer, i, &n);
            size_t before = text.n;
            gen_bytes_append(&text, piece, n);
            bool forbidden = i != 511 && n > 0 && completes(words, n_words, &text, n);
            text.n = before;
            /* Draw some that nearly complete a word. */
            logits[i] = n > 0 && strchr(words[0], piece[0]) != NULL ? 3.0f : 0.0f;
            if (is_prompt) {
                continue;
            }
            if (i == 0) {
                assert_int_equal(gen_sampler_scores(sampler, logits, scores, NULL), GEN_OK);
            }
            bool is_out = forbidden && scores[i] > -INFINITY;
            if (is_out) {
                fail_msg("token %d completes one of %s ... after \"%.*s\"", (int)i, words[0],
                         (int)text.n, text.data);
            }
        }
        if (is_prompt) {
            assert_int_equal(gen_sampler_prompt(sampler, &id, 1, NULL), GEN_OK);
        } else {
            enum gen_status status = gen_sampler_next(sampler, logits, &id, NULL);
            assert_int_equal(status, GEN_OK);
        }
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        gen_bytes_append(&text, piece, n);
    }
    gen_bytes_release(&text);
    gen_sampler_free(sampler);
}

static void test_random(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 5, 1);
    for (int i = 0; i < 150; i++) {
        check_text(&rng);
    }
}

/* No more is forbidden than must be: all scores, where nothing warps. */
static void test_exact(void **state) {
    (void)state;
    static const char *const words[] = {" king", "the", "aa", "in s"};
    const struct gen_tokenizer *tokenizer = constraint_fixture_tokenizer();
    static const char *const prompts[] = {"", "x", "a ki", "t", "th", "xa", "in", "in ", " k"};
    for (size_t p = 0; p < N_OF(prompts); p++) {
        struct gen_sampling sampling = gen_sampling_default();
        sampling.temperature = 0;
        sampling.bad_texts = bad_texts(words, N_OF(words));
        struct gen_sampler *sampler = NULL;
        gen_sampler_new(&sampler, &sampling, N_VOCAB, 511, 1, 0, 0, NULL);
        gen_bad_texts_free(sampling.bad_texts);
        struct gen_ids ids = {0};
        size_t n_prompt = strlen(prompts[p]);
        gen_tokenizer_encode(tokenizer, prompts[p], n_prompt, false, &ids, NULL);
        gen_sampler_prompt(sampler, ids.data, ids.n, NULL);
        static float logits[N_VOCAB], scores[N_VOCAB];
        gen_sampler_scores(sampler, logits, scores, NULL);
        struct gen_bytes text = {0};
        gen_bytes_append(&text, prompts[p], n_prompt);
        for (int32_t i = 0; i < N_VOCAB; i++) {
            size_t n;
            const char *piece = gen_tokenizer_piece(tokenizer, i, &n);
            gen_bytes_append(&text, piece, n);
            bool forbidden = i != 511 && n > 0 && completes(words, N_OF(words), &text, n);
            text.n = n_prompt;
            if (forbidden != (scores[i] == -INFINITY)) {
                fail_msg("token %d after \"%s\": %d", (int)i, prompts[p], forbidden);
            }
        }
        gen_bytes_release(&text);
        gen_ids_release(&ids);
        gen_sampler_free(sampler);
    }
}

static void run(struct generate_job *job, const struct gen_model *model, size_t n) {
    static int32_t prompt[] = {5, 17, 9, 41, 300, 301, 302, 20};
    job->n_prompts = n;
    for (size_t i = 0; i < n; i++) {
        job->prompts[i] = (struct gen_prompt){.ids = prompt, .n_ids = 1 + i};
    }
    generate_job_run_well(job, model);
    assert_int_equal(job->n_failed, 0);
}

/* The model's own texts have none of the words, alone, in batches, by beams, with drafts. */
static void test_texts(void **state) {
    (void)state;
    static const char *const words[] = {"e", " a", "res", "<|endoftext|>"};
    struct gen_model *model = generate_job_model("tests/golden/models/base");
    struct gen_bad_texts *bad = bad_texts(words, N_OF(words));
    for (int way = 0; way < 4; way++) {
        struct generate_job job = {.options = gen_generate_options_default()};
        struct generate_job other = {.options = gen_generate_options_default()};
        job.options.sampling.bad_texts = bad;
        job.options.sampling.temperature = way == 1 ? 0.0f : 1.5f;
        job.options.num_beams = way == 2 ? 3 : 1;
        job.options.ignore_eos = way == 3;
        job.options.max_new_tokens = 40;
        other.options = job.options;
        job.options.batch = 3;
        other.options.batch = 8;
        other.options.speculate = false;
        run(&job, model, 8);
        run(&other, model, 8);
        generate_job_check_same(&job, &other);
        for (size_t i = 0; i < job.n_texts; i++) {
            struct gen_bytes *text = &job.texts[i].text;
            bool has = text->n > 0 && completes(words, N_OF(words), text, text->n);
            assert_false(has);
        }
        generate_job_release(&job);
        generate_job_release(&other);
    }
    gen_bad_texts_free(bad);
    gen_model_free(model);
}

/* A long word that is one letter, and very many words, take no time that anybody notices. */
static void test_large(void **state) {
    (void)state;
    size_t n = 1 << 20;
    char *word = malloc(n + 1);
    assert_non_null(word);
    memset(word, 'a', n);
    word[n] = '\0';
    const char *const words[] = {word};
    struct gen_sampling sampling = gen_sampling_default();
    sampling.bad_texts = bad_texts(words, 1);
    struct gen_sampler *sampler = NULL;
    gen_sampler_new(&sampler, &sampling, N_VOCAB, 511, 1, 0, 0, NULL);
    gen_bad_texts_free(sampling.bad_texts);
    struct gen_ids ids = {0};
    gen_tokenizer_encode(constraint_fixture_tokenizer(), word, n - 1, false, &ids, NULL);
    gen_sampler_prompt(sampler, ids.data, ids.n, NULL);
    static float logits[N_VOCAB], scores[N_VOCAB];
    for (int i = 0; i < 20; i++) {
        gen_sampler_scores(sampler, logits, scores, NULL);
    }
    int32_t a = -1;
    gen_tokenizer_encode(constraint_fixture_tokenizer(), "a", 1, false, &ids, NULL);
    a = ids.data[ids.n - 1];
    assert_true(scores[a] == -INFINITY);
    gen_ids_release(&ids);
    gen_sampler_free(sampler);
    free(word);
}

static void test_refused(void **state) {
    (void)state;
    struct gen_bad_texts *bad;
    struct gen_error err = {0};
    const char *const words[] = {"a", ""};
    const size_t lengths[] = {1, 0}, too_long[] = {((size_t)1 << 24) + 1, 1};
    assert_int_equal(gen_bad_texts_new(&bad, constraint_fixture_pieces(), words, lengths, 2, &err),
                     GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "bad text 1 is empty"));
    assert_int_equal(gen_bad_texts_new(&bad, constraint_fixture_pieces(), words, too_long, 2, &err),
                     GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "give fewer"));
    assert_null(bad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random), cmocka_unit_test(test_exact),   cmocka_unit_test(test_texts),
        cmocka_unit_test(test_large),  cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
