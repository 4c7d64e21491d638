/**
 * fuzz_token_cache.c - libFuzzer entry: any bytes as the cache of tokenized data, with the sizes,
 * the key and the check sum in its footer made right (the first byte says which of them). It is
 * taken only if it holds ids of the vocabulary; else the data are tokenized anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "data/dataset.h"
#include "fuzz.h"

#define FOOTER_SIZE 40

static struct gen_tokenizer *tokenizer;
static struct thread_pool *pool;
static struct corpus corpus;
static char name[sizeof "data.tokens-0123456789abcdef"];
static uint8_t footer[FOOTER_SIZE]; /* of a cache that gen has made */

static void open_dataset(struct dataset *dataset) {
    struct gen_error err;
    if (dataset_open(dataset, fuzz_path("data"), &corpus, tokenizer, pool, 0, NULL, &err) !=
        GEN_OK) {
        abort();
    }
}

static void prepare(void) {
    static const char text[] = "Once upon a time there was a king.";
    const char *paths[] = {fuzz_write("text", text, sizeof text - 1)};
    struct dataset dataset;
    struct gen_error err;
    pool = thread_pool_new(1);
    if (gen_tokenizer_open(&tokenizer, FUZZ_MODEL, &err) != GEN_OK || pool == NULL ||
        corpus_open(&corpus, paths, 1, "text", &err) != GEN_OK) {
        abort();
    }
    open_dataset(&dataset);
    snprintf(name, sizeof name, "data.tokens-%016llx", (unsigned long long)dataset.file_key);
    memcpy(footer, dataset.map.data + dataset.map.size - FOOTER_SIZE, FOOTER_SIZE);
    dataset_release(&dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct dataset dataset;
    if (tokenizer == NULL) {
        prepare();
    }
    if (size < 1 + FOOTER_SIZE) {
        return 0;
    }
    unsigned mended = *data++;
    size_t n = --size - FOOTER_SIZE;
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    if (mended & 1) { /* the number of tokens stays the input's */
        memcpy(copy + n + 16, footer + 16, FOOTER_SIZE - 16);
    }
    if (mended & 2) {
        bytes_put_u64(copy + n, n / 2);
    }
    struct digest digest = {0};
    digest_add(&digest, copy, n);
    bytes_put_u64(copy + n + 8, digest_value(&digest));
    fuzz_write(name, copy, size);
    free(copy);
    open_dataset(&dataset);
    struct token_span span = {.dataset = &dataset, .n = dataset.n};
    for (size_t i = 0; i < dataset.n; i++) {
        int32_t id;
        token_span_read(&id, &span, i, 1);
        if (id < 0 || id >= gen_tokenizer_n_vocab(tokenizer)) {
            abort();
        }
    }
    dataset_release(&dataset);
    return 0;
}
