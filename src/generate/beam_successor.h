/**
 * beam_successor.h - beams of the next step, which are made of those that run and one id more.
 */
#ifndef GENERATE_BEAM_SUCCESSOR_H
#define GENERATE_BEAM_SUCCESSOR_H

#include "generate/beam_search.h"

/** A beam of the next step. */
struct successor {
    struct sequence sequence;
    struct beam *parent, *place; /**< place: whose text it becomes */
    float score;
    int32_t id;
};

/** Those of a group, best first. */
struct successors {
    struct successor *data; /**< room for the group's n */
    size_t n;
};

/** The text of `parent` with one more id. */
enum gen_status successor_init(struct successor *successor, struct beam *parent, int32_t id,
                               float score, struct gen_error *err);

/** Forget them, unless they went elsewhere. */
void successors_drop(struct successors *next);

/** Whether a text has all words that must come. False: out of memory. */
bool successor_has_words(const struct sequence *sequence, bool *has);

/**
 * One more of the next beams of a group, by the rules of transformers 4.56: a text that ended by
 * itself is found if it may be and has its words; one that has not goes on, also where it has no
 * room for more.
 */
enum gen_status successors_add(struct successors *next, struct beam_search *search,
                               struct beam_group *group, struct beam *parent, int32_t id,
                               float score, bool may_end, struct gen_error *err);

#endif
