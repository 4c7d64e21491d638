/**
 * corpus_fixture.c - making and opening what corpus_fixture.h describes. The texts are written by
 * the tests.
 */
#include "corpus_fixture.h"

#include <stdio.h>

#include "base/memory.h"
#include "format_fixture.h"

int corpus_fixture_set_up(void **state) {
    struct corpus_fixture *fixture = memory_new(1, sizeof *fixture);
    struct gen_error err;
    fixture->directory = fixture_directory_new();
    fixture->pool = thread_pool_new(2);
    *state = fixture;
    return gen_tokenizer_open(&fixture->tokenizer, "tests/golden/vocab/1000", &err) != GEN_OK;
}

int corpus_fixture_tear_down(void **state) {
    struct corpus_fixture *fixture = *state;
    fixture_directory_remove(fixture->directory);
    gen_tokenizer_free(fixture->tokenizer);
    thread_pool_free(fixture->pool);
    memory_free(fixture);
    return 0;
}

enum gen_status corpus_fixture_open(const struct corpus_fixture *fixture, const char *name,
                                    const char *field, uint64_t expected, struct dataset *dataset,
                                    struct gen_error *err) {
    struct corpus corpus;
    const char *const paths[] = {fixture_path(fixture->directory, name)};
    char prefix[512];
    snprintf(prefix, sizeof prefix, "%s", fixture_path(fixture->directory, "cache"));
    enum gen_status status = corpus_open(&corpus, paths, 1, field, err);
    if (status == GEN_OK) {
        status = dataset_open(dataset, prefix, &corpus, fixture->tokenizer, fixture->pool, expected,
                              NULL, err);
    }
    corpus_release(&corpus);
    return status;
}
