/**
 * whole_check.c - opening and running the models of whole_model.h, and counting which did as they
 * must.
 */
#include "whole_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "gen.h"

static size_t n_cases, n_bad;

static bool is_refused(const char *what, const char *path, const char *file, const char *expected) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    enum gen_status status = gen_model_open(&model, path, NULL, &err);
    const char *problem = NULL;
    if (status == GEN_OK || model != NULL) {
        problem = "it was accepted";
    } else if (status != err.status || status == GEN_NO_MEMORY) {
        problem = "its status is wrong";
    } else if (strlen(err.message) >= 560) {
        problem = "it is too long";
    } else if ((problem = fixture_message_problem(&err, file)) == NULL && expected != NULL &&
               strstr(err.message, expected) == NULL) {
        problem = "it does not say so";
    }
    gen_model_free(model);
    if (problem != NULL) {
        print_error("%s: %s: \"%s\" (must name %s: %s)\n", what, problem, err.message, file,
                    expected != NULL ? expected : "");
    }
    return problem == NULL;
}

void whole_must_refuse(const char *what, const char *path, const char *file, const char *expected) {
    n_cases++;
    n_bad += !is_refused(what, path, file, expected);
}

bool whole_runs(const char *what, const char *path, double *sum) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    struct gen_session *session = NULL;
    struct gen_session_options options = gen_session_options_default();
    options.n_threads = 1;
    bool good = gen_model_open(&model, path, NULL, &err) == GEN_OK &&
                gen_session_new(&session, model, &options, &err) == GEN_OK;
    if (good) {
        static const struct gen_row rows[] = {{.id = 104}, {.id = 256, .want_logits = true}};
        good = gen_session_eval(session, rows, 2, &err) == GEN_OK;
    }
    const float *logits = good ? gen_session_logits(session, 1) : NULL;
    *sum = 0;
    for (int i = 0; logits != NULL && i < FIXTURE_N_TOKENS; i++) {
        *sum += (double)logits[i] * (1 + i % 5);
    }
    gen_session_free(session);
    gen_model_free(model);
    if (!good) {
        print_error("%s: refused: %s\n", what, err.message);
    }
    return good;
}

void whole_must_run(const char *what, const char *path, double plain) {
    double sum = 0;
    n_cases++;
    if (!whole_runs(what, path, &sum)) {
        n_bad++;
    } else if (sum != plain) {
        print_error("%s: computes %.17g, not %.17g\n", what, sum, plain);
        n_bad++;
    }
}

void whole_report(const char *kind) {
    print_message("# %zu %s\n", n_cases, kind);
    size_t bad = n_bad;
    n_cases = n_bad = 0;
    assert_int_equal(bad, 0);
}
