/** test_model_view.c - a model made of parts in memory, as training shows it: every function of the
 *  public header that looks at a model works on it, and says what there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"

static void test_view(void **state) {
    (void)state;
    struct gen_error err;
    struct gen_model *model = NULL;
    assert_int_equal(gen_model_open(&model, "tests/golden/models/base", NULL, &err), GEN_OK);
    const struct gen_model view =
        model_view(&model->config, &model->weights, model->tokenizer, "out/m.gguf");
    assert_ptr_equal(gen_model_tokenizer(&view), gen_model_tokenizer(model));
    assert_int_equal(gen_model_n_parameters(&view), gen_model_n_parameters(model));
    assert_int_equal(gen_model_n_tensors(&view), 0);
    assert_int_equal(gen_model_n_metadata(&view), 0);
    size_t n_notes = model->tokenizer != NULL ? gen_tokenizer_n_notes(model->tokenizer) : 0;
    assert_int_equal(gen_model_n_notes(&view), n_notes);
    assert_int_equal(gen_model_file_size(&view), 0);
    assert_null(gen_model_unheeded(&view));
    assert_string_equal(gen_model_format(&view), "gguf v3");
    assert_int_equal(gen_model_kind(&view), GEN_KIND_MODEL);
    assert_string_equal(view.where.text, "out/m.gguf");

    /* It computes what the model does. */
    const struct gen_session_options options = gen_session_options_default();
    const struct gen_model *both[] = {model, &view};
    float logits[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct gen_session *session = NULL;
        assert_int_equal(gen_session_new(&session, both[i], &options, &err), GEN_OK);
        const struct gen_row row = {.id = 1, .want_logits = true};
        assert_int_equal(gen_session_eval(session, &row, 1, &err), GEN_OK);
        logits[i] = gen_session_logits(session, 0)[3];
        gen_session_free(session);
    }
    assert_memory_equal(&logits[0], &logits[1], sizeof logits[0]);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_view)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
