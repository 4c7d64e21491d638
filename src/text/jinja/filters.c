/**
 * filters.c - the filters and tests of Jinja, and the functions that transformers adds, by name.
 * What texts and dicts have as methods is in methods.c.
 */
#include <string.h>

#include "base/size.h"
#include "text/jinja/parts.h"

static void unknown(struct run *run, unsigned line, const char *what, struct span name) {
    struct error_quoted quoted;
    run_fail(run, line, "the %s \"%s\" is not supported", what,
             error_quote(&quoted, name.text, name.n));
}

static struct value no_value(void) {
    return (struct value){0};
}

/* ---- filters ---------------------------------------------------------------------------------*/

static struct value filter_length(struct run *run, unsigned line, struct value value) {
    size_t n = value.type == VALUE_STRING ? value.as.string.n : 1;
    int64_t length = run_work(run, line, n) ? value_length(value) : 0;
    if (length < 0) {
        run_fail(run, line, "the length of %s", value_type_name(value));
    }
    return value_int(length);
}

static struct value filter_default(struct value value, const struct arguments *arguments) {
    const struct value *other = argument(arguments, 0, "default_value");
    const struct value *falsy = argument(arguments, 1, "boolean");
    bool missing = value.type == VALUE_UNDEFINED ||
                   (falsy != NULL && value_truth(*falsy) && !value_truth(value));
    return !missing ? value : other != NULL ? *other : value_string("", 0);
}

static struct value filter_end(struct run *run, unsigned line, struct value value, bool last) {
    const struct list *items = value_items(run, line, value);
    return items == NULL || items->n == 0 ? no_value() : items->items[last ? items->n - 1 : 0];
}

/* A new list, backwards where that is asked for. */
static struct value filter_list(struct run *run, unsigned line, struct value value, bool back) {
    const struct list *items = value_items(run, line, value);
    struct value result = value_list(run, line);
    for (size_t i = 0; run->status == GEN_OK && items != NULL && i < items->n; i++) {
        list_append(run, line, result.as.list, items->items[back ? items->n - 1 - i : i]);
    }
    return result;
}

/* map(attribute="name"), or the name of a filter. */
static struct value filter_map(struct run *run, unsigned line, struct value value,
                               const struct arguments *arguments) {
    const struct value *member = argument(arguments, SIZE_MAX, "attribute");
    const struct value *name = member != NULL ? member : argument(arguments, 0, "");
    const struct list *items = value_items(run, line, value);
    struct value result = value_list(run, line);
    const struct arguments none = {0};
    if (name == NULL || name->type != VALUE_STRING) {
        run_fail(run, line, "map must name an attribute or a filter");
        return result;
    }
    for (size_t i = 0; run->status == GEN_OK && items != NULL && i < items->n; i++) {
        struct value item = items->items[i];
        list_append(run, line, result.as.list,
                    member != NULL ? value_member(run, line, item, name->as.string)
                                   : run_filter(run, line, name->as.string, item, &none));
    }
    return result;
}

/* selectattr("name", "test", argument) and its three relatives. */
static struct value filter_select(struct run *run, unsigned line, struct span filter,
                                  struct value value, const struct arguments *arguments) {
    bool of_member = filter.n > 6, rejects = filter.text[0] == 'r';
    size_t first = of_member ? 1 : 0;
    const struct value *member = argument(arguments, 0, "");
    const struct value *test = argument(arguments, first, "");
    const struct value *with = argument(arguments, first + 1, "");
    const struct list *items = value_items(run, line, value);
    struct value result = value_list(run, line);
    struct arguments rest = {0};
    if (with != NULL) {
        rest.values[rest.n++] = *with;
    }
    if ((of_member && (member == NULL || member->type != VALUE_STRING)) ||
        (test != NULL && test->type != VALUE_STRING)) {
        run_fail(run, line, "%.*s must name what it looks at", (int)filter.n, filter.text);
        return result;
    }
    for (size_t i = 0; run->status == GEN_OK && items != NULL && i < items->n; i++) {
        struct value item = of_member ? value_member(run, line, items->items[i], member->as.string)
                                      : items->items[i];
        bool chosen =
            test != NULL ? run_test(run, line, test->as.string, item, &rest) : value_truth(item);
        if (run->status == GEN_OK && chosen != rejects) {
            list_append(run, line, result.as.list, items->items[i]);
        }
    }
    return result;
}

static struct value filter_int(struct run *run, unsigned line, struct value value) {
    int64_t number = 0;
    if (value.type == VALUE_INT || value.type == VALUE_BOOL) {
        return value_int(value.type == VALUE_INT ? value.as.number : value.as.truth);
    }
    struct span text = value.type == VALUE_STRING ? text_strip(value.as.string, NULL, true, true)
                                                  : (struct span){"", 0};
    bool minus = text.n > 0 && text.text[0] == '-';
    if (text.n > 18) {
        run_fail(run, line, "a number of more than 18 digits");
    }
    for (size_t i = minus; i < text.n && run->status == GEN_OK; i++) {
        if (text.text[i] < '0' || text.text[i] > '9') {
            return value_int(0);
        }
        number = number * 10 + (text.text[i] - '0');
    }
    return value_int(minus ? -number : number);
}

/* These are methods of texts, too. */
static bool is_text_filter(struct span name) {
    static const char *const names[] = {"upper", "lower", "capitalize", "title", "replace"};
    for (size_t i = 0; i < N_OF(names); i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

struct value run_filter(struct run *run, unsigned line, struct span name, struct value value,
                        const struct arguments *arguments) {
    if (span_is(name, "trim") || is_text_filter(name)) {
        struct span text = value_text(run, line, value);
        bool trims = span_is(name, "trim");
        return run_method(run, line, trims ? (struct span){"strip", 5} : name,
                          value_string(text.text, text.n), arguments);
    }
    if (span_is(name, "length") || span_is(name, "count")) {
        return filter_length(run, line, value);
    }
    if (span_is(name, "default") || span_is(name, "d")) {
        return filter_default(value, arguments);
    }
    if (span_is(name, "join")) {
        const struct value *sign = argument(arguments, 0, "d");
        return run_join(run, line, value,
                        sign != NULL ? value_text(run, line, *sign) : (struct span){"", 0});
    }
    if (span_is(name, "first") || span_is(name, "last")) {
        return filter_end(run, line, value, name.text[0] == 'l');
    }
    if (span_is(name, "list") || span_is(name, "reverse")) {
        return filter_list(run, line, value, name.text[0] == 'r');
    }
    if (span_is(name, "map")) {
        return filter_map(run, line, value, arguments);
    }
    if (span_is(name, "select") || span_is(name, "selectattr") || span_is(name, "reject") ||
        span_is(name, "rejectattr")) {
        return filter_select(run, line, name, value, arguments);
    }
    if (span_is(name, "string") || span_is(name, "safe")) {
        struct span text = value_text(run, line, value);
        return value_string(text.text, text.n);
    }
    if (span_is(name, "int")) {
        return filter_int(run, line, value);
    }
    if (span_is(name, "items")) {
        return run_method(run, line, name, value, arguments);
    }
    unknown(run, line, "filter", name);
    return no_value();
}

/* ---- tests -----------------------------------------------------------------------------------*/

static bool test_with(struct run *run, unsigned line, struct span name, struct value value,
                      const struct arguments *arguments) {
    static const char *const equal[] = {"equalto", "eq", "=="}, *const unequal[] = {"ne", "!="};
    const struct value *other = argument(arguments, 0, "other");
    struct value with = other != NULL ? *other : no_value();
    for (size_t i = 0; i < 3; i++) {
        if (span_is(name, equal[i])) {
            return value_equal(run, line, value, with);
        }
        if (i < 2 && span_is(name, unequal[i])) {
            return !value_equal(run, line, value, with);
        }
    }
    if (span_is(name, "in")) {
        return value_in(run, line, value, with);
    }
    if (span_is(name, "divisibleby") && value.type == VALUE_INT && with.type == VALUE_INT &&
        with.as.number != 0) {
        return value.as.number % with.as.number == 0;
    }
    unknown(run, line, "test", name);
    return false;
}

bool run_test(struct run *run, unsigned line, struct span name, struct value value,
              const struct arguments *arguments) {
    enum value_type type = value.type;
    bool whole = type == VALUE_INT;
    const struct {
        const char *name;
        bool holds;
    } tests[] = {
        {"defined", type != VALUE_UNDEFINED},
        {"undefined", type == VALUE_UNDEFINED},
        {"none", type == VALUE_NONE},
        {"boolean", type == VALUE_BOOL},
        {"true", type == VALUE_BOOL && value.as.truth},
        {"false", type == VALUE_BOOL && !value.as.truth},
        {"string", type == VALUE_STRING},
        {"number", whole || type == VALUE_BOOL},
        {"integer", whole},
        {"float", false},
        {"mapping", type == VALUE_DICT && !value.as.dict->is_namespace},
        {"sequence", type == VALUE_LIST || type == VALUE_STRING || type == VALUE_DICT},
        {"iterable", type == VALUE_LIST || type == VALUE_STRING || type == VALUE_DICT ||
                         type == VALUE_UNDEFINED},
        {"callable", type == VALUE_MACRO},
        {"odd", whole && value.as.number % 2 != 0},
        {"even", whole && value.as.number % 2 == 0},
    };
    for (size_t i = 0; i < N_OF(tests); i++) {
        if (span_is(name, tests[i].name)) {
            return tests[i].holds;
        }
    }
    return test_with(run, line, name, value, arguments);
}

/* ---- functions -------------------------------------------------------------------------------*/

static struct value make_range(struct run *run, unsigned line, const struct arguments *arguments) {
    int64_t bounds[3] = {0, 0, 1};
    for (size_t i = 0; i < arguments->n; i++) {
        if (i >= 3 || arguments->values[i].type != VALUE_INT || arguments->names[i].n > 0) {
            run_fail(run, line, "range takes one to three numbers");
            return no_value();
        }
        bounds[arguments->n == 1 ? 1 : i] = arguments->values[i].as.number;
    }
    struct value value = value_list(run, line);
    if (bounds[2] == 0 || arguments->n == 0) {
        run_fail(run, line, "range takes one to three numbers, the third not 0");
    }
    for (int64_t at = bounds[0];
         run->status == GEN_OK && (bounds[2] > 0 ? at < bounds[1] : at > bounds[1]);
         at += bounds[2]) {
        list_append(run, line, value.as.list, value_int(at));
    }
    return value;
}

static struct value make_dict(struct run *run, unsigned line, const struct arguments *arguments,
                              bool is_namespace) {
    struct value value = value_dict(run, line);
    for (size_t i = 0; i < arguments->n && run->status == GEN_OK; i++) {
        if (arguments->names[i].n == 0) {
            run_fail(run, line, "a %s takes arguments with names",
                     is_namespace ? "namespace" : "dict");
        } else {
            dict_set(run, line, value.as.dict, arguments->names[i], arguments->values[i]);
        }
    }
    if (run->status == GEN_OK) {
        value.as.dict->is_namespace = is_namespace;
    }
    return value;
}

static void raise_exception(struct run *run, unsigned line, const struct arguments *arguments) {
    struct error_quoted quoted;
    struct span text = {"", 0};
    if (arguments->n > 0 && arguments->values[0].type == VALUE_STRING) {
        text = arguments->values[0].as.string;
    }
    run->raised = run->status == GEN_OK;
    run_fail(run, line, "refuses the conversation: %s", error_quote(&quoted, text.text, text.n));
}

struct value run_function(struct run *run, unsigned line, struct span name,
                          const struct arguments *arguments) {
    if (span_is(name, "range")) {
        return make_range(run, line, arguments);
    }
    if (span_is(name, "namespace") || span_is(name, "dict")) {
        return make_dict(run, line, arguments, name.text[0] == 'n');
    }
    if (span_is(name, "raise_exception")) {
        raise_exception(run, line, arguments);
    } else {
        unknown(run, line, "function", name);
    }
    return no_value();
}
