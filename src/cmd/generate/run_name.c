/**
 * run_name.c - three short hashes (FNV-1a, 24 bits each are kept) that name a run. They tell honest
 * runs apart; they protect from nobody.
 */
#include "cmd/generate/run_name.h"

#include <stdio.h>
#include <string.h>

#include "base/field.h"
#include "base/size.h"

static void add(uint64_t *hash, const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        *hash = (*hash ^ at[i]) * 0x100000001b3u;
    }
}

static void add_number(uint64_t *hash, uint64_t number) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(number >> 8 * i);
    }
    add(hash, bytes, sizeof bytes);
}

static void add_text(uint64_t *hash, const char *text) {
    add(hash, text, strlen(text) + 1);
}

static uint64_t start(void) {
    return 0xcbf29ce484222325u;
}

/* ---- the model -------------------------------------------------------------------------------*/

static void add_tokens(uint64_t *hash, const struct gen_tokenizer *tokenizer) {
    int32_t n_vocab = tokenizer != NULL ? gen_tokenizer_n_vocab(tokenizer) : 0;
    for (int32_t id = 0; id < n_vocab; id++) {
        size_t n;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        add_number(hash, n);
        add(hash, piece, n);
    }
}

/* The logits after a few ids: all weights but those of other tokens have a part in them. */
static enum gen_status add_logits(uint64_t *hash, const struct gen_model *model, int n_threads,
                                  const char *kernels, struct gen_error *err) {
    const struct gen_config *config = gen_model_config(model);
    struct gen_session_options options = gen_session_options_default();
    struct gen_session *session;
    options.n_threads = n_threads;
    options.kernels = kernels;
    options.n_ctx = config->n_ctx < 3 ? config->n_ctx : 3;
    enum gen_status status = gen_session_new(&session, model, &options, err);
    if (status != GEN_OK) {
        return status;
    }
    const struct gen_row rows[3] = {
        {0, 0, true}, {config->n_vocab / 3, 0, true}, {config->n_vocab - 1, 0, true}};
    size_t n_rows = (size_t)options.n_ctx;
    /* Where these ids have no finite logits that is what is told of the model. */
    status = gen_session_eval(session, rows, n_rows, err);
    add_number(hash, (uint64_t)status);
    for (size_t i = 0; i < n_rows && status == GEN_OK; i++) {
        const float *logits = gen_session_logits(session, i);
        add(hash, logits, (size_t)config->n_vocab * sizeof *logits);
    }
    gen_session_free(session);
    return status == GEN_BAD_FILE ? GEN_OK : status;
}

/* ---- the options -----------------------------------------------------------------------------*/

/* Whether texts depend on an option of no group of them. */
static bool changes_texts(const char *name) {
    static const char *const names[] = {"context", "lines",   "jsonl",    "csv",          "null",
                                        "special", "kv-type", "logprobs", "echo-logprobs"};
    bool found = false;
    for (size_t i = 0; i < N_OF(names); i++) {
        found = found || strcmp(names[i], name) == 0;
    }
    return found;
}

static void add_option(uint64_t *hash, const struct generate_settings *settings,
                       const struct option *option) {
    struct generate_settings copy = *settings;
    const void *value = field_at(&copy, option->offset);
    add_text(hash, option->name);
    switch (option->kind) {
    case OPTION_FLAG:
        add_number(hash, *(const bool *)value ? 1 : 0);
        break;
    case OPTION_UINT64:
        add(hash, value, sizeof(uint64_t));
        break;
    case OPTION_LIST: {
        const struct option_list *list = value;
        for (size_t i = 0; i < list->n; i++) {
            add_text(hash, list->data[i]);
        }
        break;
    }
    case OPTION_INT:
    case OPTION_FLOAT:
    case OPTION_CHOICE:
        add(hash, value, 4);
        break;
    case OPTION_STRING: {
        /* The name of a file says little; what is in it is in the rules. */
        const char *text = *(const char *const *)value;
        if (text != NULL && strcmp(option->name, "bad-words") != 0 &&
            strcmp(option->name, "force-words") != 0) {
            add_text(hash, text);
        }
        break;
    }
    default:
        break;
    }
}

static uint64_t hash_options(const struct generate_settings *settings,
                             const struct generate_rules *rules) {
    uint64_t hash = start();
    bool in_group = false;
    for (size_t i = 0; i < generate_spec.n_table; i++) {
        const struct option *option = &generate_spec.table[i];
        if (option->kind == OPTION_HEADING) {
            in_group = generate_is_group_of_texts(option->name);
        } else if ((in_group && strcmp(option->name, "seed") != 0) || changes_texts(option->name)) {
            add_option(&hash, settings, option);
        }
    }
    add(&hash, rules->template.data, rules->template.n);
    if (rules->constraint.text.n > 0) {
        add_number(&hash, rules->constraint.form);
        add(&hash, rules->constraint.text.data, rules->constraint.text.n);
    }
    for (size_t i = 0; i < rules->bad_words.n; i++) {
        add_number(&hash, rules->bad_words.lengths[i]);
        add(&hash, rules->bad_words.texts[i], rules->bad_words.lengths[i]);
    }
    for (size_t i = 0; i < rules->force_words.n; i++) {
        const struct gen_force_words *words = &rules->force_words.data[i];
        add_number(&hash, words->n_spellings);
        for (size_t j = 0; j < words->n_spellings; j++) {
            add_number(&hash, words->spellings[j].n);
            add(&hash, words->spellings[j].data, words->spellings[j].n * sizeof(int32_t));
        }
    }
    return hash;
}

/* ---- all -------------------------------------------------------------------------------------*/

#define PART 6 /* hexadecimal digits of a hash */

enum gen_status run_name_find(struct run_name *name, const struct generate_settings *settings,
                              const struct generate_rules *rules, const struct gen_model *model,
                              struct gen_error *err) {
    uint64_t hash = start(), seed = start();
    add_tokens(&hash, gen_model_tokenizer(model));
    enum gen_status status =
        add_logits(&hash, model, settings->options.n_threads, settings->options.kernels, err);
    add_number(&seed, settings->options.seed);
    uint64_t options = hash_options(settings, rules);
    snprintf(name->text, sizeof name->text, "%0*llx-%0*llx-%0*llx", PART,
             (unsigned long long)(hash >> 40), PART, (unsigned long long)(options >> 40), PART,
             (unsigned long long)(seed >> 40));
    return status;
}

const char *run_name_difference(const char *a, const char *b) {
    static const char *const parts[] = {"model", "options", "seed"};
    for (size_t i = 0; i < N_OF(parts); i++) {
        size_t at = i * (PART + 1);
        if (strlen(a) < at + PART || strlen(b) < at + PART || memcmp(a + at, b + at, PART) != 0) {
            return parts[i];
        }
    }
    return NULL;
}
