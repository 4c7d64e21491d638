/**
 * tokenize_batch.c - many texts on all cores: some are read, divided into shares of neighbours that
 * threads turn into lines, which are written in their order; then the next are read. Memory does
 * not grow with the file, and whoever writes line by line is answered line by line. What becomes of
 * a record is tokenize_record.c's.
 */
#include "cmd/tokenize/tokenize_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "text/lines.h"

/* What is read before it is worked on: SHARES_PER_THREAD shares of about SHARE_BYTES for each
 * thread, so that none waits long for another; of records MOST_RECORDS, as they may be empty. */
#define SHARE_BYTES       ((size_t)128 << 10)
#define SHARES_PER_THREAD 4
#define MOST_RECORDS      65536

/* A record that was read. */
struct kept_record {
    size_t at, n; /* in batch.text */
    uint64_t index, place;
    bool too_long;
};

/* Neighbouring records that one thread works on, and what it made of them. */
struct share {
    size_t first, end;
    struct gen_bytes out;
    struct gen_error *errors;
    size_t n_errors, capacity;
};

struct batch {
    const struct tokenize_form *form;
    struct input *input;
    size_t most_bytes;
    struct gen_bytes record; /* read last */
    struct gen_bytes text;   /* of all records, one after the other */
    struct kept_record *records;
    size_t n, capacity;
    struct share *shares;
    size_t n_shares, n_made, shares_capacity; /* n_made have memory of their own */
    struct tokenize_worker *workers;          /* one for each thread */
    uint64_t next_index;
    struct gen_error too_long; /* what is said of each such record */
    struct gen_error error;    /* why reading ended */
    bool ended, reading_failed;
    bool record_failed; /* at least one */
};

/* ---- reading ---------------------------------------------------------------------------------*/

static char separator(const struct batch *batch) {
    return batch->form->settings->null ? '\0' : '\n';
}

static void add_record(struct batch *batch, bool too_long) {
    struct kept_record record = {.at = batch->text.n,
                                 .n = too_long ? 0 : batch->record.n,
                                 .index = batch->next_index++,
                                 .place = batch->input->n_records,
                                 .too_long = too_long};
    alloc_grow(&batch->records, &batch->capacity, batch->n + 1, sizeof *batch->records);
    batch->records[batch->n++] = record;
    alloc_append(&batch->text, batch->record.data, record.n);
}

/* Read some records; once there is one, no more than can be had without waiting. */
static void read_records(struct batch *batch) {
    batch->n = batch->text.n = 0;
    while (!batch->ended && batch->text.n < batch->most_bytes && batch->n < MOST_RECORDS &&
           (batch->n == 0 ||
            input_ready(batch->input, &batch->record, separator(batch), INPUT_PROMPT_LIMIT))) {
        switch (input_next(batch->input, &batch->record, separator(batch), INPUT_PROMPT_LIMIT,
                           &batch->error)) {
        case INPUT_RECORD:
            /* Blank lines between objects are none. */
            if (!batch->form->settings->jsonl ||
                !text_is_blank(batch->record.data, batch->record.n)) {
                add_record(batch, false);
            }
            break;
        case INPUT_TOO_LONG:
            message_set(&batch->too_long, GEN_BAD_FILE, INPUT_TOO_LONG_FORMAT,
                        INPUT_PROMPT_LIMIT >> 20);
            add_record(batch, true);
            break;
        case INPUT_FAILED:
            batch->reading_failed = true;
            batch->ended = true;
            break;
        case INPUT_END:
            batch->ended = true;
            break;
        }
    }
}

/* ---- working ---------------------------------------------------------------------------------*/

static void divide(struct batch *batch) {
    batch->n_shares = 0;
    for (size_t i = 0, next; i < batch->n; i = next) {
        size_t bytes = 0;
        for (next = i; next < batch->n && bytes < SHARE_BYTES; next++) {
            bytes += batch->records[next].n + 1;
        }
        if (batch->n_shares == batch->n_made) {
            alloc_grow(&batch->shares, &batch->shares_capacity, batch->n_made + 1,
                       sizeof *batch->shares);
            batch->shares[batch->n_made++] = (struct share){0};
        }
        struct share *share = &batch->shares[batch->n_shares++];
        share->first = i;
        share->end = next;
        share->out.n = share->n_errors = 0;
    }
}

static void work_share(const struct batch *batch, struct share *share,
                       struct tokenize_worker *worker) {
    for (size_t i = share->first; i < share->end; i++) {
        const struct kept_record *kept = &batch->records[i];
        const struct tokenize_record record = {.bytes =
                                                   kept->n > 0 ? batch->text.data + kept->at : "",
                                               .n = kept->n,
                                               .index = kept->index,
                                               .place = kept->place,
                                               .error = kept->too_long ? &batch->too_long : NULL};
        struct gen_error err;
        enum gen_status status = tokenize_record(&share->out, worker, batch->form, &record, &err);
        if (status == GEN_NO_MEMORY) {
            alloc_failed(); /* no fault of this record */
        }
        if (status != GEN_OK) {
            alloc_grow(&share->errors, &share->capacity, share->n_errors + 1,
                       sizeof *share->errors);
            share->errors[share->n_errors++] = err;
        }
    }
}

static void work(void *context, size_t begin, size_t end, int thread) {
    struct batch *batch = context;
    for (size_t i = begin; i < end; i++) {
        work_share(batch, &batch->shares[i], &batch->workers[thread]);
    }
}

/* ---- writing ---------------------------------------------------------------------------------*/

/* False where writing failed. */
static bool write_shares(struct batch *batch, struct text_out *out, struct progress *progress) {
    bool good = true;
    for (size_t i = 0; i < batch->n_shares && good; i++) {
        struct share *share = &batch->shares[i];
        batch->record_failed = batch->record_failed || share->n_errors > 0;
        for (size_t j = 0; j < share->n_errors; j++) {
            progress_end(progress);
            message("%s", share->errors[j].message);
        }
        good = text_out_write(out, share->out.data, share->out.n);
    }
    return text_out_show(out) && good;
}

static void show_progress(const struct batch *batch, struct progress *progress) {
    double share = input_share(batch->input);
    if (share >= 0) {
        progress_update(progress, (uint64_t)(share * 1000), 1000);
    } else {
        progress_count(progress, "%llu texts", (unsigned long long)batch->next_index);
    }
}

static void batch_release(struct batch *batch, int n_threads) {
    for (size_t i = 0; i < batch->n_made; i++) {
        gen_bytes_release(&batch->shares[i].out);
        free(batch->shares[i].errors);
    }
    for (int i = 0; i < n_threads; i++) {
        tokenize_worker_release(&batch->workers[i]);
    }
    free(batch->shares);
    free(batch->workers);
    free(batch->records);
    gen_bytes_release(&batch->record);
    gen_bytes_release(&batch->text);
}

static struct thread_pool *new_pool(int n_threads) {
    struct thread_pool *pool = thread_pool_new(n_threads);
    if (pool == NULL) {
        alloc_failed();
    }
    return pool;
}

struct tokenize_outcome tokenize_batch(const struct tokenize_form *form, struct input *input,
                                       struct text_out *out, int n_threads) {
    struct thread_pool *pool = new_pool(n_threads);
    size_t size = (size_t)thread_pool_size(pool);
    struct batch batch = {.form = form,
                          .input = input,
                          .most_bytes = size * SHARES_PER_THREAD * SHARE_BYTES,
                          .workers = alloc_new(size, sizeof *batch.workers)};
    struct progress progress;
    bool good = true;
    progress_begin(&progress, "tokenize", out->live);
    do {
        read_records(&batch);
        divide(&batch);
        thread_pool_run(pool, batch.n_shares, 1, work, &batch);
        good = write_shares(&batch, out, &progress);
        show_progress(&batch, &progress);
    } while (good && !batch.ended);
    progress_end(&progress);
    if (good && batch.reading_failed) {
        message("%s", batch.error.message);
    }
    const struct tokenize_outcome outcome = {.whole = good && !batch.reading_failed,
                                             .record_failed = batch.record_failed};
    batch_release(&batch, (int)size);
    thread_pool_free(pool);
    return outcome;
}
