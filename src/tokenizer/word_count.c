/**
 * word_count.c - how often each word occurs in a text, counted on several threads: text is
 * buffered, cut where words end for certain, and each thread has a tally of its own until the end.
 * What a word is says pretokenize.c.
 */
#include "tokenizer/word_count.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/hash_table.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/threads.h"
#include "text/documents.h"
#include "tokenizer/pretokenize.h"

/* Text collected before it is counted: enough for every thread to have some shares. */
#define BUFFER_PER_THREAD ((size_t)1 << 20)
#define SHARE_BYTES       ((size_t)1 << 17)

/* ---- words and their counts, of one thread ---------------------------------------------------*/

#define BLOCK_BYTES ((size_t)1 << 18)

/* Bytes of words, end to end. */
struct block {
    struct block *next;
    char bytes[];
};

struct tally {
    struct hash_table index; /* of a word's bytes to its place in `words` */
    struct counted_word *words;
    size_t n_words;
    size_t capacity;
    struct block *blocks;
    char *free; /* the rest of the newest block */
    size_t n_free;
    bool no_memory;
};

static void tally_release(struct tally *tally) {
    hash_table_release(&tally->index);
    memory_free(tally->words);
    while (tally->blocks != NULL) {
        struct block *next = tally->blocks->next;
        memory_free(tally->blocks);
        tally->blocks = next;
    }
    *tally = (struct tally){0};
}

/* A copy of a word that stays where it is; NULL if out of memory. */
static const char *keep_bytes(struct tally *tally, const char *bytes, size_t n) {
    if (n > tally->n_free) {
        size_t room = size_max(n, BLOCK_BYTES);
        struct block *block = memory_new(sizeof *block + room, 1);
        if (block == NULL) {
            return NULL;
        }
        block->next = tally->blocks;
        tally->blocks = block;
        tally->free = block->bytes;
        tally->n_free = room;
    }
    char *copy = tally->free;
    memcpy(copy, bytes, n);
    tally->free += n;
    tally->n_free -= n;
    return copy;
}

static bool add_word(struct tally *tally, const char *bytes, size_t n, uint64_t count) {
    size_t at = tally->n_words;
    if (at >= UINT32_MAX || n > UINT32_MAX ||
        !memory_grow(&tally->words, &tally->capacity, at + 1, sizeof *tally->words)) {
        return false;
    }
    const char *copy = keep_bytes(tally, bytes, n);
    if (copy == NULL || hash_table_add(&tally->index, copy, n, (uint32_t)at) != HASH_ADDED) {
        return false;
    }
    tally->words[at] = (struct counted_word){copy, (uint32_t)n, count};
    tally->n_words++;
    return true;
}

static void count_word(struct tally *tally, const char *bytes, size_t n, uint64_t count) {
    uint32_t at = 0;
    if (hash_table_find(&tally->index, bytes, n, &at)) {
        tally->words[at].count += count;
    } else if (!add_word(tally, bytes, n, count)) {
        tally->no_memory = true;
    }
}

/* ---- text to words ---------------------------------------------------------------------------*/

static void count_words(struct tally *tally, const char *text, size_t n) {
    while (n > 0) {
        size_t length = pretokenize_word(text, n);
        count_word(tally, text, length, 1);
        text += length;
        n -= length;
    }
}

/* Count the words of n bytes, but for what divides documents. */
static void count_lines(struct tally *tally, const char *text, size_t n) {
    while (n > 0 && !tally->no_memory) {
        const char *newline = memchr(text, '\n', n);
        size_t line = newline != NULL ? (size_t)(newline - text) + 1 : n;
        size_t next;
        count_words(tally, text, text_document(text, line, &next));
        text += next;
        n -= next;
    }
}

/*
 * Whether words end at `at` > 0 whatever is around: after a newline, and between a visible
 * ASCII character and a space. All words there are found from either side alone.
 */
static bool is_cut(const char *text, size_t at) {
    char before = text[at - 1];
    return before == '\n' || (text[at] == ' ' && before > 0x20 && before < 0x7F);
}

/* The last such place in n bytes, or 0. */
static size_t last_cut(const char *text, size_t n) {
    while (n > 0 && text[n - 1] != '\n' && (n < 2 || !is_cut(text, n - 1))) {
        n--;
    }
    return n > 0 && text[n - 1] != '\n' ? n - 1 : n;
}

/* ---- shares for threads ----------------------------------------------------------------------*/

struct word_counter {
    struct thread_pool *pool;
    struct tally *tallies; /* [threads] */
    size_t n_tallies;
    char *buffer; /* text not yet counted; nothing of it is known to be whole words */
    size_t n_buffered;
    size_t capacity;
};

/* Text that is counted at once, in n_shares shares of about equal size. */
struct passage {
    struct tally *tallies;
    const char *text;
    size_t n;
    size_t n_shares;
};

static size_t share_begin(const struct passage *passage, size_t share) {
    size_t at = passage->n / passage->n_shares * share;
    if (share == 0 || share == passage->n_shares) {
        return share == 0 ? 0 : passage->n;
    }
    while (at < passage->n && !is_cut(passage->text, at)) {
        at++;
    }
    return at;
}

static void count_shares(void *context, size_t begin, size_t end, int thread) {
    const struct passage *passage = context;
    for (size_t share = begin; share < end; share++) {
        size_t from = share_begin(passage, share);
        size_t to = share_begin(passage, share + 1);
        count_lines(&passage->tallies[thread], passage->text + from, to - from);
    }
}

/* Count the first n bytes of the buffer and move up what is left. */
static enum gen_status count_buffer(struct word_counter *counter, size_t n, struct gen_error *err) {
    struct passage passage = {counter->tallies, counter->buffer, n, n / SHARE_BYTES + 1};
    thread_pool_run(counter->pool, passage.n_shares, 1, count_shares, &passage);
    counter->n_buffered -= n;
    memmove(counter->buffer, counter->buffer + n, counter->n_buffered);
    for (size_t i = 0; i < counter->n_tallies; i++) {
        if (counter->tallies[i].no_memory) {
            return error_no_memory(err, "the words of the text");
        }
    }
    return GEN_OK;
}

/* ---- the whole -------------------------------------------------------------------------------*/

enum gen_status word_counter_new(struct word_counter **out, int n_threads, struct gen_error *err) {
    *out = NULL;
    enum gen_status status = threads_check(n_threads, err);
    if (status != GEN_OK) {
        return status;
    }
    struct word_counter *counter = memory_new(1, sizeof *counter);
    if (counter == NULL || (counter->pool = thread_pool_new(n_threads)) == NULL) {
        memory_free(counter);
        return error_no_memory(err, "threads");
    }
    counter->n_tallies = (size_t)thread_pool_size(counter->pool);
    counter->tallies = memory_new(counter->n_tallies, sizeof *counter->tallies);
    counter->capacity = BUFFER_PER_THREAD * counter->n_tallies;
    counter->buffer = memory_new(counter->capacity, 1);
    if (counter->tallies == NULL || counter->buffer == NULL) {
        word_counter_free(counter);
        return error_no_memory(err, "counting words");
    }
    *out = counter;
    return GEN_OK;
}

void word_counter_free(struct word_counter *counter) {
    if (counter == NULL) {
        return;
    }
    for (size_t i = 0; counter->tallies != NULL && i < counter->n_tallies; i++) {
        tally_release(&counter->tallies[i]);
    }
    thread_pool_free(counter->pool);
    memory_free(counter->tallies);
    memory_free(counter->buffer);
    memory_free(counter);
}

/* Make room in a full buffer: count what is whole words, or where there is no such let it grow. */
static enum gen_status make_room(struct word_counter *counter, struct gen_error *err) {
    size_t n = last_cut(counter->buffer, counter->n_buffered);
    if (n > 0) {
        return count_buffer(counter, n, err);
    }
    if (!memory_grow(&counter->buffer, &counter->capacity, counter->capacity + 1, 1)) {
        return error_no_memory(err, "a text without spaces");
    }
    return GEN_OK;
}

enum gen_status word_counter_add(struct word_counter *counter, const char *text, size_t n,
                                 struct gen_error *err) {
    while (n > 0) {
        size_t room = counter->capacity - counter->n_buffered;
        size_t taken = size_min(n, room);
        memcpy(counter->buffer + counter->n_buffered, text, taken);
        counter->n_buffered += taken;
        text += taken;
        n -= taken;
        if (taken == room) {
            enum gen_status status = make_room(counter, err);
            if (status != GEN_OK) {
                return status;
            }
        }
    }
    return GEN_OK;
}

enum gen_status word_counter_end(struct word_counter *counter, struct gen_error *err) {
    return count_buffer(counter, counter->n_buffered, err);
}

enum gen_status word_counter_words(struct word_counter *counter, const struct counted_word **words,
                                   size_t *n, struct gen_error *err) {
    enum gen_status status = word_counter_end(counter, err);
    struct tally *all = &counter->tallies[0];
    for (size_t i = 1; i < counter->n_tallies && status == GEN_OK; i++) {
        struct tally *tally = &counter->tallies[i];
        for (size_t k = 0; k < tally->n_words && !all->no_memory; k++) {
            count_word(all, tally->words[k].bytes, tally->words[k].n, tally->words[k].count);
        }
        tally_release(tally);
    }
    if (status == GEN_OK && all->no_memory) {
        status = error_no_memory(err, "the words of the text");
    }
    *words = all->words;
    *n = all->n_words;
    return status;
}
