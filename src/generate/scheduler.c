/**
 * scheduler.c - the queue of texts and the slots of the session: who gets a slot, who waits for a
 * prompt that another text is reading, who copies its keys and values. What is computed is
 * pass.c's.
 */
#include "generate/scheduler.h"

#include "base/memory.h"

/* Finished texts that may wait for the first one, as a multiple of the slots. */
#define LOOK_AHEAD 4

/* It is worth waiting for so many ids more than there are: a pass takes about as long. */
#define WORTH_WAITING 16

bool scheduler_init(struct scheduler *scheduler, struct gen_session *session, size_t n_slots) {
    *scheduler = (struct scheduler){
        .session = session,
        .n_slots = n_slots,
        .capacity = n_slots * (1 + LOOK_AHEAD),
    };
    scheduler->queue = memory_new(scheduler->capacity, sizeof *scheduler->queue);
    scheduler->slots = memory_new(n_slots, sizeof *scheduler->slots);
    return scheduler->queue != NULL && scheduler->slots != NULL;
}

void scheduler_release(struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->n; i++) {
        sequence_release(scheduler_at(scheduler, i));
    }
    for (size_t i = 0; scheduler->slots != NULL && i < scheduler->n_slots; i++) {
        gen_ids_release(&scheduler->slots[i].held);
    }
    memory_free(scheduler->queue);
    memory_free(scheduler->slots);
    *scheduler = (struct scheduler){0};
}

void scheduler_begin(struct scheduler *scheduler, bool one_by_one) {
    scheduler->most_busy = one_by_one ? 1 : scheduler->n_slots;
}

/* ---- the queue -------------------------------------------------------------------------- */

bool scheduler_has_room(const struct scheduler *scheduler) {
    return scheduler->n_busy < scheduler->most_busy && scheduler->n < scheduler->capacity;
}

struct sequence *scheduler_at(const struct scheduler *scheduler, size_t i) {
    return &scheduler->queue[(scheduler->first + i) % scheduler->capacity];
}

struct sequence *scheduler_append(struct scheduler *scheduler) {
    struct sequence *sequence = scheduler_at(scheduler, scheduler->n++);
    *sequence = (struct sequence){.slot = SEQUENCE_NO_SLOT};
    return sequence;
}

void scheduler_remove_first(struct scheduler *scheduler) {
    struct sequence *sequence = scheduler_at(scheduler, 0);
    scheduler_leave(scheduler, sequence);
    sequence_release(sequence);
    scheduler->first = (scheduler->first + 1) % scheduler->capacity;
    scheduler->n--;
}

/* ---- slots ------------------------------------------------------------------------------ */

/** The first that is free: slots never used take no memory. */
static struct slot *find_free(const struct scheduler *scheduler) {
    struct slot *slot = scheduler->slots;
    while (slot->sequence != NULL) {
        slot++;
    }
    return slot;
}

static int32_t slot_number(const struct scheduler *scheduler, const struct slot *slot) {
    return (int32_t)(slot - scheduler->slots);
}

/** A stretch of ids, which belong to somebody else. */
struct stretch {
    const int32_t *ids;
    size_t n;
};

static size_t in_common(struct stretch a, struct stretch b) {
    size_t most = a.n < b.n ? a.n : b.n;
    size_t n = 0;
    while (n < most && a.ids[n] == b.ids[n]) {
        n++;
    }
    return n;
}

/** What a slot is known to hold: there may be more, drafts that have not come true yet. */
static struct stretch held_by(const struct scheduler *scheduler, const struct slot *slot) {
    size_t n = (size_t)gen_session_length(scheduler->session, slot_number(scheduler, slot));
    struct stretch known = {slot->held.data, slot->held.n};
    if (slot->sequence != NULL) {
        const struct gen_ids *ids = &slot->sequence->ids;
        known = (struct stretch){ids->data + slot->start, ids->n - slot->start};
    }
    known.n = known.n < n ? known.n : n;
    return known;
}

/** What a text is to have read before it draws. */
static struct stretch window_of(const struct sequence *sequence) {
    size_t n = sequence_window(sequence);
    return (struct stretch){sequence->ids.data + (sequence->ids.n - n), n};
}

/** The slot that holds the longest beginning of `wanted`, a free one if there are several, and how
 *  long it is; NULL: none holds any. */
static struct slot *find_beginning(const struct scheduler *scheduler, struct stretch wanted,
                                   size_t *n) {
    struct slot *found = NULL;
    *n = 0;
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct slot *slot = &scheduler->slots[i];
        bool waits = slot->sequence != NULL && slot->sequence->reader != NULL;
        size_t length = waits ? 0 : in_common(wanted, held_by(scheduler, slot));
        if (length > *n || (length == *n && length > 0 && slot->sequence == NULL)) {
            *n = length;
            found = slot;
        }
    }
    return found;
}

/** The text that is reading just now what is `more` than *n ids of the beginning of `wanted`, the
 *  most of all; then *n is how many. NULL: there is none. */
static struct sequence *find_reader(const struct scheduler *scheduler, struct stretch wanted,
                                    size_t more, size_t *n) {
    struct sequence *found = NULL;
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        const struct slot *slot = &scheduler->slots[i];
        struct sequence *sequence = slot->sequence;
        if (sequence == NULL || sequence->reader != NULL || sequence->prompt_is_read) {
            continue;
        }
        size_t length = in_common(wanted, window_of(sequence));
        if (length >= *n + more) {
            *n = length;
            more = 1;
            found = sequence;
        }
    }
    return found;
}

/** Give a text that has a slot the longest beginning that there is, at most `limit` ids of it. */
static void take_beginning(struct scheduler *scheduler, struct sequence *sequence, size_t limit) {
    struct stretch wanted = window_of(sequence);
    size_t n = 0;
    wanted.n = limit;
    const struct slot *from = find_beginning(scheduler, wanted, &n);
    if (from == NULL) {
        gen_session_truncate(scheduler->session, sequence->slot, 0);
    } else {
        /* Cannot fail: the slots exist, and `from` has these positions. */
        gen_session_copy(scheduler->session, sequence->slot, slot_number(scheduler, from),
                         (int32_t)n);
    }
    sequence->n_cached = n;
}

void scheduler_seat(struct scheduler *scheduler, struct sequence *sequence, bool whole) {
    struct stretch wanted = window_of(sequence);
    wanted.n = whole ? 0 : wanted.n - 1; /* the last id is read in any case, for its logits */
    size_t n = 0;
    struct slot *from = find_beginning(scheduler, wanted, &n);
    sequence->reader = find_reader(scheduler, wanted, WORTH_WAITING, &n);
    sequence->n_shared = n;
    bool moves_in = from != NULL && from->sequence == NULL && sequence->reader == NULL;
    struct slot *slot = moves_in ? from : find_free(scheduler);
    sequence->slot = slot_number(scheduler, slot);
    if (sequence->reader == NULL) {
        take_beginning(scheduler, sequence, wanted.n);
    } else {
        gen_session_truncate(scheduler->session, sequence->slot, 0);
    }
    slot->sequence = sequence;
    slot->start = sequence->ids.n - sequence_window(sequence);
    scheduler->n_busy++;
}

/** A text that waited goes on, with what there is. */
static void go_on(struct scheduler *scheduler, struct sequence *sequence) {
    take_beginning(scheduler, sequence, sequence_window(sequence) - 1);
    sequence->reader = NULL;
}

void scheduler_wake(struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct sequence *sequence = scheduler->slots[i].sequence;
        if (sequence != NULL && sequence->reader != NULL &&
            (size_t)gen_session_length(scheduler->session, sequence->reader->slot) >=
                sequence->n_shared) {
            go_on(scheduler, sequence);
        }
    }
}

/** Keep what the slot holds; if there is no memory for that it holds nothing that anybody knows. */
static void keep_ids(const struct scheduler *scheduler, struct slot *slot) {
    struct stretch held = held_by(scheduler, slot);
    slot->held.n = 0;
    if (gen_ids_append(&slot->held, held.ids, held.n) != GEN_OK) {
        slot->held.n = 0;
    }
}

void scheduler_leave(struct scheduler *scheduler, struct sequence *sequence) {
    if (sequence->slot == SEQUENCE_NO_SLOT) {
        return;
    }
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct sequence *waiting = scheduler->slots[i].sequence;
        if (waiting != NULL && waiting->reader == sequence) {
            go_on(scheduler, waiting);
        }
    }
    struct slot *slot = &scheduler->slots[sequence->slot];
    keep_ids(scheduler, slot);
    slot->sequence = NULL;
    sequence->slot = SEQUENCE_NO_SLOT;
    sequence->reader = NULL;
    scheduler->n_busy--;
}

size_t scheduler_pending(struct scheduler *scheduler, const struct sequence *sequence) {
    size_t window = sequence_window(sequence);
    size_t n_in_slot = (size_t)gen_session_length(scheduler->session, sequence->slot);
    if (window <= n_in_slot) {
        gen_session_truncate(scheduler->session, sequence->slot, 0);
        scheduler->slots[sequence->slot].start = sequence->ids.n - window;
        n_in_slot = 0;
    }
    return window - n_in_slot;
}
