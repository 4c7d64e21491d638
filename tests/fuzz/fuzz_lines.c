/**
 * fuzz_lines.c - libFuzzer entry: the first byte chooses what the others are: pairs to learn, a
 * corpus of JSON lines, a corpus of text, prompts as JSON lines, as plain lines, as one text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/generate/generate_input.h"
#include "cmd/generate/generate_options.h"
#include "data/corpus.h"
#include "data/pairs.h"
#include "fuzz.h"

enum { N_VOCAB = 512, MAX_POSITIONS = 64 };

static struct gen_model *model;
static const struct gen_tokenizer *tokenizer;
static struct thread_pool *pool;
static struct pair_template pair, each;

static void prepare(void) {
    struct gen_error err;
    pool = thread_pool_new(1);
    if (pool == NULL || gen_model_open(&model, FUZZ_MODEL, NULL, &err) != GEN_OK ||
        pair_template_init(&pair, "{prompt}{completion}", "prompt", "completion", &err) != GEN_OK ||
        pair_template_init(&each, "{role}: {content}\\n", "role", "content", &err) != GEN_OK) {
        abort();
    }
    tokenizer = gen_model_tokenizer(model);
}

static bool go_on(void *context, uint64_t done, uint64_t total) {
    (void)context;
    (void)done;
    (void)total;
    return true;
}

static void read_pairs(const char *path) {
    struct pairs pairs = {0};
    struct file_map map;
    struct gen_error err;
    struct pairs_reader reader = {.tokenizer = tokenizer,
                                  .pair = &pair,
                                  .message = &each,
                                  .max_positions = MAX_POSITIONS,
                                  .progress = go_on};
    if (file_map_open(&map, path, &err) != GEN_OK) {
        abort();
    }
    if (pairs_read(&pairs, &reader, &map, path, &err) == GEN_OK) {
        for (size_t i = 0; i < pairs.n; i++) {
            int32_t ids[MAX_POSITIONS], targets[MAX_POSITIONS];
            if (pairs.all[i].n < 2 || pair_positions(&pairs.all[i]) > MAX_POSITIONS) {
                abort();
            }
            pairs_get(ids, targets, &pairs, i);
        }
    } else {
        fuzz_check_error(&err);
    }
    pairs_release(&pairs);
    file_map_close(&map);
}

static enum gen_status take(void *context, const int32_t *ids, size_t n, struct gen_error *err) {
    (void)context;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= N_VOCAB) {
            abort();
        }
    }
    return GEN_OK;
}

static enum gen_status progress(void *context, uint64_t done, struct gen_error *err) {
    (void)context;
    (void)done;
    (void)err;
    return GEN_OK;
}

static void read_corpus(const char *path) {
    struct corpus corpus;
    struct gen_error err;
    const struct corpus_sink sink = {NULL, take, progress};
    if (corpus_open(&corpus, &path, 1, "text", &err) != GEN_OK ||
        corpus_tokenize(&corpus, tokenizer, pool, &sink, &err) != GEN_OK) {
        fuzz_check_error(&err);
    }
    corpus_release(&corpus);
}

static void read_prompts(const char *path, bool jsonl, bool lines) {
    struct generate_settings settings;
    struct options_parsed parsed = {0};
    struct generate_input input = {0};
    struct gen_error err;
    struct gen_prompt prompt;
    generate_set_defaults(&settings);
    settings.file = path;
    settings.jsonl = jsonl;
    settings.lines = lines;
    bool given[sizeof(int) * 64] = {false};
    parsed.given = given;
    if (generate_input_init(&input, &settings, &parsed, model, &err) != GEN_OK) {
        fuzz_check_error(&err);
    } else {
        while (generate_input_ready(&input), generate_input_next(&input, &prompt)) {
            if (prompt.error != NULL) {
                fuzz_check_error(prompt.error);
            } else {
                take(NULL, prompt.ids, prompt.n_ids, NULL);
            }
        }
    }
    generate_input_release(&input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"p.jsonl", "c.jsonl", "c.txt", "g.jsonl", "g.txt", "g.txt"};
    if (tokenizer == NULL) {
        prepare();
    }
    if (size < 2) {
        return 0;
    }
    unsigned chosen = data[0] % 6;
    const char *path = fuzz_write(names[chosen], data + 1, size - 1);
    if (chosen == 0) {
        read_pairs(path);
    } else if (chosen < 3) {
        read_corpus(path);
    } else {
        read_prompts(path, chosen == 3, chosen == 4);
    }
    return 0;
}
