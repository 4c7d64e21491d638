/**
 * reporter.c - texts to the callbacks of a gen_sink, and what their answers come to.
 */
#include "generate/reporter.h"

#include "base/error.h"

static enum gen_status answered(bool goes_on, struct gen_error *err) {
    return goes_on ? GEN_OK : error_set(err, GEN_CANCELED, "the job was canceled");
}

enum gen_status reporter_begin(const struct reporter *reporter, struct text *text,
                               struct gen_error *err) {
    const struct gen_sink *sink = reporter->sink;
    const struct sequence *sequence = &text->sequence;
    if (text->told.begun) {
        return GEN_OK;
    }
    text->told.begun = true;
    size_t n_prompt;
    const int32_t *prompt = sequence_prompt(sequence, &n_prompt);
    return answered(sink->begin == NULL || sink->begin(sink->context, sequence->index,
                                                       sequence->number, prompt, n_prompt),
                    err);
}

enum gen_status reporter_text(struct reporter *reporter, struct text *text, struct gen_error *err) {
    const struct gen_sink *sink = reporter->sink;
    const struct sequence *sequence = &text->sequence;
    size_t n = sequence->text.n - text->told.n_bytes;
    if (n == 0 || sink->text == NULL || reporter->text_is_refused) {
        return GEN_OK;
    }
    const char *bytes = sequence->text.data + text->told.n_bytes;
    text->told.n_bytes = sequence->text.n;
    reporter->text_is_refused =
        !sink->text(sink->context, sequence->index, sequence->number, bytes, n);
    return answered(!reporter->text_is_refused, err);
}

enum gen_status reporter_logits(const struct reporter *reporter, struct text *text,
                                const float *logits, struct gen_error *err) {
    const struct gen_sink *sink = reporter->sink;
    enum gen_status status = reporter_begin(reporter, text, err);
    return status != GEN_OK
               ? status
               : answered(sink->logits(sink->context, logits, text->sequence.rules->n_vocab), err);
}

enum gen_status reporter_end(const struct reporter *reporter, const struct text *text,
                             struct gen_error *err) {
    const struct gen_sink *sink = reporter->sink;
    const struct effort *effort = &text->effort;
    struct gen_result result = sequence_result(&text->sequence);
    result.n_cached = effort->n_cached;
    result.n_guessed = effort->n_guessed;
    result.n_drafted = effort->n_drafted;
    result.draft_seconds = effort->draft_seconds;
    result.prompt_seconds = effort->prompt_seconds;
    result.decode_seconds = effort->decode_seconds;
    return answered(sink->end == NULL || sink->end(sink->context, &result), err);
}

enum gen_status reporter_go_on(const struct reporter *reporter, struct gen_error *err) {
    const struct gen_sink *sink = reporter->sink;
    return answered(sink->go_on == NULL || sink->go_on(sink->context), err);
}
