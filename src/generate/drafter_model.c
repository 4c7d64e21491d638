/**
 * drafter_model.c - guesses of a draft model. For all texts of a pass at once: a step reads one id
 * of each, and draws the next with a copy of the text's sampler. How far that goes draft_pace.c
 * says, what the model has read of each text draft_reader.c knows. Whatever goes wrong, it gives
 * up, and the texts go on without guesses.
 */
#include "generate/drafter_model.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "gen_bench.h"
#include "generate/decoder.h"
#include "model/model.h"

/* Ids that a step may read of a text besides its last one: more are read before. */
#define STEP_MOST 8

/* ---- whether it can guess --------------------------------------------------------------------*/

static enum gen_status check_tokens(const struct gen_model *draft, const struct gen_model *model,
                                    struct gen_error *err) {
    for (int32_t id = 0; id < model->config.n_vocab; id++) {
        size_t n, n_other;
        const char *piece = gen_tokenizer_piece(draft->tokenizer, id, &n);
        const char *other = gen_tokenizer_piece(model->tokenizer, id, &n_other);
        if (n != n_other || memcmp(piece, other, n) != 0) {
            struct error_quoted found, expected;
            error_quote(&found, piece, n);
            error_quote(&expected, other, n_other);
            return error_set(err, GEN_BAD_ARGUMENT,
                             "%s: token %d is \"%.40s\", but must be \"%.40s\": a draft model must "
                             "have the vocabulary of %s",
                             draft->where.text, (int)id, found.text, expected.text,
                             model->where.text);
        }
    }
    return GEN_OK;
}

static enum gen_status check_vocabulary(const struct gen_model *draft,
                                        const struct gen_model *model, struct gen_error *err) {
    int32_t n = draft->config.n_vocab;
    int32_t n_model = model->config.n_vocab;
    if (n != n_model) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s: has %d tokens, but must have %d: a draft model must have the "
                         "vocabulary of %s",
                         draft->where.text, (int)n, (int)n_model, model->where.text);
    }
    bool has_tokens = draft->tokenizer != NULL && model->tokenizer != NULL;
    return has_tokens ? check_tokens(draft, model, err) : GEN_OK;
}

/* ---- making and freeing ----------------------------------------------------------------------*/

void drafter_model_free(struct drafter_model *drafter) {
    if (drafter == NULL) {
        return;
    }
    draft_pace_release(&drafter->pace);
    draft_reader_release(&drafter->reader);
    memory_free(drafter->rows);
    memory_free(drafter);
}

static enum gen_status init(struct drafter_model *drafter, const struct gen_model *draft,
                            const struct gen_model *model,
                            const struct gen_session_options *options, struct gen_error *err) {
    struct gen_session_options own = *options;
    bool is_shorter = own.n_ctx > 0 && own.n_ctx < draft->config.n_ctx;
    own.n_ctx = is_shorter ? own.n_ctx : draft->config.n_ctx;
    own.n_ctx = own.n_ctx < model->config.n_ctx ? own.n_ctx : model->config.n_ctx;
    enum gen_status status = draft_reader_init(&drafter->reader, draft, &own, err);
    if (status != GEN_OK) {
        return status;
    }
    double bytes = (double)gen_model_cost(draft).weight_bytes;
    double ratio = bytes / (double)gen_model_cost(model).weight_bytes;
    drafter->rows =
        memory_new(drafter->reader.n_ctx + DRAFT_ROWS * (STEP_MOST + 1), sizeof *drafter->rows);
    return drafter->rows != NULL && draft_pace_init(&drafter->pace, drafter->reader.n_slots, ratio)
               ? GEN_OK
               : error_no_memory(err, "the draft model's guesses");
}

enum gen_status drafter_model_new(struct drafter_model **out, const struct gen_model *draft,
                                  const struct gen_model *model,
                                  const struct gen_session_options *options,
                                  struct gen_error *err) {
    *out = NULL;
    enum gen_status status = check_vocabulary(draft, model, err);
    if (status != GEN_OK) {
        return status;
    }
    struct drafter_model *drafter = memory_new(1, sizeof *drafter);
    if (drafter == NULL) {
        return error_no_memory(err, "the draft model's guesses");
    }
    status = init(drafter, draft, model, options, err);
    if (status != GEN_OK) {
        drafter_model_free(drafter);
        return status;
    }
    *out = drafter;
    return GEN_OK;
}

static bool has_given_up(const struct drafter_model *drafter) {
    return drafter->reader.session == NULL;
}

/* No guesses any more. */
static void give_up(struct drafter_model *drafter, const struct gen_error *reason) {
    drafter->report.error = *reason;
    draft_reader_release(&drafter->reader);
}

/* ---- guessing --------------------------------------------------------------------------------*/

/* A text that is guessed at. */
struct guess {
    struct draft *draft;
    size_t n_wanted;
    struct gen_sampler *sampler; /* a copy, at the end of the draft; NULL: no more guesses */
    size_t row;                  /* of the step, its last id */
};

static int32_t slot_of(const struct guess *guess) {
    return guess->draft->text->seat.slot;
}

/* Id number `at` of the text and the draft after it. */
static int32_t id_at(const struct guess *guess, size_t at) {
    const struct gen_ids *ids = &guess->draft->text->sequence.ids;
    return at < ids->n ? ids->data[at] : guess->draft->ids[at - ids->n];
}

/* Rows for the next n ids that the model reads of a text; returns how many rows there are then. */
static size_t add_rows(const struct drafter_model *drafter, const struct guess *guess, size_t n,
                       size_t n_rows) {
    size_t next = draft_reader_next(&drafter->reader, slot_of(guess));
    for (size_t i = 0; i < n; i++) {
        drafter->rows[n_rows++] = (struct gen_row){id_at(guess, next + i), slot_of(guess), false};
    }
    return n_rows;
}

/* Have the model know the text, but for its last ids. */
static enum gen_status read_text(struct drafter_model *drafter, const struct guess *guess,
                                 size_t most_read, struct gen_error *err) {
    const struct gen_ids *ids = &guess->draft->text->sequence.ids;
    size_t missing = draft_reader_place(&drafter->reader, slot_of(guess), ids->data, ids->n,
                                        guess->n_wanted, most_read);
    if (missing <= STEP_MOST) {
        return GEN_OK;
    }
    double start = gen_clock();
    size_t n_rows = add_rows(drafter, guess, missing - 1, 0);
    enum gen_status status = draft_reader_read(&drafter->reader, drafter->rows, n_rows, err);
    draft_pace_read(&drafter->pace, n_rows, gen_clock() - start);
    return status;
}

static void end_guess(struct guess *guess) {
    gen_sampler_free(guess->sampler);
    guess->sampler = NULL;
}

static bool ends_text(const struct guess *guess, int32_t id) {
    const struct sequence_rules *rules = guess->draft->text->sequence.rules;
    for (size_t i = 0; i < rules->n_eos; i++) {
        if (rules->eos[i] == id) {
            return true;
        }
    }
    return false;
}

/* Draw the next id of a draft. After an end there is nothing to guess, nor at a dead end. */
static void draw(const struct drafter_model *drafter, struct guess *guess) {
    struct draft *draft = guess->draft;
    const float *logits = gen_session_logits(drafter->reader.session, guess->row);
    int32_t id = -1;
    if (gen_sampler_next(guess->sampler, logits, &id, NULL) != GEN_OK || ends_text(guess, id)) {
        end_guess(guess);
        return;
    }
    draft->ids[draft->n++] = id;
    if (draft->n == guess->n_wanted) {
        end_guess(guess);
    }
}

/* One more id for each of the texts; *n_more is how many there were. */
static enum gen_status step(struct drafter_model *drafter, struct guess *guesses, size_t n,
                            size_t *n_more, struct gen_error *err) {
    size_t n_rows = 0;
    double start = gen_clock();
    *n_more = 0;
    for (size_t i = 0; i < n; i++) {
        struct guess *guess = &guesses[i];
        if (guess->sampler == NULL) {
            continue;
        }
        size_t n_ids = guess->draft->text->sequence.ids.n + guess->draft->n;
        size_t next = draft_reader_next(&drafter->reader, slot_of(guess));
        n_rows = add_rows(drafter, guess, n_ids - next, n_rows);
        guess->row = n_rows - 1;
        drafter->rows[guess->row].want_logits = true;
        ++*n_more;
    }
    if (*n_more == 0) {
        return GEN_OK;
    }
    enum gen_status status = draft_reader_read(&drafter->reader, drafter->rows, n_rows, err);
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        if (guesses[i].sampler != NULL) {
            draw(drafter, &guesses[i]);
        }
    }
    draft_pace_step(&drafter->pace, *n_more, gen_clock() - start);
    return status;
}

/* Guess at the texts that the plan has guesses for. */
static enum gen_status guess_all(struct drafter_model *drafter, struct guess *guesses, size_t n,
                                 size_t most_read, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    size_t n_more = n;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        const struct text *text = guesses[i].draft->text;
        guesses[i].sampler = sampler_clone(text->decoder->sampler(text));
        if (guesses[i].sampler == NULL) {
            return error_no_memory(err, "the draft model's sampler");
        }
        status = read_text(drafter, &guesses[i], most_read, err);
    }
    while (n_more > 0 && status == GEN_OK) {
        status = step(drafter, guesses, n, &n_more, err);
    }
    return status;
}

static bool can_be_guessed(const struct draft *draft) {
    return draft->text->decoder->sampler != NULL;
}

static void guess(void *context, struct draft *drafts, size_t n_drafts, size_t n_plain) {
    struct drafter_model *drafter = context;
    struct guess guesses[DRAFT_ROWS] = {{0}};
    struct gen_error err;
    size_t n = 0;
    if (has_given_up(drafter)) {
        return;
    }
    double start = gen_clock();
    struct draft_plan plan = draft_pace_plan(&drafter->pace, drafts, n_drafts, n_plain);
    for (size_t i = 0; i < n_drafts; i++) {
        if (plan.lengths[i] > 0 && can_be_guessed(&drafts[i])) {
            size_t most = draft_reader_most(&drafter->reader);
            guesses[n++] = (struct guess){&drafts[i], size_min(plan.lengths[i], most), NULL, 0};
        }
    }
    enum gen_status status = guess_all(drafter, guesses, n, plan.most_read, &err);
    for (size_t i = 0; i < n; i++) {
        end_guess(&guesses[i]);
        guesses[i].draft->n = status == GEN_OK ? guesses[i].draft->n : 0;
        drafter->report.n_drafted += guesses[i].draft->n;
    }
    drafter->report.seconds += n > 0 ? gen_clock() - start : 0.0;
    if (status != GEN_OK) {
        give_up(drafter, &err);
    }
}

/* ---- what comes of it ------------------------------------------------------------------------*/

static void seat(void *context, int32_t slot, const struct sequence *sequence) {
    struct drafter_model *drafter = context;
    (void)sequence;
    draft_pace_seat(&drafter->pace, slot);
    if (!has_given_up(drafter)) {
        draft_reader_seat(&drafter->reader, slot);
    }
}

static void learn(void *context, const struct draft *draft, size_t n_accepted) {
    struct drafter_model *drafter = context;
    draft_pace_learn(&drafter->pace, draft->text->seat.slot, draft->n, n_accepted);
    drafter->report.n_accepted += n_accepted;
}

static void passed(void *context, size_t n_plain, size_t n_drafted, double seconds) {
    struct drafter_model *drafter = context;
    draft_pace_passed(&drafter->pace, n_plain, n_drafted, seconds);
}

static bool forget(void *context) {
    struct drafter_model *drafter = context;
    struct gen_error reason;
    if (has_given_up(drafter)) {
        return false;
    }
    error_set(&reason, GEN_NO_MEMORY, "the draft model's memory was needed for the texts");
    give_up(drafter, &reason);
    return true;
}

static void release(void *context) {
    drafter_model_free(context);
}

struct drafter drafter_model_drafter(struct drafter_model *drafter) {
    return (struct drafter){.context = drafter,
                            .seat = seat,
                            .draft = guess,
                            .learn = learn,
                            .passed = passed,
                            .forget = forget,
                            .free = release};
}
