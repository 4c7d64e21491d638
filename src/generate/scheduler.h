/**
 * scheduler.h - the texts of a job: which wait, which are under way, and in which slots of the
 * session.
 *
 * Texts are in a queue in the order in which they are reported. A text that has something to
 * compute takes a slot and leaves it when it is finished, and the next text takes its place at
 * once: the batch stays full without the texts being of one length (continuous batching). A
 * finished text stays in the queue until all before it are reported; the queue is bounded, so
 * that one long text at its head does not make the others pile up without end.
 *
 * Texts of one prompt share the work of reading it: the first to come reads it, those that come
 * meanwhile wait, and all others get a copy of its keys and values from a slot that still begins
 * with them. Slots say which prompt they begin with also when they are free.
 */
#ifndef GENERATE_SCHEDULER_H
#define GENERATE_SCHEDULER_H

#include "generate/sequence.h"

struct slot {
    struct sequence *sequence; /**< NULL: free */
    bool has_prompt;           /**< it begins with all that is read of the prompt ... */
    uint64_t prompt;           /**< ... of this index */
};

/** Start from {0}. */
struct scheduler {
    struct gen_session *session;
    struct sequence *queue; /**< [capacity], a ring */
    size_t capacity, first, n;
    struct slot *slots; /**< [n_slots] of the session */
    size_t n_slots, n_busy;
    float *prompt_logits;   /**< [n_vocab] after the last prompt read; NULL: no need of them */
    uint64_t logits_prompt; /**< the index of that prompt */
    size_t n_vocab;
};

/** What a text that has got a slot needs next. */
enum scheduler_seat {
    SCHEDULER_READ,  /**< its ids are to be read */
    SCHEDULER_WAIT,  /**< its prompt is being read; it is started when that is done */
    SCHEDULER_START, /**< nothing: its prompt is in the slot, prompt_logits are those after it */
};

/**
 * A queue for a session of n_slots. n_vocab: size of the logits to keep where prompts may have
 * several texts, otherwise 0. False: out of memory. Release also after a failure.
 */
bool scheduler_init(struct scheduler *scheduler, struct gen_session *session, size_t n_slots,
                    size_t n_vocab);
void scheduler_release(struct scheduler *scheduler);

/** Whether one more text may come: there is a free slot, and room in the queue. */
bool scheduler_has_room(const struct scheduler *scheduler);

/** Text i < n of the queue; 0 is the first to be reported. It stays where it is in memory. */
struct sequence *scheduler_at(const struct scheduler *scheduler, size_t i);
/** A new text at the end of the queue, all zero but without a slot; there must be room. */
struct sequence *scheduler_append(struct scheduler *scheduler);
/** Release the first text of the queue. */
void scheduler_remove_first(struct scheduler *scheduler);

/** Give a text a slot; there must be a free one. */
enum scheduler_seat scheduler_seat(struct scheduler *scheduler, struct sequence *sequence);
/** Its slot is free again; no effect on a text without one. */
void scheduler_leave(struct scheduler *scheduler, struct sequence *sequence);

/**
 * How many of a text's last ids are to be read before the next can be drawn; where the window
 * has slid that is all of it, and the slot is emptied.
 */
size_t scheduler_pending(struct scheduler *scheduler, const struct sequence *sequence);

/** A text has read its whole prompt; these are the logits after it. */
void scheduler_prompt_read(struct scheduler *scheduler, struct sequence *sequence,
                           const float *logits);
/** A text that waits for `reader`, now provided with the prompt; NULL: there are no more. */
struct sequence *scheduler_next_waiting(struct scheduler *scheduler, const struct sequence *reader);

#endif
