/**
 * test_two_sessions.c - one model used by several threads of an outsider's program at the same
 * time: each has a session or a call of gen_generate() of its own, and all find what one alone
 * finds. So do trainings. Under ThreadSanitizer (make test-thread) this also shows that nothing of
 * the model is written while it is used.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen.h"
#include "gen_train.h"

enum { N_USERS = 2, LENGTH = 40 };

/* cmocka's assertions jump, which only its own thread may do: the users report instead. */
struct user {
    const struct gen_model *model;
    int n_threads;
    int32_t first; /* the ids evaluated begin here */
    bool good;
    struct gen_bytes found; /* logits of all tokens, or texts */
};

static bool evaluate(struct user *user, struct gen_session *session) {
    size_t size = (size_t)gen_model_config(user->model)->n_vocab * sizeof(float);
    for (int32_t i = 0; i < LENGTH; i++) {
        struct gen_row row = {(user->first + 37 * i) % 500, 0, true};
        if (gen_session_eval(session, &row, 1, NULL) != GEN_OK ||
            gen_bytes_append(&user->found, (const char *)gen_session_logits(session, 0), size) !=
                GEN_OK) {
            return false;
        }
    }
    return true;
}

static void *use_session(void *argument) {
    struct user *user = argument;
    struct gen_session_options options = gen_session_options_default();
    struct gen_session *session;
    options.n_threads = user->n_threads;
    if (gen_session_new(&session, user->model, &options, NULL) == GEN_OK) {
        user->good = evaluate(user, session);
        gen_session_free(session);
    }
    return NULL;
}

/* ---- gen_generate --------------------------------------------------------------------------- */

struct source {
    struct gen_ids prompts[3];
    size_t n_asked;
};

static bool next(void *context, struct gen_prompt *prompt) {
    struct source *source = context;
    if (source->n_asked == 3) {
        return false;
    }
    const struct gen_ids *ids = &source->prompts[source->n_asked++];
    *prompt = (struct gen_prompt){.ids = ids->data, .n_ids = ids->n};
    return true;
}

static bool on_text(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n) {
    (void)index;
    (void)sequence;
    return gen_bytes_append(context, bytes, n) == GEN_OK;
}

static bool on_end(void *context, const struct gen_result *result) {
    return gen_bytes_append(context, "\n", 1) == GEN_OK && result->finish != GEN_FINISH_ERROR;
}

static void *use_generate(void *argument) {
    static const char *const texts[] = {"the king", "Once upon a time", "a"};
    struct user *user = argument;
    struct source source = {0};
    struct gen_generate_options options = gen_generate_options_default();
    options.n_threads = user->n_threads;
    options.max_new_tokens = 24;
    options.seed = (uint64_t)user->first;
    user->good = true;
    for (size_t i = 0; i < 3; i++) {
        user->good = user->good && gen_tokenizer_encode(gen_model_tokenizer(user->model), texts[i],
                                                        strlen(texts[i]), false, &source.prompts[i],
                                                        NULL) == GEN_OK;
    }
    struct gen_source from = {.context = &source, .next = next};
    struct gen_sink to = {.context = &user->found, .text = on_text, .end = on_end};
    user->good =
        user->good && gen_generate(user->model, &options, &from, &to, NULL, NULL) == GEN_OK;
    for (size_t i = 0; i < 3; i++) {
        gen_ids_release(&source.prompts[i]);
    }
    return NULL;
}

/* ---- training ------------------------------------------------------------------------------- */

static void *use_train(void *argument) {
    static const char *const data[] = {"tests/golden/train/text.txt"};
    struct user *user = argument;
    struct gen_train_options options = gen_train_options_default();
    char directory[] = "/tmp/gen-test-XXXXXX";
    char path[64], command[96];
    if (mkdtemp(directory) == NULL) {
        return NULL;
    }
    snprintf(path, sizeof path, "%s/model.gguf", directory);
    options.data = data;
    options.n_data = 1;
    options.init = "tests/golden/models/base";
    options.shape.n_ctx = 16;
    options.batch_size = 64;
    options.n_steps = 3;
    options.n_threads = user->n_threads;
    options.seed = (uint64_t)user->first;
    if (gen_train(path, &options, NULL, NULL) == GEN_OK) {
        FILE *file = fopen(path, "rb");
        char bytes[4096];
        size_t n;
        user->good = file != NULL;
        while (user->good && (n = fread(bytes, 1, sizeof bytes, file)) > 0) {
            user->good = gen_bytes_append(&user->found, bytes, n) == GEN_OK;
        }
        fclose(file);
    }
    snprintf(command, sizeof command, "rm -r %s", directory);
    user->good = system(command) == 0 && user->good;
    return NULL;
}

/* ---- the test ------------------------------------------------------------------------------- */

static void check(const char *path, void *(*use)(void *)) {
    struct gen_model *model;
    struct gen_error err;
    pthread_t threads[N_USERS];
    struct user users[N_USERS], alone[N_USERS];
    assert_int_equal(gen_model_open(&model, path, NULL, &err), GEN_OK);
    for (int i = 0; i < N_USERS; i++) {
        users[i] = (struct user){.model = model, .n_threads = 2 + i, .first = 11 * i};
        alone[i] = users[i];
        assert_int_equal(pthread_create(&threads[i], NULL, use, &users[i]), 0);
    }
    for (int i = 0; i < N_USERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < N_USERS; i++) {
        use(&alone[i]);
        assert_true(users[i].good && alone[i].good);
        assert_true(alone[i].found.n > 0);
        assert_int_equal(users[i].found.n, alone[i].found.n);
        assert_memory_equal(users[i].found.data, alone[i].found.data, alone[i].found.n);
        gen_bytes_release(&users[i].found);
        gen_bytes_release(&alone[i].found);
    }
    gen_model_free(model);
}

static void test_sessions(void **state) {
    (void)state;
    check("tests/golden/models/base", use_session);
    check("tests/golden/models/f16", use_session);
}

static void test_generate(void **state) {
    (void)state;
    check("tests/golden/models/base", use_generate);
}

static void test_training(void **state) {
    (void)state;
    check("tests/golden/models/base", use_train);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sessions),
                                       cmocka_unit_test(test_generate),
                                       cmocka_unit_test(test_training)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
