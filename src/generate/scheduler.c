/**
 * scheduler.c - the queue of texts and the slots of the session: who gets a slot, who waits for a
 * prompt that another text is reading, who copies its keys and values. What is computed is
 * pass.c's.
 */
#include "generate/scheduler.h"

#include <string.h>

#include "base/memory.h"

/* Finished texts that may wait for the first one, as a multiple of the slots. */
#define LOOK_AHEAD 4

bool scheduler_init(struct scheduler *scheduler, struct gen_session *session, size_t n_slots,
                    size_t n_vocab) {
    *scheduler = (struct scheduler){
        .session = session,
        .n_slots = n_slots,
        .capacity = n_slots * (1 + LOOK_AHEAD),
        .n_vocab = n_vocab,
    };
    scheduler->queue = memory_new(scheduler->capacity, sizeof *scheduler->queue);
    scheduler->slots = memory_new(n_slots, sizeof *scheduler->slots);
    if (n_vocab > 0) {
        scheduler->prompt_logits = memory_new(n_vocab, sizeof *scheduler->prompt_logits);
    }
    return scheduler->queue != NULL && scheduler->slots != NULL &&
           (n_vocab == 0 || scheduler->prompt_logits != NULL);
}

void scheduler_release(struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->n; i++) {
        sequence_release(scheduler_at(scheduler, i));
    }
    memory_free(scheduler->queue);
    memory_free(scheduler->slots);
    memory_free(scheduler->prompt_logits);
    *scheduler = (struct scheduler){0};
}

/* ---- the queue -------------------------------------------------------------------------- */

bool scheduler_has_room(const struct scheduler *scheduler) {
    return scheduler->n_busy < scheduler->n_slots && scheduler->n < scheduler->capacity;
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

/** A slot that begins with the prompt, a free one if there is; NULL: none. */
static struct slot *find_prompt(const struct scheduler *scheduler, uint64_t index) {
    struct slot *found = NULL;
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct slot *slot = &scheduler->slots[i];
        if (slot->has_prompt && slot->prompt == index &&
            (found == NULL || slot->sequence == NULL)) {
            found = slot;
        }
    }
    return found;
}

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

static bool is_reading_prompt(const struct sequence *sequence) {
    return sequence->slot != SEQUENCE_NO_SLOT && !sequence->waits && !sequence->prompt_is_read;
}

/** Whether a text of that prompt is reading it just now. */
static bool prompt_has_reader(const struct scheduler *scheduler, uint64_t index) {
    for (size_t i = 0; i < scheduler->n; i++) {
        const struct sequence *sequence = scheduler_at(scheduler, i);
        if (sequence->index == index && is_reading_prompt(sequence)) {
            return true;
        }
    }
    return false;
}

/** Provide a text that has a slot with the prompt that another slot begins with. */
static void take_prompt_over(struct scheduler *scheduler, struct sequence *sequence,
                             const struct slot *from) {
    struct slot *slot = &scheduler->slots[sequence->slot];
    int32_t length = (int32_t)sequence_window(sequence);
    /* Cannot fail: the slots exist, and `from` has these positions. */
    gen_session_copy(scheduler->session, sequence->slot, slot_number(scheduler, from), length);
    slot->has_prompt = true;
    slot->prompt = sequence->index;
    sequence->waits = false;
    sequence->prompt_is_read = true;
}

enum scheduler_seat scheduler_seat(struct scheduler *scheduler, struct sequence *sequence) {
    bool has_logits =
        scheduler->prompt_logits != NULL && scheduler->logits_prompt == sequence->index;
    struct slot *from = has_logits ? find_prompt(scheduler, sequence->index) : NULL;
    bool is_read_now = prompt_has_reader(scheduler, sequence->index);
    struct slot *slot = from != NULL && from->sequence == NULL ? from : find_free(scheduler);
    slot->sequence = sequence;
    sequence->slot = slot_number(scheduler, slot);
    scheduler->n_busy++;
    if (from != NULL) {
        take_prompt_over(scheduler, sequence, from);
        return SCHEDULER_START;
    }
    gen_session_truncate(scheduler->session, sequence->slot, 0);
    slot->has_prompt = false;
    sequence->waits = is_read_now;
    return is_read_now ? SCHEDULER_WAIT : SCHEDULER_READ;
}

void scheduler_leave(struct scheduler *scheduler, struct sequence *sequence) {
    if (sequence->slot != SEQUENCE_NO_SLOT) {
        scheduler->slots[sequence->slot].sequence = NULL;
        sequence->slot = SEQUENCE_NO_SLOT;
        scheduler->n_busy--;
    }
}

size_t scheduler_pending(struct scheduler *scheduler, const struct sequence *sequence) {
    size_t window = sequence_window(sequence);
    size_t n_in_slot = (size_t)gen_session_length(scheduler->session, sequence->slot);
    if (window <= n_in_slot) {
        gen_session_truncate(scheduler->session, sequence->slot, 0);
        scheduler->slots[sequence->slot].has_prompt = false;
        n_in_slot = 0;
    }
    return window - n_in_slot;
}

/* ---- texts of one prompt ---------------------------------------------------------------- */

void scheduler_prompt_read(struct scheduler *scheduler, struct sequence *sequence,
                           const float *logits) {
    struct slot *slot = &scheduler->slots[sequence->slot];
    slot->has_prompt = true;
    slot->prompt = sequence->index;
    sequence->prompt_is_read = true;
    if (scheduler->prompt_logits != NULL) {
        memcpy(scheduler->prompt_logits, logits, scheduler->n_vocab * sizeof *logits);
        scheduler->logits_prompt = sequence->index;
    }
}

struct sequence *scheduler_next_waiting(struct scheduler *scheduler,
                                        const struct sequence *reader) {
    for (size_t i = 0; i < scheduler->n; i++) {
        struct sequence *sequence = scheduler_at(scheduler, i);
        if (sequence->waits && sequence->index == reader->index) {
            take_prompt_over(scheduler, sequence, &scheduler->slots[reader->slot]);
            return sequence;
        }
    }
    return NULL;
}
