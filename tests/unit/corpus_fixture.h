/**
 * corpus_fixture.h - for tests of what training reads: a directory for text and files of ids, a
 * tokenizer whose tokens reach across ends of lines (" \n" is one), two threads.
 */
#ifndef CORPUS_FIXTURE_H
#define CORPUS_FIXTURE_H

#include <stdint.h>

#include "data/dataset.h"

struct corpus_fixture {
    const char *directory;
    struct gen_tokenizer *tokenizer;
    struct thread_pool *pool;
};

/** For cmocka_run_group_tests(); *state is a struct corpus_fixture. */
int corpus_fixture_set_up(void **state);
int corpus_fixture_tear_down(void **state);

/**
 * Open the file `name` of the directory as the data of a run; its ids go to cache.tokens-*.
 * field: of JSON lines; expected: the key that the ids must have, 0: any.
 */
enum gen_status corpus_fixture_open(const struct corpus_fixture *fixture, const char *name,
                                    const char *field, uint64_t expected, struct dataset *dataset,
                                    struct gen_error *err);

#endif
