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

/* What one text has in the pass: ids first ... first+n-1, and a draft of what follows. */
struct task {
    struct text *text;
    size_t first, n;
    bool reads_prompt, is_last; /* is_last: with it the text has read all its ids */
    const struct draft *draft;  /* NULL: none */
    size_t row;                 /* number of its first row */
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

/* How many ids a draft of a text may have. */
static size_t most_drafted(const struct sequence *sequence, size_t share) {
    size_t n_ctx = (size_t)sequence->rules->n_ctx;
    /* The last id that may be drawn needs no draft, and the window must have room. */
    size_t n_new = sequence->ids.n - sequence->n_before;
    size_t n_most = size_min(share, sequence->n_new_max - n_new - 1);
    return size_min(size_min(n_most, n_ctx - sequence_window(sequence)), DRAFT_MOST);
}

/* Put drafts after the last ids, if the pass has so few rows that they cost little. */
static void add_drafts(struct pass *pass, size_t n_rows) {
    pass->n_drafts = 0;
    if (pass->drafter == NULL || n_rows >= DRAFT_ROWS || pass->n_tasks == 0) {
        return;
    }
    size_t share = (DRAFT_ROWS - n_rows) / pass->n_tasks;
    for (size_t i = 0; i < pass->n_tasks; i++) {
        struct task *task = &pass->tasks[i];
        const struct text *text = task->text;
        if (task->is_last && !task->reads_prompt && !text->sequence.finished &&
            !text->decoder->is_provisional && !text->decoder->is_unguessed) {
            struct draft *draft = &pass->drafts[pass->n_drafts];
            *draft = (struct draft){.text = text, .n_most = most_drafted(&text->sequence, share)};
            task->draft = draft->n_most > 0 ? draft : NULL;
            pass->n_drafts += draft->n_most > 0;
        }
    }
    if (pass->n_drafts > 0) {
        pass->drafter->draft(pass->drafter->context, pass->drafts, pass->n_drafts, n_rows);
    }
}

static size_t n_drafted(const struct task *task) {
    return task->draft != NULL ? task->draft->n : 0;
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

/* Hand the logits of a task to the text and its decoder, and those of the draft as long as it comes
 * true. */
static enum gen_status decode(const struct pass *pass, const struct task *task, size_t *n_accepted,
                              struct gen_error *err) {
    struct text *text = task->text;
    const struct decoder *decoder = text->decoder;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < task->n + n_drafted(task) && status == GEN_OK && !text->done; i++) {
        size_t at = task->first + i;
        if (i >= task->n) {
            if (text->sequence.ids.data[at] != task->draft->ids[i - task->n]) {
                break;
            }
            ++*n_accepted;
        }
        if (at >= text->n_seen) {
            text->n_seen = at + 1;
            const float *logits = gen_session_logits(pass->scheduler->session, task->row + i);
            sequence_see_prompt(&text->sequence, at, logits);
            if (text->only_reads) {
                text->done = at + 2 >= text->sequence.n_prompt;
            } else if (at >= text->decodes_from) {
                status = decoder->step(decoder->context, text, at, logits, err);
            }
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
    if (n_drafted(task) > 0) {
        size_t n_wrong = n_drafted(task) - n_accepted;
        text->effort.n_guessed += n_accepted;
        text->effort.n_drafted += n_drafted(task);
        pass->drafter->learn(pass->drafter->context, task->draft, n_accepted);
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
    for (size_t i = 0; i < n_drafted(task); i++) {
        pass->rows[n_rows++] = (struct gen_row){task->draft->ids[i], text->seat.slot, true};
    }
    return n_rows;
}

static bool forget(const struct pass *pass) {
    const struct drafter *drafter = pass->drafter;
    return drafter != NULL && drafter->forget != NULL && drafter->forget(drafter->context);
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
        /* What nobody uses just now can be read again, and texts go on without guesses. */
    } while (status == GEN_NO_MEMORY && (scheduler_forget(pass->scheduler) || forget(pass)));
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
        task->draft = NULL;
        status = evaluate(pass, task, 1, err);
        if (status == GEN_OK) {
            status = take(pass, task, err);
        } else if (sequence_own_failure(status)) {
            status = fail(pass, task->text, err);
        }
    }
    return status;
}

/* Seconds that parts of a pass took. */
struct times {
    double drafting, evaluating, drawing;
};

/* Time passes for all texts at work alike, whatever part of the work was for others. */
static void note_time(const struct pass *pass, const struct times *times) {
    double reading = times->drafting + times->evaluating;
    for (size_t i = 0; i < pass->n_tasks; i++) {
        const struct task *task = &pass->tasks[i];
        struct effort *effort = &task->text->effort;
        if (task->reads_prompt) {
            effort->prompt_seconds += reading;
            effort->decode_seconds += task->is_last ? times->drawing : 0.0;
        } else {
            effort->decode_seconds += reading + times->drawing;
            effort->draft_seconds += times->drafting;
        }
    }
}

/* Tell the drafter how long the pass took. */
static void tell_time(const struct pass *pass, size_t n_plain, double seconds) {
    size_t n = 0;
    for (size_t i = 0; i < pass->n_drafts; i++) {
        n += pass->drafts[i].n;
    }
    if (pass->drafter != NULL && pass->drafter->passed != NULL) {
        pass->drafter->passed(pass->drafter->context, n_plain, n, seconds);
    }
}

enum gen_status pass_run(struct pass *pass, struct gen_error *err) {
    double start = gen_clock();
    scheduler_wake(pass->scheduler);
    size_t n_plain = plan(pass);
    add_drafts(pass, n_plain);
    double drafted = gen_clock();
    enum gen_status status = evaluate(pass, pass->tasks, pass->n_tasks, err);
    double evaluated = gen_clock();
    if (status == GEN_OK) {
        status = take_all(pass, pass->tasks, pass->n_tasks, err);
        tell_time(pass, n_plain, evaluated - drafted);
    } else if (sequence_own_failure(status)) {
        status = find_culprit(pass, err);
    }
    for (size_t i = 0; i < N_OF(pass->settles) && status == GEN_OK; i++) {
        const struct decoder *decoder = pass->settles[i];
        status = decoder != NULL ? decoder->settle(decoder->context, err) : GEN_OK;
    }
    const struct times times = {drafted - start, evaluated - drafted, gen_clock() - evaluated};
    note_time(pass, &times);
    leave_done(pass);
    return status;
}
