/**
 * choice_rules.c - whether a choice has a bad word or a bad text in it. Such a one is not measured;
 * all that the sampler's rules say otherwise of ids does not count for choices, of which each is
 * taken whole.
 */
#include "generate/choice_rules.h"

#include "constrain/bad_texts.h"

/* The ids of a prompt and of a choice after it. */
struct row {
    const int32_t *before;
    size_t n_before;
    const struct gen_ids *choice;
};

static int32_t id_at(const struct row *row, size_t i) {
    return i < row->n_before ? row->before[i] : row->choice->data[i - row->n_before];
}

/* Whether an id of the choice ends the text, which no rule about what is written forbids. */
static bool ends(const struct sequence_rules *rules, int32_t id) {
    bool is_eos = false;
    for (size_t i = 0; i < rules->n_eos; i++) {
        is_eos = is_eos || rules->eos[i] == id;
    }
    return is_eos && !rules->options->ignore_eos;
}

/* Whether a bad word ends with id number `end`, as sample/bad_words.c has it. */
static bool ends_bad_word(const struct sequence_rules *rules, const struct row *row, size_t end) {
    const struct gen_sampling *sampling = &rules->options->sampling;
    bool any = false;
    for (size_t i = 0; i < sampling->n_bad_words && !any; i++) {
        const struct gen_ids *word = &sampling->bad_words[i];
        any = word->n <= end + 1 && !(word->n == 1 && ends(rules, word->data[0]));
        for (size_t j = 0; j < word->n && any; j++) {
            any = id_at(row, end + 1 - word->n + j) == word->data[j];
        }
    }
    return any;
}

static bool has_bad_text(const struct sequence_rules *rules, const struct row *row) {
    const struct gen_bad_texts *bad = rules->options->sampling.bad_texts;
    uint32_t at = BAD_TEXTS_START;
    if (bad == NULL) {
        return false;
    }
    for (size_t i = 0; i < row->n_before + row->choice->n; i++) {
        int32_t id = id_at(row, i);
        bool is_new = i >= row->n_before;
        if (is_new && !ends(rules, id) && bad_texts_completes(bad, at, id)) {
            return true;
        }
        bool is_text = is_new || !bad_texts_is_special(bad, id);
        at = is_text ? bad_texts_step(bad, at, id) : BAD_TEXTS_START;
    }
    return false;
}

bool choice_rules_allow(const struct sequence_rules *rules, const struct gen_ids *choice,
                        const int32_t *ids, size_t n) {
    const struct row row = {ids, n, choice};
    bool is_bad = has_bad_text(rules, &row);
    for (size_t i = 0; i < choice->n && !is_bad; i++) {
        is_bad = ends_bad_word(rules, &row, n + i);
    }
    return !is_bad;
}
