/**
 * test_arch_lists.c - every architecture's list of layer calls keeps the rules of arch/run.h, by
 * which its players save memory; they cannot see it themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "base/size.h"

enum operation { NORM, ATTENTION, LINEAR };

struct call {
    enum operation operation;
    enum run_buffer out, in;
    enum run_after after; /* of LINEAR */
    const void *weights;
};

/* A player that only notes what it is told. */
struct recorder {
    struct run run;
    struct call calls[64];
    size_t n;
};

static void note(struct run *run, struct call call) {
    struct recorder *r = (struct recorder *)run;
    assert_true(r->n < N_OF(r->calls));
    r->calls[r->n++] = call;
}

static void norm(struct run *run, enum run_buffer out, enum run_buffer in,
                 const struct norm *weights) {
    note(run, (struct call){.operation = NORM, .out = out, .in = in, .weights = weights});
}

static void attention(struct run *run, enum run_buffer out, enum run_buffer in,
                      const struct layer *h) {
    note(run, (struct call){.operation = ATTENTION, .out = out, .in = in, .weights = h});
}

static void linear(struct run *run, enum run_buffer out, enum run_buffer in,
                   const struct linear *weights, enum run_after after) {
    note(run, (struct call){LINEAR, out, in, after, weights});
}

static const struct run_operations operations = {norm, attention, linear};

/* NORMAL_1, FOUND and NORMAL_2 may be one. */
static bool is_shared(enum run_buffer buffer) {
    return buffer == NORMAL_1 || buffer == FOUND || buffer == NORMAL_2;
}

static void check_forward(const struct recorder *r) {
    bool holds[INNER + 1] = {[X] = true};
    bool in_branch = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct call *call = &r->calls[i];
        assert_true(holds[call->in]);
        assert_int_equal(call->operation == NORM, !in_branch); /* a norm begins each branch */
        assert_int_equal(call->operation == NORM, call->in == X);
        in_branch = true;
        if (is_shared(call->out)) {
            holds[NORMAL_1] = holds[FOUND] = holds[NORMAL_2] = false;
        }
        holds[call->out] = true;
        if (call->operation == LINEAR) {
            assert_int_equal(call->after == ADDED, call->out == X);
            assert_int_equal(call->after == ACTIVATED, call->out == INNER);
            in_branch = call->out != X;
        } else {
            assert_true(is_shared(call->out));
        }
    }
    assert_false(in_branch);
}

static void check_upside_down(const struct recorder *forward, const struct recorder *backward) {
    assert_int_equal(forward->n, backward->n);
    for (size_t i = 0; i < forward->n; i++) {
        const struct call *a = &forward->calls[i];
        const struct call *b = &backward->calls[backward->n - 1 - i];
        assert_int_equal(a->operation, b->operation);
        assert_int_equal(a->out, b->out);
        assert_int_equal(a->in, b->in);
        assert_int_equal(a->after, b->after);
        assert_ptr_equal(a->weights, b->weights);
    }
}

static void test_lists(void **state) {
    static struct layer h;
    (void)state;
    uint32_t number = 0;
    for (const struct arch *arch; (arch = arch_by_number(number)) != NULL; number++) {
        struct recorder forward = {.run = {&operations, &operations}};
        struct recorder backward = forward;
        arch->layer_forward(&forward.run, &h);
        arch->layer_backward(&backward.run, &h);
        assert_true(forward.n > 0);
        check_forward(&forward);
        check_upside_down(&forward, &backward);
    }
    assert_true(number >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
