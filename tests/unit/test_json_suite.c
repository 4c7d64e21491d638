/**
 * test_json_suite.c - the JSON Schema Test Suite ($GEN_SHARED/suites/json-schema; MIT): of each
 * schema that is not refused by name every valid instance is allowed and no invalid one. Says for
 * each file how many tests pass and how many are of refused schemas.
 *
 * Instances are written compactly; members of objects in every order, as a schema allows one of
 * them.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "constrain/json/text.h"
#include "constraint_fixture.h"
#include "text/json.h"
#include "tokenizer_files.h"

/* Most orders of the members of an instance that are tried. */
#define MOST_ORDERS 3000

struct tally {
    size_t n, passed, refused, wrong;
};

/* Those that speak of one instance's shape, not of what schemas are called or where they are. */
static const char *const shapes[] = {
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "boolean_schema",
    "const",
    "contains",
    "defs",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if-then-else",
    "infinite-loop-detection",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "ref",
    "required",
    "type",
    "uniqueItems",
};

static bool is_shape(const char *file) {
    for (size_t i = 0; i < N_OF(shapes); i++) {
        size_t n = strlen(shapes[i]);
        if (strncmp(file, shapes[i], n) == 0 && strcmp(file + n, ".json") == 0) {
            return true;
        }
    }
    return false;
}

static void append(struct gen_bytes *text, const char *more) {
    assert_int_equal(gen_bytes_append(text, more, strlen(more)), GEN_OK);
}

/* A value as compact JSON, numbers without exponents. */
static void write_value(struct gen_bytes *text, const cJSON *value) {
    if (cJSON_IsNumber(value)) {
        char digits[80];
        json_decimal_print(digits, sizeof digits, value->valuedouble);
        append(text, digits);
        return;
    }
    if (!cJSON_IsArray(value) && !cJSON_IsObject(value)) {
        char *scalar = cJSON_PrintUnformatted(value);
        append(text, scalar);
        free(scalar);
        return;
    }
    append(text, cJSON_IsArray(value) ? "[" : "{");
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        append(text, item != value->child ? "," : "");
        if (cJSON_IsObject(value)) {
            cJSON *name = cJSON_CreateString(item->string);
            write_value(text, name);
            append(text, ":");
            cJSON_Delete(name);
        }
        write_value(text, item);
    }
    append(text, cJSON_IsArray(value) ? "]" : "}");
}

static bool allows(struct gen_constraint *constraint, const cJSON *value, bool tokens) {
    struct gen_bytes written = {0};
    write_value(&written, value);
    const char *text = written.data;
    size_t n = written.n;
    bool allowed;
    if (tokens) {
        allowed = constraint_fixture_allows(constraint, text, n);
    } else {
        struct gen_matcher *matcher = NULL;
        assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
        allowed = gen_matcher_accept_bytes(matcher, text, n, NULL) == GEN_OK &&
                  gen_matcher_may_end(matcher);
        gen_matcher_free(matcher);
    }
    gen_bytes_release(&written);
    return allowed;
}

/* The objects with several members in a value. */
static size_t find_objects(cJSON *value, cJSON **objects, size_t n, size_t most) {
    if (cJSON_IsObject(value) && value->child != NULL && value->child->next != NULL && n < most) {
        objects[n++] = value;
    }
    for (cJSON *item = cJSON_IsObject(value) || cJSON_IsArray(value) ? value->child : NULL;
         item != NULL; item = item->next) {
        n = find_objects(item, objects, n, most);
    }
    return n;
}

/* Put the members of an object into the order of `items`. */
static void relink(cJSON *object, cJSON **items, int n) {
    object->child = items[0];
    for (int i = 0; i < n; i++) {
        items[i]->next = i + 1 < n ? items[i + 1] : NULL;
        items[i]->prev = i > 0 ? items[i - 1] : items[n - 1];
    }
}

static bool some_order(struct gen_constraint *constraint, cJSON *value, cJSON **objects, size_t n,
                       size_t *left);

/* All orders of the members from `at` on. */
static bool some_order_from(struct gen_constraint *constraint, cJSON *value, cJSON **objects,
                            size_t n, cJSON **items, int n_items, int at, size_t *left) {
    if (at + 1 >= n_items) {
        relink(objects[0], items, n_items);
        return some_order(constraint, value, objects + 1, n - 1, left);
    }
    for (int i = at; i < n_items; i++) {
        cJSON *swap = items[at];
        items[at] = items[i];
        items[i] = swap;
        if (some_order_from(constraint, value, objects, n, items, n_items, at + 1, left)) {
            return true;
        }
        items[i] = items[at];
        items[at] = swap;
    }
    return false;
}

/* Whether some order of the members of these objects is allowed. */
static bool some_order(struct gen_constraint *constraint, cJSON *value, cJSON **objects, size_t n,
                       size_t *left) {
    if (n == 0) {
        return *left > 0 && ((*left)--, allows(constraint, value, *left == MOST_ORDERS - 1));
    }
    cJSON *items[32] = {NULL};
    int n_items = 0;
    for (cJSON *item = objects[0]->child; item != NULL && n_items < 32; item = item->next) {
        items[n_items++] = item;
    }
    return some_order_from(constraint, value, objects, n, items, n_items, 0, left);
}

static bool is_allowed(struct gen_constraint *constraint, const cJSON *data) {
    cJSON *copy = cJSON_Duplicate(data, true), *objects[16];
    size_t n = find_objects(copy, objects, 0, N_OF(objects)), left = MOST_ORDERS;
    bool allowed = some_order(constraint, copy, objects, n, &left);
    cJSON_Delete(copy);
    return allowed;
}

static void run_group(const cJSON *group, const char *where, const char *draft,
                      struct tally *tally) {
    cJSON *schema = cJSON_Duplicate(json_member(group, "schema"), true);
    if (cJSON_IsObject(schema) && json_member(schema, "$schema") == NULL) {
        cJSON_AddStringToObject(schema, "$schema", draft);
    }
    struct gen_bytes text = {0};
    write_value(&text, schema);
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    enum gen_status status = gen_constraint_new_json_schema(
        &constraint, constraint_fixture_pieces(), "schema", text.data, text.n, &err);
    bool is_empty = status != GEN_OK && strstr(err.message, "allows no text") != NULL;
    const cJSON *tests = json_member(group, "tests");
    for (const cJSON *test = tests->child; test != NULL; test = test->next) {
        bool valid = cJSON_IsTrue(json_member(test, "valid"));
        tally->n++;
        if (status != GEN_OK && !is_empty) {
            tally->refused++;
            continue;
        }
        bool allowed = !is_empty && is_allowed(constraint, json_member(test, "data"));
        if (allowed == valid) {
            tally->passed++;
        } else {
            tally->wrong++;
            print_message("%s: %s: %s: %s\n", where, json_member(group, "description")->valuestring,
                          json_member(test, "description")->valuestring,
                          allowed ? "allowed, but invalid" : "valid, but not allowed");
        }
    }
    if (status != GEN_OK && !is_empty && getenv("GEN_SUITE_VERBOSE") != NULL) {
        print_message("%s: %s: %s\n", where, json_member(group, "description")->valuestring,
                      err.message);
    }
    gen_constraint_free(constraint);
    cJSON_Delete(schema);
    gen_bytes_release(&text);
}

static void run_file(const char *directory, const char *name, const char *draft,
                     struct tally *tally) {
    char path[4400];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    char *text = tokenizer_files_read(path, &n);
    cJSON *groups = cJSON_Parse(text);
    assert_non_null(groups);
    for (const cJSON *group = groups->child; group != NULL; group = group->next) {
        run_group(group, name, draft, tally);
    }
    cJSON_Delete(groups);
    free(text);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_draft(const char *name, const char *draft) {
    char shared[4096], directory[4300];
    if (tokenizer_files_shared(shared, "suites/json-schema") == NULL) {
        skip();
    }
    snprintf(directory, sizeof directory, "%s/tests/%s", shared, name);
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    char *files[200];
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strstr(entry->d_name, ".json") != NULL && n < N_OF(files)) {
            files[n++] = strdup(entry->d_name);
        }
    }
    closedir(entries);
    qsort(files, n, sizeof *files, by_name);
    struct tally all = {0}, of_shapes = {0};
    for (size_t i = 0; i < n; i++) {
        struct tally tally = {0};
        run_file(directory, files[i], draft, &tally);
        print_message("%-12s %-30s %3zu tests, %3zu pass, %3zu of refused schemas, %zu wrong\n",
                      name, files[i], tally.n, tally.passed, tally.refused, tally.wrong);
        struct tally *sums[] = {&all, is_shape(files[i]) ? &of_shapes : NULL};
        for (size_t k = 0; k < 2 && sums[k] != NULL; k++) {
            sums[k]->n += tally.n;
            sums[k]->passed += tally.passed;
            sums[k]->wrong += tally.wrong;
        }
        free(files[i]);
    }
    print_message("%s: %zu of %zu pass, of those that speak of an instance's shape %zu of %zu, "
                  "%.1f %%\n",
                  name, all.passed, all.n, of_shapes.passed, of_shapes.n,
                  100.0 * (double)of_shapes.passed / (double)of_shapes.n);
    assert_int_equal(of_shapes.wrong, 0);
    assert_true(of_shapes.passed * 100 >= of_shapes.n * 85);
}

static void test_2020_12(void **state) {
    (void)state;
    run_draft("draft2020-12", "https://json-schema.org/draft/2020-12/schema");
}

static void test_draft_7(void **state) {
    (void)state;
    run_draft("draft7", "http://json-schema.org/draft-07/schema#");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_2020_12),
                                       cmocka_unit_test(test_draft_7)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
