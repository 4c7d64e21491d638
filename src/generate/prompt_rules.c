/**
 * prompt_rules.c - the options of one prompt, copied, checked and counted by users. What rules say
 * is sequence.c's; who uses them, answers.c's.
 */
#include "generate/prompt_rules.h"

#include "base/error.h"
#include "base/memory.h"
#include "generate/forced_words.h"

enum gen_status prompt_rules_new(struct prompt_rules **out, const struct gen_model *model,
                                 const struct gen_generate_options *options, int32_t n_ctx,
                                 struct gen_error *err) {
    *out = NULL;
    struct prompt_rules *own = memory_new(1, sizeof *own);
    if (own == NULL) {
        return error_no_memory(err, "the options of a prompt");
    }
    own->n_users = 1;
    own->options = *options;
    enum gen_status status = GEN_OK;
    own->force_words = forced_words_copy(options->force_words, options->n_force_words);
    if ((own->force_words == NULL && options->force_words != NULL && options->n_force_words > 0) ||
        !sampling_copy_init(&own->sampling, &options->sampling) ||
        gen_ids_append(&own->eos, options->eos, options->n_eos) != GEN_OK ||
        gen_ids_append(&own->negative, options->negative_prompt.data, options->negative_prompt.n) !=
            GEN_OK ||
        !sampling_copy_lists(&own->choices, &own->n_choices, options->choices,
                             options->choices != NULL ? options->n_choices : 0)) {
        status = error_no_memory(err, "the options of a prompt");
    } else {
        own->options.sampling = own->sampling.options;
        own->options.eos = own->eos.data;
        own->options.force_words = own->force_words;
        own->options.negative_prompt = own->negative;
        own->options.choices = options->choices != NULL ? own->choices : NULL;
        status = sequence_rules_init(&own->rules, model, &own->options, n_ctx, err);
    }
    if (status != GEN_OK) {
        prompt_rules_drop(own);
        return status;
    }
    /* The stop strings have been copied. */
    own->options.stop = NULL;
    own->options.n_stop = 0;
    own->rules.is_prompts_own = true;
    *out = own;
    return GEN_OK;
}

struct prompt_rules *prompt_rules_use(struct prompt_rules *rules) {
    if (rules != NULL) {
        rules->n_users++;
    }
    return rules;
}

void prompt_rules_drop(struct prompt_rules *rules) {
    if (rules == NULL || --rules->n_users > 0) {
        return;
    }
    sequence_rules_release(&rules->rules);
    sampling_copy_release(&rules->sampling);
    gen_ids_release(&rules->eos);
    forced_words_release(rules->force_words, rules->options.n_force_words);
    gen_ids_release(&rules->negative);
    sampling_free_lists(rules->choices, rules->n_choices);
    memory_free(rules);
}
