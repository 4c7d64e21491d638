/**
 * golden_texts.c - the cases of texts that other programs made: their JSON, and the models that
 * they are of.
 */
#include "golden_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generate_job.h"
#include "tokenizer_files.h"

cJSON *golden_texts_read(const char *path) {
    size_t n;
    char *text = tokenizer_files_read(path, &n);
    cJSON *root = cJSON_ParseWithLength(text, n);
    assert_non_null(root);
    free(text);
    return root;
}

double golden_texts_number(const cJSON *settings, const char *name, double otherwise) {
    const cJSON *member = cJSON_GetObjectItem(settings, name);
    return cJSON_IsNumber(member) ? member->valuedouble : otherwise;
}

size_t golden_texts_ids(int32_t *ids, const cJSON *list) {
    size_t n = 0;
    const cJSON *id = NULL;
    if (cJSON_IsNumber(list)) {
        ids[n++] = list->valueint;
    }
    cJSON_ArrayForEach(id, list) {
        assert_true(n < GOLDEN_TEXTS_IDS);
        ids[n++] = id->valueint;
    }
    return n;
}

void golden_texts_each(const cJSON *root, golden_texts_check *check, void *context) {
    struct gen_model *model = NULL;
    char name[80] = "";
    size_t n = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "cases")) {
        char path[80];
        snprintf(path, sizeof path, "tests/golden/models/%s",
                 cJSON_GetObjectItem(item, "model")->valuestring);
        if (strcmp(path, name) != 0) {
            gen_model_free(model);
            model = generate_job_model(path);
            memcpy(name, path, sizeof name);
        }
        check(model, item, context);
        n++;
    }
    assert_true(n >= 300);
    gen_model_free(model);
}
