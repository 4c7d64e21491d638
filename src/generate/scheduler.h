/**
 * scheduler.h - the texts of a run: which wait, which are under way, and in which slots of the
 * session.
 *
 * Texts are in a queue in the order in which they are reported. A text that has something to
 * compute takes a slot and leaves it when it is finished, and the next text takes its place at
 * once: the batch stays full without the texts being of one length (continuous batching). A
 * finished text stays in the queue until all before it are reported; the queue is bounded, so
 * that one long text at its head does not make the others pile up without end.
 *
 * What texts have in common at their beginning is read once, whichever prompt they are of. A slot
 * knows the ids that it holds, also when it is free; a text that takes a slot is given the longest
 * beginning that any slot holds, and reads the rest. Where a text that is reading just now will
 * hold more of it, it waits for that. A text takes a slot for itself unless it goes on with all
 * that a free one holds: first an empty one, then that which was left longest ago, so that several
 * conversations find theirs again. So the texts of one prompt, prompts with the same examples
 * before them, and a prompt that goes on where another ended share what they can. It is exact, as
 * keys and values have the same bits however they were computed.
 *
 * One slot more, which no text takes, keeps what a prompt cache holds or will hold
 * (gen_prompt_cache.h).
 */
#ifndef GENERATE_SCHEDULER_H
#define GENERATE_SCHEDULER_H

#include "generate/text.h"

struct slot {
    struct text *text;   /**< NULL: free */
    size_t start;        /**< of a text: its position 0 is the text's id of this number */
    struct gen_ids held; /**< of a free slot: the ids of its positions */
    uint64_t left;       /**< of a free slot: when, by the scheduler's n_left */
};

/** What is known of the kept slot, `slots[n_slots]`. */
struct kept {
    bool asked;      /**< the next prompt that is read may take its place */
    bool is_new;     /**< a prompt did */
    size_t n_prompt; /**< ids of that prompt, whether or not it did; 0: none was read */
    size_t n_common; /**< of them, those that the slot held before */
};

/** Start from {0}. */
struct scheduler {
    struct gen_session *session;
    struct text *queue; /**< [capacity], a ring */
    size_t capacity, first, n;
    struct slot *slots; /**< [n_slots + 1] of the session, the last one kept */
    size_t n_slots, n_busy;
    size_t most_busy; /**< slots for the texts of this run */
    uint64_t n_left;  /**< texts that have left a slot so far */
    struct kept kept;
};

/** A queue for a session of n_slots + 1. False: out of memory. Release also after a failure. */
bool scheduler_init(struct scheduler *scheduler, struct gen_session *session, size_t n_slots);
void scheduler_release(struct scheduler *scheduler);

/** A run begins, with one text at a time or with all slots. Texts of the last one must be gone. */
void scheduler_begin(struct scheduler *scheduler, bool one_by_one);

/** Whether n more texts may come: there are free slots, and there is room in the queue. */
bool scheduler_has_room(const struct scheduler *scheduler, size_t n);

/** Text i < n of the queue; 0 is the first to be reported. It stays where it is in memory. */
struct text *scheduler_at(const struct scheduler *scheduler, size_t i);
/** A new text at the end of the queue, all zero but without a slot; there must be room. */
struct text *scheduler_append(struct scheduler *scheduler);
/** Release the first text of the queue. */
void scheduler_remove_first(struct scheduler *scheduler);

/**
 * Give a text a slot, with what there is of its beginning: at most the ids whose logits its decoder
 * does not need, and never the last; where its seat is reserved, with nothing. There must be a free
 * slot.
 */
void scheduler_seat(struct scheduler *scheduler, struct text *text);
/** A text goes on from another one, whose ids it has by now but for the last: its slot is to hold
 *  what the other's does. Both have slots. */
void scheduler_adopt(struct scheduler *scheduler, struct text *text, const struct text *from);
/** Let texts go on that wait for what has been read by now. */
void scheduler_wake(struct scheduler *scheduler);
/** Its slot is free again, and keeps what it holds; no effect on a text without one. */
void scheduler_leave(struct scheduler *scheduler, struct text *text);

/** A text has read its prompt: where it is asked for, keep that if it is worth it. */
void scheduler_keep(struct scheduler *scheduler, const struct text *text);

/** Memory is short: let go of what the free slot holds that was left longest ago, of what is kept
 * last of all. False: no free slot holds anything. */
bool scheduler_forget(struct scheduler *scheduler);

/**
 * How many of a text's last ids are to be read before the next can be drawn; where the window
 * has slid that is all of it, and the slot is emptied.
 */
size_t scheduler_pending(struct scheduler *scheduler, const struct text *text);

#endif
