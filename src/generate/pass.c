/**
 * pass.c - a pass through the model: which rows it has (a chunk of a prompt, or a last id and its
 * draft), one evaluation, then a draw for each text from its logits. Which texts are under way is
 * decided in scheduler.c; an id becomes text in sequence.c.
 */
#include "generate/pass.h"

#include "base/error.h"
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

/** What one text has in the pass: ids first ... first+n-1, and a draft of what follows. */
struct task {
    struct sequence *sequence;
    size_t first, n;
    bool reads_prompt, draws;
    size_t n_drafted;
    int32_t draft[SPECULATE_MAX];
    size_t row; /**< number of its first row */
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

void pass_begin(struct pass *pass, const struct gen_sink *sink,
                const struct sequence_rules *rules) {
    pass->sink = sink;
    pass->rules = rules;
}

/* ---- what is to be done ------------------------------------------------------------------- */

/** The ids from number `first` on that are read at once: those without logits, or those with. */
static size_t chunk_size(const struct pass *pass, const struct sequence *sequence, size_t first,
                         size_t room) {
    size_t n = size_min(sequence->ids.n - first, room);
    if (pass->sink->logits == NULL) {
        return n;
    }
    return sequence->n_logits > first ? size_min(n, sequence->n_logits - first)
                                      : size_min(n, CHUNK_LOGITS_ROWS);
}

static bool is_at_work(const struct sequence *sequence) {
    return sequence->slot != SEQUENCE_NO_SLOT && sequence->reader == NULL;
}

/** Give each text its part; returns the rows there are. */
static size_t plan(struct pass *pass) {
    struct scheduler *scheduler = pass->scheduler;
    size_t n_decoding = 0;
    for (size_t i = 0; i < scheduler->n; i++) {
        const struct sequence *sequence = scheduler_at(scheduler, i);
        n_decoding += is_at_work(sequence) && scheduler_pending(scheduler, sequence) == 1;
    }
    size_t room = size_max(CHUNK_LEAST, CHUNK_ROWS - size_min(n_decoding, CHUNK_ROWS));
    size_t n_rows = 0;
    pass->n_tasks = 0;
    for (size_t i = 0; i < scheduler->n; i++) {
        struct sequence *sequence = scheduler_at(scheduler, i);
        size_t pending = is_at_work(sequence) ? scheduler_pending(scheduler, sequence) : 0;
        if (pending == 0 || (pending > 1 && room == 0)) {
            continue;
        }
        size_t first = sequence->ids.n - pending;
        size_t n = pending > 1 ? chunk_size(pass, sequence, first, room) : 1;
        room -= pending > 1 ? n : 0;
        n_rows += n;
        pass->tasks[pass->n_tasks++] = (struct task){.sequence = sequence,
                                                     .first = first,
                                                     .n = n,
                                                     .reads_prompt = !sequence->prompt_is_read,
                                                     .draws = n == pending};
    }
    return n_rows;
}

/** Put drafts after the last ids, if the pass has so few rows that they cost little. */
static void add_drafts(struct pass *pass, size_t n_rows) {
    size_t n_ctx = (size_t)pass->rules->n_ctx;
    bool wanted = pass->rules->options->speculate && pass->sink->logits == NULL;
    if (!wanted || n_rows >= DRAFT_ROWS || pass->n_tasks == 0) {
        return;
    }
    size_t share = (DRAFT_ROWS - n_rows) / pass->n_tasks;
    for (size_t i = 0; i < pass->n_tasks; i++) {
        struct task *task = &pass->tasks[i];
        struct sequence *sequence = task->sequence;
        const struct gen_ids *ids = &sequence->ids;
        /* The last id that may be drawn needs no draft, and the window must have room. */
        size_t n_new = ids->n - sequence->n_before;
        size_t window = sequence_window(sequence);
        size_t most = size_min(share, sequence->n_new_max - n_new - 1);
        most = size_min(most, n_ctx - window);
        size_t n_seen = size_min(ids->n, n_ctx);
        if (task->draws && !task->reads_prompt && most > 0) {
            task->n_drafted = speculation_draft(task->draft, &sequence->speculation,
                                                ids->data + (ids->n - n_seen), n_seen,
                                                size_min(most, SPECULATE_MAX));
        }
    }
}

enum gen_status pass_canceled(struct gen_error *err) {
    return error_set(err, GEN_CANCELED, "the job was canceled");
}

/* ---- drawing ------------------------------------------------------------------------------ */

/** A text has failed by itself. */
static enum gen_status fail(struct pass *pass, struct sequence *sequence, struct gen_error *err) {
    const struct gen_error error = *err;
    scheduler_leave(pass->scheduler, sequence);
    return sequence_fail(sequence, &error, err);
}

/** Draw from logits; the text may be finished by it, and then leaves its slot. */
static enum gen_status draw(struct pass *pass, struct sequence *sequence, const float *logits,
                            struct gen_error *err) {
    /* Where the sink wants logits a finished text has yet to read its last id. */
    bool leaves_at_once = pass->sink->logits == NULL || sequence->finished;
    enum gen_status status = GEN_OK;
    if (!sequence->finished) {
        status = sequence_step(sequence, logits, err);
    }
    if (sequence_own_failure(status)) {
        return fail(pass, sequence, err);
    }
    if (sequence->finished && leaves_at_once) {
        scheduler_leave(pass->scheduler, sequence);
    }
    return status;
}

/** Draw from the logits of the last id, and on as long as the draft comes true. */
static enum gen_status draw_on(struct pass *pass, const struct task *task, struct gen_error *err) {
    struct gen_session *session = pass->scheduler->session;
    struct sequence *sequence = task->sequence;
    int32_t slot = sequence->slot;
    size_t window = sequence_window(sequence);
    size_t n_accepted = 0;
    enum gen_status status;
    bool goes_on;
    do {
        const float *logits = gen_session_logits(session, task->row + task->n - 1 + n_accepted);
        status = draw(pass, sequence, logits, err);
        goes_on = status == GEN_OK && !sequence->finished && n_accepted < task->n_drafted &&
                  sequence->ids.data[sequence->ids.n - 1] == task->draft[n_accepted];
        n_accepted += goes_on;
    } while (goes_on);
    sequence->n_guessed += n_accepted;
    if (task->n_drafted > 0) {
        speculation_learn(&sequence->speculation, n_accepted);
        gen_session_truncate(session, slot, (int32_t)(window + n_accepted));
    }
    return status;
}

/** Hand the logits of a task to the sink, those that it has not had. */
static enum gen_status report_logits(const struct pass *pass, const struct task *task,
                                     struct gen_error *err) {
    const struct gen_sink *sink = pass->sink;
    struct sequence *sequence = task->sequence;
    for (size_t i = 0; i < task->n; i++) {
        if (task->first + i < sequence->n_logits) {
            continue;
        }
        sequence->n_logits = task->first + i + 1;
        const float *logits = gen_session_logits(pass->scheduler->session, task->row + i);
        if (!sink->logits(sink->context, logits, pass->rules->n_vocab)) {
            return pass_canceled(err);
        }
    }
    return GEN_OK;
}

/** Take what a text has got from the pass. */
static enum gen_status take(struct pass *pass, const struct task *task, struct gen_error *err) {
    struct sequence *sequence = task->sequence;
    enum gen_status status = GEN_OK;
    if (pass->sink->logits != NULL) {
        status = report_logits(pass, task, err);
    }
    sequence->prompt_is_read = sequence->prompt_is_read || task->draws;
    return status == GEN_OK && task->draws ? draw_on(pass, task, err) : status;
}

/* ---- the pass ------------------------------------------------------------------------------- */

static size_t add_rows(struct pass *pass, struct task *task, size_t n_rows) {
    const struct sequence *sequence = task->sequence;
    bool all_logits = pass->sink->logits != NULL;
    task->row = n_rows;
    for (size_t i = 0; i < task->n; i++) {
        size_t number = task->first + i;
        bool want_logits =
            (task->draws && i + 1 == task->n) || (all_logits && number >= sequence->n_logits);
        pass->rows[n_rows++] =
            (struct gen_row){sequence->ids.data[number], sequence->slot, want_logits};
    }
    for (size_t i = 0; i < task->n_drafted; i++) {
        pass->rows[n_rows++] = (struct gen_row){task->draft[i], sequence->slot, true};
    }
    return n_rows;
}

static enum gen_status evaluate(struct pass *pass, struct task *tasks, size_t n,
                                struct gen_error *err) {
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++) {
        n_rows = add_rows(pass, &tasks[i], n_rows);
    }
    return gen_session_eval(pass->scheduler->session, pass->rows, n_rows, err);
}

static enum gen_status take_all(struct pass *pass, const struct task *tasks, size_t n,
                                struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        status = take(pass, &tasks[i], err);
    }
    return status;
}

/** The whole pass failed through one of its texts: do it with each of them alone, and no draft. */
static enum gen_status find_culprit(struct pass *pass, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < pass->n_tasks && status == GEN_OK; i++) {
        struct task *task = &pass->tasks[i];
        task->n_drafted = 0;
        status = evaluate(pass, task, 1, err);
        if (status == GEN_OK) {
            status = take(pass, task, err);
        } else if (sequence_own_failure(status)) {
            status = fail(pass, task->sequence, err);
        }
    }
    return status;
}

/** Time passes for all texts at work alike, whatever part of the work was for others. */
static void note_time(const struct pass *pass, double evaluating, double drawing) {
    for (size_t i = 0; i < pass->n_tasks; i++) {
        const struct task *task = &pass->tasks[i];
        struct sequence *sequence = task->sequence;
        if (task->reads_prompt) {
            sequence->prompt_seconds += evaluating;
            sequence->decode_seconds += task->draws ? drawing : 0.0;
        } else {
            sequence->decode_seconds += evaluating + drawing;
        }
    }
}

enum gen_status pass_run(struct pass *pass, struct gen_error *err) {
    const struct gen_sink *sink = pass->sink;
    if (sink->go_on != NULL && !sink->go_on(sink->context)) {
        return pass_canceled(err);
    }
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
    note_time(pass, evaluated - start, gen_clock() - evaluated);
    return status;
}
