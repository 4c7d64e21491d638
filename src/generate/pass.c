/**
 * pass.c - a pass through the model: which rows it has (a chunk of a prompt, or a last id and its
 * draft), one evaluation, then a step of the decoder with the logits of each text. Which texts are
 * under way is decided in scheduler.c; an id becomes text in sequence.c.
 */
#include "generate/pass.h"

#include "base/memory.h"
#include "base/size.h"

/* Rows for reading in a pass: enough to keep the processor busy, few enough to be canceled soon.
 * Some even if many texts are being decoded. Rows whose logits are all needed cost n_vocab floats
 * each, so they come in fewer. */
#define CHUNK_ROWS        256
#define CHUNK_LEAST       32
#define CHUNK_LOGITS_ROWS 16
/* Drafts fill a pass up to so many rows: with more of them each row costs time of its own. */
#define DRAFT_ROWS 10

/* What one text has in the pass: ids first ... first+n-1, and a draft of what follows. */
struct task {
    struct text *text;
    size_t first, n;
    bool reads_prompt, is_last; /* is_last: with it the text has read all its ids */
    size_t n_drafted;
    int32_t draft[DRAFT_MOST];
    size_t row; /* number of its first row */
};

bool pass_init(struct pass *pass, struct scheduler *scheduler) {
    *pass = (struct pass){.scheduler = scheduler};
    pass->rows = memory_new(scheduler->n_slots + CHUNK_ROWS, sizeof *pass->rows);
    pass->tasks = memory_new(scheduler->n_slots, sizeof *pass->tasks);
    return pass->rows != NULL && pass->tasks != NULL;
}

void pass_release(struct pass *pass) {
    memory_free(pass->rows);
    memory_free(pass->tasks);
    *pass = (struct pass){0};
}

/* ---- what is to be done ----------------------------------------------------------------------*/

/* The ids from number `first` on that are read at once. */
static size_t chunk_size(const struct text *text, size_t first, size_t room) {
    size_t n_without_logits = text->n_seen > first ? text->n_seen - first : 0;
    size_t n = size_min(text->sequence.ids.n - first, room);
    return size_min(n, n_without_logits + CHUNK_LOGITS_ROWS);
}

static bool is_at_work(const struct text *text) {
    return text->seat.slot != SEAT_NONE && text->seat.reader == NULL && !text->seat.reserved &&
           !text->seat.pauses && !text->done;
}

/* Give each text its part; returns the rows there are. */
static size_t plan(struct pass *pass) {
    struct scheduler *scheduler = pass->scheduler;
    size_t n_decoding = 0;
    for (size_t i = 0; i < scheduler->n; i++) {
        const struct text *text = scheduler_at(scheduler, i);
        n_decoding += is_at_work(text) && scheduler_pending(scheduler, text) == 1;
    }
    size_t room = size_max(CHUNK_LEAST, CHUNK_ROWS - size_min(n_decoding, CHUNK_ROWS));
    size_t n_rows = 0;
    pass->n_tasks = 0;
    for (size_t i = 0; i < scheduler->n; i++) {
        struct text *text = scheduler_at(scheduler, i);
        size_t pending = is_at_work(text) ? scheduler_pending(scheduler, text) : 0;
        if (pending == 0 || (pending > 1 && room == 0)) {
            continue;
        }
        size_t first = text->sequence.ids.n - pending;
        size_t n = pending > 1 ? chunk_size(text, first, room) : 1;
        room -= pending > 1 ? n : 0;
        n_rows += n;
        pass->tasks[pass->n_tasks++] =
            (struct task){.text = text,
                          .first = first,
                          .n = n,
                          .reads_prompt = text->n_seen < text->sequence.n_before,
                          .is_last = n == pending};
    }
    return n_rows;
}

/* A draft of at most n_most ids after the last one of a text. */
static void add_draft(const struct drafter *drafter, struct task *task, size_t n_most) {
    const struct sequence *sequence = &task->text->sequence;
    size_t n_ctx = (size_t)sequence->rules->n_ctx;
    /* The last id that may be drawn needs no draft, and the window must have room. */
    size_t n_new = sequence->ids.n - sequence->n_before;
    n_most = size_min(n_most, sequence->n_new_max - n_new - 1);
    n_most = size_min(n_most, n_ctx - sequence_window(sequence));
    if (n_most > 0) {
        task->n_drafted = drafter->draft(drafter->context, task->text->seat.slot, sequence,
                                         size_min(n_most, DRAFT_MOST), task->draft);
    }
}

/* Put drafts after the last ids, if the pass has so few rows that they cost little. */
static void add_drafts(struct pass *pass, size_t n_rows) {
    if (pass->drafter == NULL || n_rows >= DRAFT_ROWS || pass->n_tasks == 0) {
        return;
    }
    size_t share = (DRAFT_ROWS - n_rows) / pass->n_tasks;
    for (size_t i = 0; i < pass->n_tasks; i++) {
        struct task *task = &pass->tasks[i];
        const struct text *text = task->text;
        if (task->is_last && !task->reads_prompt && !text->sequence.finished &&
            !text->decoder->is_provisional && !text->decoder->is_unguessed) {
            add_draft(pass->drafter, task, share);
        }
    }
}

/* ---- what comes of it ------------------------------------------------------------------------*/

/* A text is done. It may have to wait for its turn, so what is not needed any more goes now. */
static void leave(const struct pass *pass, struct text *text) {
    scheduler_leave(pass->scheduler, text);
    text->decoder->end(text->decoder->context, text);
}

/* All that are done. */
static void leave_done(const struct pass *pass) {
    for (size_t i = 0; i < pass->scheduler->n; i++) {
        struct text *text = scheduler_at(pass->scheduler, i);
        if (text->done && text->seat.slot != SEAT_NONE) {
            leave(pass, text);
        }
    }
}

/* A text has failed by itself. */
static enum gen_status fail(const struct pass *pass, struct text *text, struct gen_error *err) {
    const struct gen_error error = *err;
    enum gen_status status = sequence_fail(&text->sequence, &error, err);
    leave(pass, text);
    return status;
}

/* Hand the logits of a task to the decoder, and those of the draft as long as it comes true. */
static enum gen_status decode(const struct pass *pass, const struct task *task, size_t *n_accepted,
                              struct gen_error *err) {
    struct text *text = task->text;
    const struct decoder *decoder = text->decoder;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < task->n + task->n_drafted && status == GEN_OK && !text->done; i++) {
        size_t at = task->first + i;
        if (i >= task->n) {
            if (text->sequence.ids.data[at] != task->draft[i - task->n]) {
                break;
            }
            ++*n_accepted;
        }
        if (at >= text->n_seen) {
            text->n_seen = at + 1;
            const float *logits = gen_session_logits(pass->scheduler->session, task->row + i);
            status = decoder->step(decoder->context, text, at, logits, err);
        }
    }
    return status;
}

/* Take what a text has got from the pass. */
static enum gen_status take(struct pass *pass, const struct task *task, struct gen_error *err) {
    struct gen_session *session = pass->scheduler->session;
    struct text *text = task->text;
    int32_t slot = text->seat.slot;
    size_t n_accepted = 0;
    if (task->reads_prompt && task->is_last && !text->is_other) {
        scheduler_keep(pass->scheduler, text);
    }
    enum gen_status status = decode(pass, task, &n_accepted, err);
    if (task->n_drafted > 0) {
        size_t n_wrong = task->n_drafted - n_accepted;
        text->effort.n_guessed += n_accepted;
        pass->drafter->learn(pass->drafter->context, slot, n_accepted);
        gen_session_truncate(session, slot, gen_session_length(session, slot) - (int32_t)n_wrong);
    }
    return sequence_own_failure(status) ? fail(pass, text, err) : status;
}

/* ---- the pass --------------------------------------------------------------------------------*/

static size_t add_rows(struct pass *pass, struct task *task, size_t n_rows) {
    const struct text *text = task->text;
    task->row = n_rows;
    for (size_t i = 0; i < task->n; i++) {
        size_t number = task->first + i;
        pass->rows[n_rows++] = (struct gen_row){text->sequence.ids.data[number], text->seat.slot,
                                                number >= text->n_seen};
    }
    for (size_t i = 0; i < task->n_drafted; i++) {
        pass->rows[n_rows++] = (struct gen_row){task->draft[i], text->seat.slot, true};
    }
    return n_rows;
}

static enum gen_status evaluate(struct pass *pass, struct task *tasks, size_t n,
                                struct gen_error *err) {
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++) {
        n_rows = add_rows(pass, &tasks[i], n_rows);
    }
    enum gen_status status;
    do {
        status = gen_session_eval(pass->scheduler->session, pass->rows, n_rows, err);
        /* What nobody uses just now can be read again. */
    } while (status == GEN_NO_MEMORY && scheduler_forget(pass->scheduler));
    return status;
}

static enum gen_status take_all(struct pass *pass, const struct task *tasks, size_t n,
                                struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        status = take(pass, &tasks[i], err);
    }
    return status;
}

/* The whole pass failed through one of its texts: do it with each of them alone, and no draft. */
static enum gen_status find_culprit(struct pass *pass, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < pass->n_tasks && status == GEN_OK; i++) {
        struct task *task = &pass->tasks[i];
        task->n_drafted = 0;
        status = evaluate(pass, task, 1, err);
        if (status == GEN_OK) {
            status = take(pass, task, err);
        } else if (sequence_own_failure(status)) {
            status = fail(pass, task->text, err);
        }
    }
    return status;
}

/* Time passes for all texts at work alike, whatever part of the work was for others. */
static void note_time(const struct pass *pass, double evaluating, double drawing) {
    for (size_t i = 0; i < pass->n_tasks; i++) {
        const struct task *task = &pass->tasks[i];
        struct effort *effort = &task->text->effort;
        if (task->reads_prompt) {
            effort->prompt_seconds += evaluating;
            effort->decode_seconds += task->is_last ? drawing : 0.0;
        } else {
            effort->decode_seconds += evaluating + drawing;
        }
    }
}

enum gen_status pass_run(struct pass *pass, struct gen_error *err) {
    double start = gen_clock();
    scheduler_wake(pass->scheduler);
    add_drafts(pass, plan(pass));
    enum gen_status status = evaluate(pass, pass->tasks, pass->n_tasks, err);
    double evaluated = gen_clock();
    if (status == GEN_OK) {
        status = take_all(pass, pass->tasks, pass->n_tasks, err);
    } else if (sequence_own_failure(status)) {
        status = find_culprit(pass, err);
    }
    if (status == GEN_OK && pass->settles != NULL) {
        status = pass->settles->settle(pass->settles->context, err);
    }
    note_time(pass, evaluated - start, gen_clock() - evaluated);
    leave_done(pass);
    return status;
}
