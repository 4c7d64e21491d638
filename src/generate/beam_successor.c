/**
 * beam_successor.c - beams of the next step: their texts, with the words that must come, if there
 * are any. Which ones there are is chosen in beam_step.c, beam_classic.c and beam_forced.c.
 */
#include "generate/beam_successor.h"

#include <math.h>

#include "base/error.h"

enum gen_status successor_init(struct successor *successor, struct beam *parent, int32_t id,
                               float score, struct gen_error *err) {
    *successor = (struct successor){.parent = parent, .score = score, .id = id};
    struct sequence *sequence = &successor->sequence;
    enum gen_status status = sequence_clone(sequence, &parent->text->sequence)
                                 ? sequence_take(sequence, parent->logits, id, err)
                                 : error_no_memory(err, "the beams");
    if (status != GEN_OK) {
        sequence_release(sequence);
    }
    return status;
}

void successors_drop(struct successors *next) {
    for (size_t i = 0; i < next->n; i++) {
        sequence_release(&next->data[i].sequence);
    }
    next->n = 0;
}

bool successor_has_words(const struct sequence *sequence, bool *has) {
    const struct gen_generate_options *options = sequence->rules->options;
    struct forced_progress progress = {.complete = true};
    bool good = options->n_force_words == 0 ||
                forced_words_read(&progress, NULL, options, sequence->ids.data, sequence->ids.n);
    *has = progress.complete;
    return good;
}

enum gen_status successors_add(struct successors *next, struct beam_search *search,
                               struct beam_group *group, struct beam *parent, int32_t id,
                               float score, bool may_end, struct gen_error *err) {
    struct successor one;
    bool has_words = true;
    enum gen_status status = successor_init(&one, parent, id, score, err);
    if (status != GEN_OK) {
        return status;
    }
    const struct sequence *sequence = &one.sequence;
    if (!sequence->finished ||
        (sequence->finish != GEN_FINISH_EOS && sequence->finish != GEN_FINISH_STOP)) {
        next->data[next->n++] = one;
        return GEN_OK;
    }
    if (!successor_has_words(sequence, &has_words)) {
        status = error_no_memory(err, "the beams");
    }
    if (status == GEN_OK && may_end && has_words && score > -INFINITY) {
        beam_search_add_found(search, group, &one.sequence, score);
    } else {
        sequence_release(&one.sequence);
    }
    return status;
}
