/**
 * order.c - the order of the rules: the table of all, the one that options state by names of
 * samplers, and what Mirostat leaves of them. Who applies them is chain.c.
 */
#include "sample/order.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"

const struct processor *const processors[N_PROCESSORS] = {
    /* of all logits */
    &processor_logit_bias,
    &processor_sequence_bias,
    &processor_repetition_penalty,
    &processor_presence_frequency,
    &processor_no_repeat_ngram,
    &processor_bad_words,
    &processor_bad_texts,
    &processor_min_length,
    &processor_forced_bos,
    &processor_forced_eos,
    &processor_constraint, /* after what is forced: that must have the form, too */
    &processor_length_decay,
    &processor_suppress,
    &processor_begin_suppress,
    &processor_dry,
    &processor_top_n_sigma,
    /* of what may be drawn */
    &processor_temperature,
    &processor_dynamic_temperature,
    &processor_top_h,
    &processor_top_k,
    &processor_top_p,
    &processor_min_p,
    &processor_typical_p,
    &processor_epsilon_cutoff,
    &processor_eta_cutoff,
    &processor_xtc,
    &processor_mirostat,
    &processor_adaptive_p,
};

/* Longest name that is compared, without its `-` and `_`. */
#define MAX_NAME 20

/* Other names of samplers, as compared. */
static const char *const aliases[][2] = {{"nucleus", "topp"},
                                         {"temp", "temperature"},
                                         {"typ", "typp"},
                                         {"typical", "typp"},
                                         {"typicalp", "typp"}};

/* ---- names -----------------------------------------------------------------------------------*/

static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

/* A name as it is compared; "" for one that is too long. */
static void simplify(char plain[MAX_NAME + 1], const char *name, size_t n) {
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        if (c == '-' || c == '_') {
            continue;
        }
        if (length == MAX_NAME) {
            length = 0;
            break;
        }
        const char *capital = strchr(capitals, c);
        plain[length] = c;
        if (capital != NULL) {
            plain[length] = letters[capital - capitals];
        }
        length++;
    }
    plain[length] = '\0';
}

static bool is_named(const struct processor *processor, const char *name, size_t n) {
    char wanted[MAX_NAME + 1], own[MAX_NAME + 1];
    if (processor->sampler == NULL) {
        return false;
    }
    simplify(wanted, name, n);
    simplify(own, processor->sampler, strlen(processor->sampler));
    for (size_t i = 0; i < N_OF(aliases); i++) {
        if (strcmp(wanted, aliases[i][0]) == 0) {
            return strcmp(own, aliases[i][1]) == 0;
        }
    }
    return strcmp(wanted, own) == 0;
}

/* Number of the first rule that a name means; N_PROCESSORS: none does. */
static size_t find(const char *name, size_t n) {
    size_t i = 0;
    while (i < N_PROCESSORS && !is_named(processors[i], name, n)) {
        i++;
    }
    return i;
}

/* The name at *text, which moves on to the next one, or NULL at the end. */
static const char *next_name(const char **text, size_t *n) {
    const char *name = *text;
    *n = strcspn(name, ";");
    *text = name[*n] == ';' ? name + *n + 1 : NULL;
    return name;
}

/* ---- the order -------------------------------------------------------------------------------*/

static bool goes_with_mirostat(const struct processor *processor) {
    static const char *const names[] = {"penalties", "dry", "temperature"};
    const char *sampler = processor->sampler;
    bool stays = sampler == NULL;
    for (size_t i = 0; i < N_OF(names); i++) {
        stays = stays || (sampler != NULL && strcmp(sampler, names[i]) == 0);
    }
    return stays;
}

/* Those that the names mean; or, if `last`, those of them that come last wherever they are. */
static size_t add_named(const struct processor **order, size_t n, const char *names, bool last) {
    while (names != NULL) {
        size_t n_name;
        const char *name = next_name(&names, &n_name);
        for (size_t i = 0; i < N_PROCESSORS; i++) {
            if (is_named(processors[i], name, n_name) &&
                (processors[i] == &processor_adaptive_p) == last) {
                order[n++] = processors[i];
            }
        }
    }
    return n;
}

size_t order_of(const struct processor **order, const struct gen_sampling *options) {
    size_t n = 0;
    for (size_t i = 0; i < N_PROCESSORS; i++) {
        const struct processor *processor = processors[i];
        bool has_place = options->mirostat != 0      ? goes_with_mirostat(processor)
                         : options->samplers != NULL ? processor->sampler == NULL
                                                     : true;
        if (has_place) {
            order[n++] = processor;
        }
    }
    if (options->mirostat == 0 && options->samplers != NULL) {
        n = add_named(order, n, options->samplers, false);
        n = add_named(order, n, options->samplers, true);
    }
    return n;
}

/* ---- checking --------------------------------------------------------------------------------*/

/* "penalties, dry, ..."; rules of one name are neighbours in the table. */
static void list_names(char *text, size_t size) {
    size_t n = 0;
    const char *last = "";
    text[0] = '\0';
    for (size_t i = 0; i < N_PROCESSORS; i++) {
        const char *name = processors[i]->sampler;
        if (name != NULL && strcmp(name, last) != 0 && n < size) {
            last = name;
            int more = snprintf(text + n, size - n, "%s%s", n > 0 ? ", " : "", name);
            n += more > 0 ? (size_t)more : 0;
        }
    }
}

enum gen_status order_check(const struct gen_sampling *options, struct gen_error *err) {
    bool is_there[N_PROCESSORS] = {false};
    const char *names = options->samplers;
    if (names != NULL && options->mirostat != 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "samplers states an order, but mirostat takes the place of what it names "
                         "(leave one out)");
    }
    while (names != NULL) {
        size_t n;
        const char *name = next_name(&names, &n);
        size_t at = find(name, n);
        struct error_quoted quoted;
        if (at == N_PROCESSORS) {
            char known[300];
            list_names(known, sizeof known);
            return error_set(err, GEN_BAD_ARGUMENT,
                             "samplers names \"%s\", but must name some of %s, separated by ;",
                             error_quote(&quoted, name, n), known);
        }
        if (is_there[at]) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "samplers names %s twice, but each may be named once",
                             processors[at]->sampler);
        }
        is_there[at] = true;
    }
    return GEN_OK;
}
