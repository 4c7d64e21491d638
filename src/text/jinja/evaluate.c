/**
 * evaluate.c - run_evaluate(): what the expressions of a template are worth. Filters, tests,
 * functions and methods by name are in filters.c and methods.c.
 */
#include <string.h>

#include "base/size.h"
#include "text/jinja/parts.h"

/* Values within values within ... of one expression. */
#define MAX_DEPTH 400

static struct value find(struct run *run, const struct node *node) {
    if (!run_work(run, node->line, run->n_variables / 4 + 1)) {
        return (struct value){0};
    }
    for (size_t i = run->n_variables; i > run->floor; i--) {
        if (span_equal(run->variables[i - 1].name, node->name)) {
            return run->variables[i - 1].value;
        }
    }
    for (size_t i = run->floor > 0 ? run->n_globals : 0; i > 0; i--) {
        if (span_equal(run->variables[i - 1].name, node->name)) {
            return run->variables[i - 1].value;
        }
    }
    return (struct value){0};
}

static void evaluate_arguments(struct run *run, const struct node *node,
                               struct arguments *arguments) {
    *arguments = (struct arguments){0};
    for (; node != NULL && run->status == GEN_OK; node = node->next) {
        if (arguments->n == N_OF(arguments->values)) {
            run_fail(run, node->line, "more than %zu arguments", arguments->n);
            return;
        }
        arguments->names[arguments->n] = node->name;
        arguments->values[arguments->n++] = run_evaluate(run, node->a);
    }
}

static struct value call(struct run *run, const struct node *node) {
    struct arguments arguments;
    const struct node *what = node->a;
    struct value value = {0};
    bool method = what->kind == NODE_MEMBER;
    if (method) {
        value = run_evaluate(run, what->a);
    } else if (what->kind == NODE_NAME) {
        value = find(run, what);
    }
    evaluate_arguments(run, node->b, &arguments);
    if (run->status != GEN_OK) {
        return value;
    }
    if (method) {
        return run_method(run, node->line, what->name, value, &arguments);
    }
    if (value.type == VALUE_MACRO) {
        return run->call_macro(run, node->line, value.as.macro, &arguments);
    }
    if (what->kind != NODE_NAME) {
        run_fail(run, node->line, "a call of what is no function");
        return (struct value){0};
    }
    return run_function(run, node->line, what->name, &arguments);
}

/* ---- operators -------------------------------------------------------------------------------*/

static struct value join(struct run *run, unsigned line, struct span a, struct span b) {
    if (a.n == 0 || b.n == 0) {
        return a.n == 0 ? value_string(b.text, b.n) : value_string(a.text, a.n);
    }
    char *text = b.n <= SIZE_MAX - a.n ? run_new(run, line, a.n + b.n, 1) : NULL;
    if (text == NULL) {
        return value_string("", 0);
    }
    memcpy(text, a.text, a.n);
    memcpy(text + a.n, b.text, b.n);
    return value_string(text, a.n + b.n);
}

static struct value join_lists(struct run *run, unsigned line, const struct list *a,
                               const struct list *b) {
    struct value value = value_list(run, line);
    const struct list *parts[] = {a, b};
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part]->n && run->status == GEN_OK; i++) {
            list_append(run, line, value.as.list, parts[part]->items[i]);
        }
    }
    return value;
}

/* Python's // and % round down; numbers stay below 2^62, so that none of these overflows. */
static struct value calculate(struct run *run, unsigned line, enum operation operation, int64_t a,
                              int64_t b) {
    const int64_t most = (int64_t)1 << 62;
    bool divides = operation == OP_DIVIDE_DOWN || operation == OP_MODULO;
    if (divides && b == 0) {
        run_fail(run, line, "a division by 0");
        return value_int(0);
    }
    int64_t result = 0;
    if (operation == OP_ADD || operation == OP_SUBTRACT) {
        result = operation == OP_ADD ? a + b : a - b;
    } else if (divides) {
        int64_t rest = a % b;
        bool down = rest != 0 && (rest < 0) != (b < 0);
        result = operation == OP_MODULO ? rest + (down ? b : 0) : a / b - (down ? 1 : 0);
    } else {
        int64_t times = a < 0 ? -a : a;
        bool fits = times == 0 || (b < 0 ? -b : b) <= most / times;
        result = fits ? a * b : most;
    }
    if (result >= most || result <= -most) {
        run_fail(run, line, "a number beyond 2^62");
        return value_int(0);
    }
    return value_int(result);
}

static bool is_number(struct value value) {
    return value.type == VALUE_INT || value.type == VALUE_BOOL;
}

static int64_t number(struct value value) {
    return value.type == VALUE_INT ? value.as.number : value.as.truth;
}

/* A text so many times. */
static struct value repeat(struct run *run, unsigned line, struct span text, int64_t times) {
    size_t n = 0;
    if (times <= 0 || text.n == 0) {
        return value_string("", 0);
    }
    if ((uint64_t)times > run->work / text.n) {
        run_fail(run, line, "a text is repeated too often");
        return value_string("", 0);
    }
    n = text.n * (size_t)times;
    char *out = run_new(run, line, n, 1);
    for (size_t at = 0; out != NULL && at < n; at += text.n) {
        memcpy(out + at, text.text, text.n);
    }
    return value_string(out, out != NULL ? n : 0);
}

static struct value binary(struct run *run, const struct node *node) {
    static const char *const names[] = {[OP_ADD] = "+",
                                        [OP_SUBTRACT] = "-",
                                        [OP_MULTIPLY] = "*",
                                        [OP_DIVIDE_DOWN] = "//",
                                        [OP_MODULO] = "%"};
    struct value a = run_evaluate(run, node->a);
    struct value b = run_evaluate(run, node->b);
    unsigned line = node->line;
    if (run->status != GEN_OK) {
        return a;
    }
    if (node->operation == OP_JOIN) {
        struct span left = value_text(run, line, a);
        return join(run, line, left, value_text(run, line, b));
    }
    if (is_number(a) && is_number(b)) {
        return calculate(run, line, node->operation, number(a), number(b));
    }
    if (node->operation == OP_ADD && a.type == VALUE_STRING && b.type == VALUE_STRING) {
        return join(run, line, a.as.string, b.as.string);
    }
    if (node->operation == OP_ADD && a.type == VALUE_LIST && b.type == VALUE_LIST) {
        return join_lists(run, line, a.as.list, b.as.list);
    }
    if (node->operation == OP_MULTIPLY && a.type == VALUE_STRING && is_number(b)) {
        return repeat(run, line, a.as.string, number(b));
    }
    run_fail(run, line, "the operator %s between %s and %s", names[node->operation],
             value_type_name(a), value_type_name(b));
    return (struct value){0};
}

static bool compare(struct run *run, unsigned line, enum operation operation, struct value a,
                    struct value b) {
    switch (operation) {
    case OP_EQUAL:
        return value_equal(run, line, a, b);
    case OP_UNEQUAL:
        return !value_equal(run, line, a, b);
    case OP_IN:
        return value_in(run, line, a, b);
    case OP_NOT_IN:
        return !value_in(run, line, a, b);
    case OP_LESS:
        return value_compare(run, line, a, b) < 0;
    case OP_LESS_EQUAL:
        return value_compare(run, line, a, b) <= 0;
    case OP_GREATER:
        return value_compare(run, line, a, b) > 0;
    default: /* OP_GREATER_EQUAL; the others are no comparisons */
        return value_compare(run, line, a, b) >= 0;
    }
}

static struct value compare_chain(struct run *run, const struct node *node) {
    struct value left = run_evaluate(run, node->a);
    for (const struct node *next = node->b; next != NULL && run->status == GEN_OK;
         next = next->next) {
        struct value right = run_evaluate(run, next->a);
        if (run->status == GEN_OK && !compare(run, next->line, next->operation, left, right)) {
            return value_bool(false);
        }
        left = right;
    }
    return value_bool(true);
}

/* ---- values ----------------------------------------------------------------------------------*/

static struct value make_list(struct run *run, const struct node *node) {
    struct value value = value_list(run, node->line);
    for (const struct node *item = node->b; item != NULL && run->status == GEN_OK;
         item = item->next) {
        list_append(run, node->line, value.as.list, run_evaluate(run, item));
    }
    return value;
}

static struct value make_dict(struct run *run, const struct node *node) {
    struct value value = value_dict(run, node->line);
    for (const struct node *item = node->b; item != NULL && run->status == GEN_OK;
         item = item->next->next) {
        struct value name = run_evaluate(run, item);
        struct value member = run_evaluate(run, item->next);
        if (name.type != VALUE_STRING) {
            run_fail(run, node->line, "the keys of a dict must be texts");
        } else if (run->status == GEN_OK) {
            dict_set(run, node->line, value.as.dict, name.as.string, member);
        }
    }
    return value;
}

static struct value slice(struct run *run, const struct node *node) {
    struct value value = run_evaluate(run, node->a);
    struct value bounds[3] = {{0}};
    const struct node *given[] = {node->b, node->c, node->d};
    for (int i = 0; i < 3; i++) {
        if (given[i] != NULL) {
            bounds[i] = run_evaluate(run, given[i]);
        }
    }
    return run->status == GEN_OK ? value_slice(run, node->line, value, bounds) : (struct value){0};
}

static struct value filter(struct run *run, const struct node *node) {
    struct arguments arguments;
    struct value value = run_evaluate(run, node->a);
    evaluate_arguments(run, node->b, &arguments);
    if (run->status != GEN_OK) {
        return value;
    }
    if (node->kind == NODE_FILTER) {
        return run_filter(run, node->line, node->name, value, &arguments);
    }
    return value_bool(run_test(run, node->line, node->name, value, &arguments) != node->negated);
}

static struct value choose(struct run *run, const struct node *node) {
    bool first = value_truth(run_evaluate(run, node->b));
    const struct node *chosen = first ? node->a : node->c;
    return chosen != NULL && run->status == GEN_OK ? run_evaluate(run, chosen) : (struct value){0};
}

static struct value negative(struct run *run, const struct node *node) {
    struct value value = run_evaluate(run, node->a);
    if (run->status == GEN_OK && value.type != VALUE_INT) {
        run_fail(run, node->line, "the sign - before %s", value_type_name(value));
    }
    return value.type == VALUE_INT ? value_int(-value.as.number) : value;
}

static struct value evaluate(struct run *run, const struct node *node) {
    struct value value;
    switch (node->kind) {
    case NODE_VALUE:
        return node->value;
    case NODE_NAME:
        return find(run, node);
    case NODE_LIST:
        return make_list(run, node);
    case NODE_DICT:
        return make_dict(run, node);
    case NODE_MEMBER:
        value = run_evaluate(run, node->a);
        return run->status == GEN_OK ? value_member(run, node->line, value, node->name) : value;
    case NODE_INDEX: {
        value = run_evaluate(run, node->a);
        struct value index = run_evaluate(run, node->b);
        return run->status == GEN_OK ? value_index(run, node->line, value, index) : value;
    }
    case NODE_SLICE:
        return slice(run, node);
    case NODE_CALL:
        return call(run, node);
    case NODE_FILTER:
    case NODE_TEST:
        return filter(run, node);
    case NODE_NOT:
        return value_bool(!value_truth(run_evaluate(run, node->a)));
    case NODE_NEGATIVE:
        return negative(run, node);
    case NODE_AND:
    case NODE_OR:
        value = run_evaluate(run, node->a);
        return run->status == GEN_OK && value_truth(value) == (node->kind == NODE_AND)
                   ? run_evaluate(run, node->b)
                   : value;
    case NODE_CHOICE:
        return choose(run, node);
    case NODE_COMPARE:
        return compare_chain(run, node);
    case NODE_BINARY:
        return binary(run, node);
    default: /* statements are no expressions */
        return (struct value){0};
    }
}

struct value run_evaluate(struct run *run, const struct node *node) {
    struct value value = {0};
    if (!run_work(run, node->line, 1)) {
        return value;
    }
    if (++run->depth > MAX_DEPTH) {
        run_fail(run, node->line, "more than %d levels within each other", MAX_DEPTH);
    } else {
        value = evaluate(run, node);
    }
    run->depth--;
    return value;
}
