/**
 * scheduler.c - the queue of texts and the slots of the session: who gets a slot, who waits for a
 * prompt that another text is reading, who takes over its keys and values. What is computed is
 * pass.c's.
 */
#include "generate/scheduler.h"

#include "base/memory.h"
#include "base/size.h"

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
    scheduler->slots = memory_new(n_slots + 1, sizeof *scheduler->slots);
    return scheduler->queue != NULL && scheduler->slots != NULL;
}

void scheduler_release(struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->n; i++) {
        sequence_release(&scheduler_at(scheduler, i)->sequence);
    }
    for (size_t i = 0; scheduler->slots != NULL && i <= scheduler->n_slots; i++) {
        gen_ids_release(&scheduler->slots[i].held);
    }
    memory_free(scheduler->queue);
    memory_free(scheduler->slots);
    *scheduler = (struct scheduler){0};
}

void scheduler_begin(struct scheduler *scheduler, bool one_by_one) {
    scheduler->most_busy = one_by_one ? 1 : scheduler->n_slots;
}

/* ---- the queue -------------------------------------------------------------------------------*/

bool scheduler_has_room(const struct scheduler *scheduler, size_t n) {
    return n <= scheduler->most_busy - scheduler->n_busy && n <= scheduler->capacity - scheduler->n;
}

struct text *scheduler_at(const struct scheduler *scheduler, size_t i) {
    return &scheduler->queue[(scheduler->first + i) % scheduler->capacity];
}

struct text *scheduler_append(struct scheduler *scheduler) {
    struct text *text = scheduler_at(scheduler, scheduler->n++);
    *text = (struct text){.seat.slot = SEAT_NONE};
    return text;
}

void scheduler_remove_first(struct scheduler *scheduler) {
    struct text *text = scheduler_at(scheduler, 0);
    scheduler_leave(scheduler, text);
    sequence_release(&text->sequence);
    prompt_rules_drop(text->own);
    text->own = NULL;
    scheduler->first = (scheduler->first + 1) % scheduler->capacity;
    scheduler->n--;
}

/* ---- slots -----------------------------------------------------------------------------------*/

static int32_t slot_number(const struct scheduler *scheduler, const struct slot *slot) {
    return (int32_t)(slot - scheduler->slots);
}

static size_t slot_length(const struct scheduler *scheduler, const struct slot *slot) {
    return (size_t)gen_session_length(scheduler->session, slot_number(scheduler, slot));
}

/* A free one: the first that is empty, else the one that was left longest ago. */
static struct slot *find_free(const struct scheduler *scheduler) {
    struct slot *found = NULL;
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct slot *slot = &scheduler->slots[i];
        if (slot->text != NULL) {
            continue;
        }
        if (slot_length(scheduler, slot) == 0) {
            return slot;
        }
        if (found == NULL || slot->left < found->left) {
            found = slot;
        }
    }
    return found;
}

/* A stretch of ids, which belong to somebody else. */
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

/* What a slot is known to hold: there may be more, drafts that have not come true yet. */
static struct stretch held_by(const struct scheduler *scheduler, const struct slot *slot) {
    size_t n = slot_length(scheduler, slot);
    struct stretch known = {slot->held.data, slot->held.n};
    if (slot->text != NULL) {
        const struct gen_ids *ids = &slot->text->sequence.ids;
        known = (struct stretch){ids->data + slot->start, ids->n - slot->start};
    }
    known.n = known.n < n ? known.n : n;
    return known;
}

/* Whether nothing is read in the slot of a text for now. */
static bool waits(const struct text *text) {
    return text->seat.reader != NULL || text->seat.reserved;
}

static bool has_read_prompt(const struct text *text) {
    return text->n_seen >= text->sequence.n_before;
}

/* What a text is to have read before it draws. */
static struct stretch window_of(const struct text *text) {
    size_t n = sequence_window(&text->sequence);
    return (struct stretch){text->sequence.ids.data + (text->sequence.ids.n - n), n};
}

/* The part of it that others may have read for the text: no id whose logits its decoder needs. */
static struct stretch beginning_of(const struct text *text) {
    struct stretch window = window_of(text);
    size_t start = text->sequence.ids.n - window.n;
    size_t most = text->n_seen > start ? text->n_seen - start : 0;
    window.n = size_min(most, window.n - 1);
    return window;
}

static struct slot *kept_slot(const struct scheduler *scheduler) {
    return &scheduler->slots[scheduler->n_slots];
}

/* The slot that holds the longest beginning of `ids`, a free one if there are several, and how
 *  long it is; NULL: none holds any. */
static struct slot *find_beginning(const struct scheduler *scheduler, struct stretch ids,
                                   size_t *n) {
    struct slot *found = NULL;
    *n = 0;
    for (size_t i = 0; i <= scheduler->n_slots; i++) {
        struct slot *slot = &scheduler->slots[i];
        bool is_empty = slot->text != NULL && waits(slot->text);
        size_t length = is_empty ? 0 : in_common(ids, held_by(scheduler, slot));
        bool is_better = slot->text == NULL && slot != kept_slot(scheduler);
        if (length > *n || (length == *n && length > 0 && is_better)) {
            *n = length;
            found = slot;
        }
    }
    return found;
}

/* The text that is reading just now what is `more` than *n ids of the beginning of `ids`, the
 *  most of all; then *n is how many. NULL: there is none. */
static struct text *find_reader(const struct scheduler *scheduler, struct stretch ids, size_t more,
                                size_t *n) {
    struct text *found = NULL;
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        const struct slot *slot = &scheduler->slots[i];
        struct text *text = slot->text;
        if (text == NULL || waits(text) || has_read_prompt(text)) {
            continue;
        }
        size_t length = in_common(ids, window_of(text));
        if (length >= *n + more) {
            *n = length;
            more = 1;
            found = text;
        }
    }
    return found;
}

/* Give a text that has a slot the longest beginning that there is. */
static void take_beginning(struct scheduler *scheduler, struct text *text) {
    size_t n = 0;
    const struct slot *from = find_beginning(scheduler, beginning_of(text), &n);
    if (from == NULL) {
        gen_session_truncate(scheduler->session, text->seat.slot, 0);
    } else {
        /* Cannot fail: the slots exist, and `from` has these positions. */
        gen_session_copy(scheduler->session, text->seat.slot, slot_number(scheduler, from),
                         (int32_t)n);
    }
    text->effort.n_cached = n;
}

/* What a text finds when it takes a slot. */
static void take_slot(struct scheduler *scheduler, struct text *text, struct slot *slot) {
    text->seat.slot = slot_number(scheduler, slot);
    if (waits(text)) {
        gen_session_truncate(scheduler->session, text->seat.slot, 0);
    } else {
        take_beginning(scheduler, text);
    }
    slot->text = text;
    slot->start = text->sequence.ids.n - sequence_window(&text->sequence);
    scheduler->n_busy++;
}

void scheduler_seat(struct scheduler *scheduler, struct text *text) {
    struct stretch beginning = beginning_of(text);
    size_t n = 0;
    if (text->seat.reserved) {
        take_slot(scheduler, text, find_free(scheduler));
        return;
    }
    struct slot *from = find_beginning(scheduler, beginning, &n);
    text->seat.reader = find_reader(scheduler, beginning, WORTH_WAITING, &n);
    text->seat.n_shared = n;
    /* What it would cut off another text may come back for: an undone turn, another question. */
    bool moves_in = from != NULL && from->text == NULL && from != kept_slot(scheduler) &&
                    text->seat.reader == NULL && n == slot_length(scheduler, from);
    take_slot(scheduler, text, moves_in ? from : find_free(scheduler));
}

void scheduler_adopt(struct scheduler *scheduler, struct text *text, const struct text *from) {
    int32_t from_slot = from->seat.slot;
    /* Cannot fail: the slots exist, and all of `from` is copied. */
    gen_session_copy(scheduler->session, text->seat.slot, from_slot,
                     gen_session_length(scheduler->session, from_slot));
    scheduler->slots[text->seat.slot].start = scheduler->slots[from_slot].start;
    text->seat.reserved = false;
}

/* A text that waited goes on, with what there is. */
static void go_on(struct scheduler *scheduler, struct text *text) {
    take_beginning(scheduler, text);
    text->seat.reader = NULL;
}

void scheduler_wake(struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct text *text = scheduler->slots[i].text;
        if (text != NULL && text->seat.reader != NULL &&
            (size_t)gen_session_length(scheduler->session, text->seat.reader->seat.slot) >=
                text->seat.n_shared) {
            go_on(scheduler, text);
        }
    }
}

/* Keep what the slot holds; if there is no memory for that it holds nothing that anybody knows. */
static void keep_ids(const struct scheduler *scheduler, struct slot *slot) {
    struct stretch held = held_by(scheduler, slot);
    slot->held.n = 0;
    if (gen_ids_append(&slot->held, held.ids, held.n) != GEN_OK) {
        slot->held.n = 0;
    }
}

void scheduler_leave(struct scheduler *scheduler, struct text *text) {
    if (text->seat.slot == SEAT_NONE) {
        return;
    }
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct text *waiting = scheduler->slots[i].text;
        if (waiting != NULL && waiting->seat.reader == text) {
            go_on(scheduler, waiting);
        }
    }
    struct slot *slot = &scheduler->slots[text->seat.slot];
    keep_ids(scheduler, slot);
    slot->left = ++scheduler->n_left;
    slot->text = NULL;
    text->seat.slot = SEAT_NONE;
    text->seat.reader = NULL;
    scheduler->n_busy--;
}

/*
 * Whether a prompt of n ids takes the place of n_kept, which have n_common ids in common with it.
 * It goes on where they end: then nothing is lost, and to write a position takes about a tenth of
 * the time that reading its id does. Another one takes it only where it finds little, so that
 * prompts with different ends do not drive out each other.
 */
static bool is_worth_keeping(size_t n, size_t n_kept, size_t n_common) {
    return n >= 2 && (n_common < n / 2 || (n_common == n_kept && n - n_common >= (n + 7) / 8));
}

void scheduler_keep(struct scheduler *scheduler, const struct text *text) {
    struct slot *kept = kept_slot(scheduler);
    if (!scheduler->kept.asked) {
        return;
    }
    struct stretch prompt = held_by(scheduler, &scheduler->slots[text->seat.slot]);
    struct stretch before = held_by(scheduler, kept);
    size_t n_common = in_common(prompt, before);
    scheduler->kept = (struct kept){.n_prompt = prompt.n, .n_common = n_common};
    if (!is_worth_keeping(prompt.n, before.n, n_common)) {
        return;
    }
    kept->held.n = 0;
    if (gen_ids_append(&kept->held, prompt.ids, prompt.n) == GEN_OK) {
        gen_session_copy(scheduler->session, slot_number(scheduler, kept), text->seat.slot,
                         (int32_t)prompt.n);
        scheduler->kept.is_new = true;
    }
}

bool scheduler_forget(struct scheduler *scheduler) {
    struct slot *found = NULL;
    for (size_t i = 0; i < scheduler->n_slots; i++) {
        struct slot *slot = &scheduler->slots[i];
        if (slot->text == NULL && slot_length(scheduler, slot) > 0 &&
            (found == NULL || slot->left < found->left)) {
            found = slot;
        }
    }
    if (found == NULL && slot_length(scheduler, kept_slot(scheduler)) > 0) {
        found = kept_slot(scheduler);
        scheduler->kept.is_new = false;
    }
    if (found != NULL) {
        gen_session_truncate(scheduler->session, slot_number(scheduler, found), 0);
    }
    return found != NULL;
}

size_t scheduler_pending(struct scheduler *scheduler, const struct text *text) {
    size_t window = sequence_window(&text->sequence);
    size_t n_in_slot = (size_t)gen_session_length(scheduler->session, text->seat.slot);
    if (window <= n_in_slot) {
        gen_session_truncate(scheduler->session, text->seat.slot, 0);
        scheduler->slots[text->seat.slot].start = text->sequence.ids.n - window;
        n_in_slot = 0;
    }
    return window - n_in_slot;
}
