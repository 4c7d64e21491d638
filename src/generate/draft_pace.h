/**
 * draft_pace.h - how far a draft model should guess, from what guessing has cost and brought so
 * far. It decides only what is guessed, and so how long a text takes, never what is in it.
 *
 * A guess is worth its time where the model so reads more ids a second: the time that a pass takes
 * by the number of its rows and that a step of the draft model takes are measured all the time, how
 * often guesses come true is counted for each text. Guessing is an investment, as nothing is known
 * at first, and the draft model has to read the prompt, too; it may take GIVEN of all the time more
 * than it has saved by then. Where it does not pay it is tried again now and then.
 */
#ifndef GENERATE_DRAFT_PACE_H
#define GENERATE_DRAFT_PACE_H

#include "generate/drafter.h"

/** How long something takes, by the number of its rows. */
struct draft_times {
    double seconds[DRAFT_ROWS + 1];
    size_t n[DRAFT_ROWS + 1]; /**< times that it was measured */
};

/** Guesses at a text: a sum over all of them, older ones count less. */
struct draft_odds {
    double right, tried;
};

/** A text. */
struct draft_trust {
    struct draft_odds odds;
    size_t rest;     /**< passes that it is left alone */
    size_t interval; /**< how long that was last */
};

/** Start with draft_pace_init(). */
struct draft_pace {
    struct draft_times passes, steps;
    double seconds_per_id;       /**< that the model needs to read a prompt; 0: unknown */
    double draft_seconds_per_id; /**< the same of the draft model */
    double ratio;                /**< size of the draft model, as a part of the model's */
    size_t since_plain;          /**< passes since the last without a draft */
    struct draft_odds odds;      /**< of all texts */
    struct draft_trust *texts;   /**< [n_slots] */
    double spent, lost;          /**< seconds: all, and what guessing cost more than it saved */
    double drafting;             /**< of the pass that is under way: its guesses */
    size_t n_accepted;           /**< of the last pass, all its texts */
    size_t fixed;                /**< for tests: guess always so many; 0: what pays */
};

/** False: out of memory. Release also after a failure. */
bool draft_pace_init(struct draft_pace *pace, size_t n_slots, double ratio);
void draft_pace_release(struct draft_pace *pace);

/** A text has taken a slot. */
void draft_pace_seat(struct draft_pace *pace, int32_t slot);

/** What to guess in a pass. */
struct draft_plan {
    size_t lengths[DRAFT_ROWS]; /**< ids to guess for each text; 0: leave it alone */
    size_t most_read; /**< ids that the draft model may read of each text to know it, and guess */
};
/** For the texts of n_drafts drafts, those that have ids apart; the pass has n_plain rows more. */
struct draft_plan draft_pace_plan(struct draft_pace *pace, const struct draft *drafts,
                                  size_t n_drafts, size_t n_plain);

/** A step of the draft model with n_rows rows, or its reading of n_ids ids, took so long. */
void draft_pace_step(struct draft_pace *pace, size_t n_rows, double seconds);
void draft_pace_read(struct draft_pace *pace, size_t n_ids, double seconds);

/** Of n guesses at the text of a slot so many came true. */
void draft_pace_learn(struct draft_pace *pace, int32_t slot, size_t n, size_t n_accepted);
/** As drafter.passed has it. */
void draft_pace_passed(struct draft_pace *pace, size_t n_plain, size_t n_drafted, double seconds);

#endif
