/**
 * chat_rules.c - what the engine is asked for, made of the settings: stop texts of the user and of
 * the template, biases, words that must not come. Made anew whenever /set changed something.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cmd/chat/chat_options.h"

static bool no_prompt(void *context, struct gen_prompt *prompt) {
    (void)context;
    (void)prompt;
    return false;
}

/* Whether the engine takes the options, which it says of a run without prompts. */
static enum gen_status check(struct gen_engine *engine, const struct gen_generate_options *options,
                             struct gen_error *err) {
    struct gen_source source = {.next = no_prompt};
    struct gen_sink sink = {0};
    return gen_engine_run(engine, options, &source, &sink, NULL, err);
}

enum gen_status chat_rules_make(struct chat_rules *rules, const struct chat_settings *settings,
                                const struct gen_model *model,
                                const struct gen_chat_template *chat_template,
                                struct gen_engine *engine, struct gen_error *err) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    struct chat_rules made = {.words = rules->words};
    struct generate_settings now = settings->generate;
    enum gen_status status = GEN_OK;
    if (now.bad_words != NULL && rules->words.bad_words.n == 0) {
        struct generate_settings words = {.options.num_beams = 1, .bad_words = now.bad_words};
        status = generate_rules_init(&rules->words, &words, tokenizer, err);
        made.words = rules->words;
    }
    /* Of its own, as escapes are resolved in place. */
    size_t n_own = now.stop.n, n_stops = n_own + gen_chat_n_stops(chat_template);
    made.stops = alloc_new(n_stops + 1, sizeof *made.stops);
    if (n_own > 0) {
        memcpy(made.stops, now.stop.data, n_own * sizeof *made.stops);
    }
    now.stop = (struct option_list){.data = made.stops, .n = n_own};
    now.bad_words = NULL;
    if (status == GEN_OK) {
        status = generate_rules_init(&made.others, &now, tokenizer, err);
    }
    for (size_t i = n_own; i < n_stops; i++) {
        made.stops[i] = gen_chat_stop(chat_template, i - n_own);
    }
    made.options = now.options;
    made.options.sampling.bad_texts = made.words.bad_words.bad;
    made.options.stop = made.stops;
    made.options.n_stop = n_stops;
    made.options.stop_at_sentence = now.stop_at == GENERATE_STOP_AT_SENTENCE;
    if (now.greedy) {
        made.options.sampling.temperature = 0;
    }
    if (status == GEN_OK) {
        status = check(engine, &made.options, err);
    }
    struct chat_rules *old = status == GEN_OK ? rules : &made;
    generate_rules_release(&old->others);
    free(old->stops);
    if (status == GEN_OK) {
        *rules = made;
    }
    return status;
}

void chat_rules_release(struct chat_rules *rules) {
    generate_rules_release(&rules->words);
    generate_rules_release(&rules->others);
    free(rules->stops);
    *rules = (struct chat_rules){0};
}
