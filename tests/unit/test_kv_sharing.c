/**
 * test_kv_sharing.c - sequences that share what they have in common: the logits are, bit for bit,
 * those of each sequence read whole by itself, wherever the blocks of the KV cache end. And what
 * memory a session takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gen.h"
#include "tensor/kernels/kernels.h"

#define MODEL "models/tales-6m.gguf"
enum { N_SLOTS = 5, MOST = 300, BLOCK = (int)KERNELS_KV_BLOCK };

static int setup(void **state) {
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, MODEL, NULL, &err), GEN_OK);
    *state = model;
    return 0;
}

static int teardown(void **state) {
    gen_model_free(*state);
    return 0;
}

static struct gen_session *new_session(const struct gen_model *model, int32_t n_slots,
                                       const char *kv_type) {
    struct gen_session_options options = gen_session_options_default();
    options.n_slots = n_slots;
    options.n_threads = 2;
    options.kv_type = kv_type;
    struct gen_session *session;
    struct gen_error err;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    return session;
}

/* ---- the same bits ---------------------------------------------------------------------------*/

/* The ids that each slot should hold, and the session that does. */
struct texts {
    const struct gen_model *model;
    const char *kv_type;
    struct gen_session *session;
    int32_t ids[N_SLOTS][MOST];
    size_t n[N_SLOTS];
};

static size_t n_vocab(const struct texts *texts) {
    return (size_t)gen_model_config(texts->model)->n_vocab;
}

static int32_t an_id(size_t i) {
    return (int32_t)(1 + i * 7919 % 4000);
}

/* n more ids for each slot whose bit is set, one after the other or, mixed, in turns. */
static void read_on(struct texts *texts, unsigned slots, size_t n, size_t seed, bool mixed) {
    static struct gen_row rows[N_SLOTS * MOST];
    size_t n_rows = 0;
    for (size_t i = 0; i < N_SLOTS * n; i++) {
        size_t slot = mixed ? i % N_SLOTS : i / n;
        if ((slots >> slot & 1) != 0) {
            int32_t id = an_id(seed + 1000 * slot + i);
            texts->ids[slot][texts->n[slot]++] = id;
            rows[n_rows++] = (struct gen_row){id, (int32_t)slot, false};
        }
    }
    struct gen_error err;
    assert_int_equal(gen_session_eval(texts->session, rows, n_rows, &err), GEN_OK);
}

static void copy(struct texts *texts, int32_t to, int32_t from, size_t n) {
    memmove(texts->ids[to], texts->ids[from], n * sizeof **texts->ids);
    texts->n[to] = n;
    assert_int_equal(gen_session_copy(texts->session, to, from, (int32_t)n), GEN_OK);
    assert_int_equal(gen_session_length(texts->session, to), n);
}

static void truncate_to(struct texts *texts, int32_t slot, size_t n) {
    texts->n[slot] = n;
    gen_session_truncate(texts->session, slot, (int32_t)n);
}

/* One more id for every slot; its logits, as for the same ids in a session of their own. */
static void check(struct texts *texts) {
    struct gen_row next[N_SLOTS];
    struct gen_error err;
    for (int32_t slot = 0; slot < N_SLOTS; slot++) {
        next[slot] = (struct gen_row){77, slot, true};
        texts->ids[slot][texts->n[slot]++] = 77;
    }
    assert_int_equal(gen_session_eval(texts->session, next, N_SLOTS, &err), GEN_OK);
    struct gen_session *alone = new_session(texts->model, 1, texts->kv_type);
    for (size_t slot = 0; slot < N_SLOTS; slot++) {
        struct gen_row rows[MOST];
        for (size_t i = 0; i < texts->n[slot]; i++) {
            rows[i] = (struct gen_row){texts->ids[slot][i], 0, i + 1 == texts->n[slot]};
        }
        gen_session_truncate(alone, 0, 0);
        assert_int_equal(gen_session_eval(alone, rows, texts->n[slot], &err), GEN_OK);
        if (memcmp(gen_session_logits(texts->session, slot),
                   gen_session_logits(alone, texts->n[slot] - 1),
                   n_vocab(texts) * sizeof(float)) != 0) {
            fail_msg("slot %zu: other logits than alone after %zu ids", slot, texts->n[slot]);
        }
    }
    gen_session_free(alone);
}

static void check_sharing(const struct gen_model *model, const char *kv_type, size_t prefix) {
    struct texts *texts = calloc(1, sizeof *texts);
    assert_non_null(texts);
    texts->model = model;
    texts->kv_type = kv_type;
    texts->session = new_session(model, N_SLOTS, kv_type);
    read_on(texts, 1, prefix + 20, 1, false);
    read_on(texts, 1 << 4, 3, 2, false);
    copy(texts, 1, 0, prefix);
    copy(texts, 2, 0, prefix + 20);
    copy(texts, 3, 1, prefix - 1);
    copy(texts, 3, 3, prefix - 2);
    read_on(texts, 0x1e, 2, 3, true);
    check(texts);
    truncate_to(texts, 0, prefix - 3);
    truncate_to(texts, 2, prefix + 1);
    copy(texts, 4, 2, prefix + 1);
    read_on(texts, 0x17, 5, 4, true);
    check(texts);
    truncate_to(texts, 1, 0);
    truncate_to(texts, 3, 1);
    read_on(texts, 0x0b, 30, 5, false);
    check(texts);
    gen_session_free(texts->session);
    free(texts);
}

static void test_same_logits(void **state) {
    static const size_t prefixes[] = {4, 50, BLOCK - 20, BLOCK, BLOCK + 1, 2 * BLOCK - 25};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        check_sharing(*state, i % 2 == 0 ? "f32" : "f16", prefixes[i]);
    }
}

/* ---- memory ----------------------------------------------------------------------------------*/

/* What of the process is in memory, in bytes; 0 where the system does not tell. */
static size_t resident(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128] = "";
    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL) {
            line[0] = '\0';
        }
        fclose(file);
    }
    const char *second = strchr(line, ' ');
    size_t pages = second == NULL ? 0 : strtoul(second, NULL, 10);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The sanitizers keep memory of their own. */
static bool can_measure(void) {
    const char *sanitizer = getenv("GEN_SANITIZE");
    return resident() > 0 && (sanitizer == NULL || sanitizer[0] == '\0');
}

/* 64 sequences of 50 tokens of a context of 512: 6 layers of 2 x 256 numbers each, and some
 * panels of 16 positions that are not full. */
static void test_memory_grows_with_positions(void **state) {
    if (!can_measure()) {
        skip();
    }
    enum { SLOTS = 64, LENGTH = 50 };
    static struct gen_row rows[SLOTS * LENGTH];
    struct gen_error err;
    for (int32_t i = 0; i < SLOTS * LENGTH; i++) {
        rows[i] = (struct gen_row){an_id((size_t)i), i / LENGTH, false};
    }
    struct gen_session *session = new_session(*state, SLOTS, NULL);
    /* Buffers of a batch are in memory after this. */
    assert_int_equal(gen_session_eval(session, rows, LENGTH, &err), GEN_OK);
    size_t before = resident();
    for (size_t first = LENGTH; first < (size_t)SLOTS * LENGTH; first += LENGTH) {
        assert_int_equal(gen_session_eval(session, rows + first, LENGTH, &err), GEN_OK);
    }
    size_t all = (size_t)(SLOTS - 1) * 6 * 2 * 256 * sizeof(float) * 64;
    assert_in_range(resident() - before, all / 2, all + all / 8);
    gen_session_free(session);
}

/* Sharing takes none. */
static void test_sharing_takes_no_memory(void **state) {
    if (!can_measure()) {
        skip();
    }
    struct gen_session *session = new_session(*state, 200, NULL);
    struct gen_row rows[400];
    struct gen_error err;
    for (size_t i = 0; i < 400; i++) {
        rows[i] = (struct gen_row){an_id(i), 0, false};
    }
    assert_int_equal(gen_session_eval(session, rows, 400, &err), GEN_OK);
    size_t before = resident();
    for (int32_t slot = 1; slot < 200; slot++) {
        assert_int_equal(gen_session_copy(session, slot, 0, 400), GEN_OK);
    }
    assert_true(resident() - before < 1 << 20);
    gen_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_logits),
        cmocka_unit_test(test_memory_grows_with_positions),
        cmocka_unit_test(test_sharing_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
