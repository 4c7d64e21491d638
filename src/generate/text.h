/**
 * text.h - a text in the engine's queue: the sequence that is in the making, and what each of those
 * who work on it notes of it.
 */
#ifndef GENERATE_TEXT_H
#define GENERATE_TEXT_H

#include "generate/prompt_rules.h"
#include "generate/sequence.h"

/** The scheduler's: its place in the session. */
struct seat {
    int32_t slot;        /**< where its keys and values are, or SEAT_NONE */
    struct text *reader; /**< the text that it waits for; NULL: none */
    size_t n_shared;     /**< ids that this one will have read for it */
    bool reserved;       /**< nothing is read in it before scheduler_adopt() */
    bool pauses;         /**< all is read that is known; its decoder knows when it goes on */
};

/** The slot of a text that is not under way. */
#define SEAT_NONE (-1)

/** What it has cost, for its result. */
struct effort {
    size_t n_cached;  /**< ids of the prompt that some slot held */
    size_t n_guessed; /**< new ids that a draft foresaw */
    size_t n_drafted; /**< ids that drafts had */
    double prompt_seconds, decode_seconds;
    double draft_seconds; /**< of decode_seconds, guessing */
};

/** The reporter's: what the sink has heard. */
struct told {
    bool begun;
    size_t n_bytes; /**< of the text */
};

struct decoder;

struct text {
    struct sequence sequence;
    struct seat seat;
    const struct decoder *decoder; /**< NULL: it failed before it had one */
    size_t n_seen;                 /**< ids whose logits have been seen, or that nobody needs */
    size_t decodes_from;           /**< number of the first id whose logits the decoder needs */
    bool done;                     /**< no more logits are needed */
    bool only_reads;          /**< nothing is drawn: it is done when its prompt has been seen */
    bool untold;              /**< the sink never hears of it */
    bool has_new;             /**< it has had a new id, of a search that may be gone again */
    bool is_other;            /**< it begins with another prompt than the one that was given */
    uint64_t number;          /**< among the texts of its prompt, those untold counted */
    void *decoding;           /**< what the decoder keeps of it */
    struct prompt_rules *own; /**< its use of its prompt's own rules; NULL: it has the run's */
    struct effort effort;
    struct told told;
};

#endif
