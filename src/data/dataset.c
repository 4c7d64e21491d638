/**
 * dataset.c - the file of token ids: written, checked before it is believed, read; and the order in
 * which training reads it. The ids come from corpus.c.
 */
#include "data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"
#include "tokenizer/tokenizer.h"

#define VERSION 2
static const char magic[] = "GENTOKEN";

/* The footer: at which byte each of its members begins, and how many bytes it has. */
enum {
    N_TOKENS_AT = 0,  /* u64 */
    DIGEST_AT = 8,    /* u64, of all bytes before the footer */
    KEY_AT = 16,      /* u64 */
    WIDTH_AT = 24,    /* u32, bytes of an id */
    VERSION_AT = 28,  /* u32 */
    MAGIC_AT = 32,    /* 8 bytes */
    FOOTER_SIZE = 40, /* with them the file is a multiple of 8 bytes long */
};

/* Ids narrowed at a time. */
#define RUN 4096

/* ---- writing ---------------------------------------------------------------------------------*/

/* Bytes of an id. */
static size_t id_width(const struct gen_tokenizer *tokenizer) {
    return gen_tokenizer_n_vocab(tokenizer) <= 65536 ? 2 : 4;
}

struct cache_writer {
    struct file_writer file;
    struct digest digest;
    size_t width;
    uint64_t n;
    uint64_t n_bytes; /* of text, in all */
    const struct dataset_progress *progress;
};

static enum gen_status put(struct cache_writer *writer, const void *bytes, size_t n,
                           struct gen_error *err) {
    digest_add(&writer->digest, bytes, n);
    return file_writer_put(&writer->file, bytes, n, err);
}

static enum gen_status take_ids(void *context, const int32_t *ids, size_t n,
                                struct gen_error *err) {
    struct cache_writer *writer = context;
    unsigned char bytes[RUN * sizeof *ids];
    enum gen_status status = GEN_OK;
    for (size_t first = 0; first < n && status == GEN_OK; first += RUN) {
        size_t now = size_min(n - first, RUN);
        for (size_t i = 0; i < now; i++) {
            if (writer->width == 2) {
                bytes_put_u16(bytes + 2 * i, (uint16_t)ids[first + i]);
            } else {
                bytes_put_u32(bytes + 4 * i, (uint32_t)ids[first + i]);
            }
        }
        status = put(writer, bytes, now * writer->width, err);
    }
    writer->n += n;
    return status;
}

static enum gen_status tell_progress(void *context, uint64_t done, struct gen_error *err) {
    const struct cache_writer *writer = context;
    const struct dataset_progress *progress = writer->progress;
    if (progress == NULL || progress->tell(progress->context, done, writer->n_bytes)) {
        return GEN_OK;
    }
    return error_set(err, GEN_CANCELED, "reading the data was canceled");
}

static enum gen_status put_footer(struct cache_writer *writer, uint64_t key,
                                  struct gen_error *err) {
    static const unsigned char zeros[8];
    enum gen_status status = put(writer, zeros, (size_t)(-writer->digest.n & 7), err);
    unsigned char footer[FOOTER_SIZE];
    bytes_put_u64(footer + N_TOKENS_AT, writer->n);
    bytes_put_u64(footer + DIGEST_AT, digest_value(&writer->digest));
    bytes_put_u64(footer + KEY_AT, key);
    bytes_put_u32(footer + WIDTH_AT, (uint32_t)writer->width);
    bytes_put_u32(footer + VERSION_AT, VERSION);
    memcpy(footer + MAGIC_AT, magic, FOOTER_SIZE - MAGIC_AT);
    return status == GEN_OK ? file_writer_put(&writer->file, footer, sizeof footer, err) : status;
}

static enum gen_status make(const char *path, uint64_t key, const struct corpus *corpus,
                            const struct gen_tokenizer *tokenizer, struct thread_pool *pool,
                            const struct dataset_progress *progress, struct gen_error *err) {
    struct cache_writer writer = {
        .width = id_width(tokenizer), .n_bytes = corpus_bytes(corpus), .progress = progress};
    struct corpus_sink sink = {&writer, take_ids, tell_progress};
    /* One that is not believed is no model for the new one's mode. */
    unlink(path);
    enum gen_status status = file_writer_open(&writer.file, path, err);
    if (status != GEN_OK) {
        return status;
    }
    if ((status = corpus_tokenize(corpus, tokenizer, pool, &sink, err)) == GEN_OK) {
        status = writer.n > 0 ? put_footer(&writer, key, err) : corpus_error_empty(corpus, err);
    }
    if (status == GEN_OK) {
        status = file_writer_commit(&writer.file, err);
    }
    file_writer_close(&writer.file);
    return status;
}

/* ---- reading ---------------------------------------------------------------------------------*/

/* Whether nobody else can have written the mapped file: it is this user's or the system's, and not
 * open to everybody. */
static bool is_own(const struct file_map *map) {
    struct stat status;
    return fstat(map->descriptor, &status) == 0 &&
           (status.st_uid == geteuid() || status.st_uid == 0) && (status.st_mode & S_IWOTH) == 0;
}

static int32_t id_at(const struct dataset *dataset, size_t i) {
    const unsigned char *at = dataset->map.data + i * dataset->width;
    return dataset->width == 2 ? bytes_u16(at) : (int32_t)bytes_u32(at);
}

/* Whether the tokenizer has all ids; counts the documents. */
static bool check_ids(struct dataset *dataset, const struct gen_tokenizer *tokenizer) {
    int32_t n_vocab = gen_tokenizer_n_vocab(tokenizer);
    int32_t eos = gen_tokenizer_eos(tokenizer);
    bool good = true;
    for (size_t i = 0; i < dataset->n; i++) {
        int32_t id = id_at(dataset, i);
        good = good && id >= 0 && id < n_vocab;
        dataset->n_documents += id == eos;
    }
    return good;
}

/* Whether the mapped file is whole and of this key; fills in what it says. */
static bool check(struct dataset *dataset, uint64_t key, const struct gen_tokenizer *tokenizer) {
    const struct file_map *map = &dataset->map;
    if (map->size < FOOTER_SIZE || map->size % 8 != 0) {
        return false;
    }
    size_t n_bytes = map->size - FOOTER_SIZE;
    const unsigned char *footer = map->data + n_bytes;
    uint64_t n = bytes_u64(footer + N_TOKENS_AT);
    uint32_t width = bytes_u32(footer + WIDTH_AT);
    if (memcmp(footer + MAGIC_AT, magic, FOOTER_SIZE - MAGIC_AT) != 0 ||
        bytes_u32(footer + VERSION_AT) != VERSION || bytes_u64(footer + KEY_AT) != key ||
        width != id_width(tokenizer) || n == 0 || n > n_bytes / width || n_bytes - n * width >= 8) {
        return false;
    }
    struct digest digest = {0};
    digest_add(&digest, map->data, n_bytes);
    uint64_t ids = digest_value(&digest);
    struct digest both = {0};
    digest_add_u64(&both, key);
    digest_add_u64(&both, ids);
    dataset->n = (size_t)n;
    dataset->width = width;
    dataset->file_key = key;
    dataset->key = digest_value(&both);
    return ids == bytes_u64(footer + DIGEST_AT) && check_ids(dataset, tokenizer);
}

static bool read_cache(struct dataset *dataset, const char *path, uint64_t key,
                       const struct gen_tokenizer *tokenizer) {
    if (file_kind_of(path) != FILE_REGULAR ||
        file_map_open_readable(&dataset->map, path, NULL) != GEN_OK) {
        return false;
    }
    bool good = is_own(&dataset->map);
    file_map_stop_reading(&dataset->map);
    if (!good || !check(dataset, key, tokenizer)) {
        dataset_release(dataset);
        return false;
    }
    return true;
}

/* The key of the file's name. */
static uint64_t file_key(const struct corpus *corpus, const struct gen_tokenizer *tokenizer) {
    struct digest digest = {0};
    digest_add_u64(&digest, corpus_digest(corpus));
    digest_add_u64(&digest, tokenizer_digest(tokenizer));
    return digest_value(&digest);
}

enum gen_status dataset_open(struct dataset *dataset, const char *prefix,
                             const struct corpus *corpus, const struct gen_tokenizer *tokenizer,
                             struct thread_pool *pool, uint64_t expected,
                             const struct dataset_progress *progress, struct gen_error *err) {
    *dataset = (struct dataset){0};
    uint64_t key = file_key(corpus, tokenizer);
    size_t size = strlen(prefix) + sizeof DATASET_LONGEST_ENDING;
    char *path = memory_new(size, 1);
    if (path == NULL) {
        return error_no_memory(err, "a path");
    }
    snprintf(path, size, "%s.tokens-%016" PRIx64, prefix, key);
    enum gen_status status = GEN_OK;
    bool found = read_cache(dataset, path, key, tokenizer);
    if (found && expected != 0 && dataset->key != expected && key != expected) {
        dataset_release(dataset); /* either other data, or these ids are not what was learned */
        found = false;
    }
    if (!found) {
        status = make(path, key, corpus, tokenizer, pool, progress, err);
        if (status == GEN_OK && !read_cache(dataset, path, key, tokenizer)) {
            struct error_quoted quoted;
            status = error_set(err, GEN_IO_ERROR, "%s: what was just written cannot be read back",
                               error_path(&quoted, path));
        }
    }
    memory_free(path);
    return status;
}

void dataset_release(struct dataset *dataset) {
    file_map_close(&dataset->map);
    *dataset = (struct dataset){0};
}

void token_span_read(int32_t *out, const struct token_span *span, size_t first, size_t n) {
    for (size_t i = 0; i < n; i++) {
        out[i] = id_at(span->dataset, span->first + first + i);
    }
}

/* ---- order -----------------------------------------------------------------------------------*/

/* From so many windows on, one is given up so that any offset is possible. */
#define MANY_WINDOWS 16

/* A number below n, every one as likely as makes no difference. */
static size_t below(struct rng *rng, size_t n) {
    return (size_t)(rng_double(rng) * (double)n);
}

static void begin_epoch(struct data_order *order, uint64_t epoch) {
    struct rng rng;
    rng_init_sequence(&rng, order->seed, epoch, 0);
    order->epoch = epoch;
    size_t n_free = order->span.n - 1 - order->n_windows * order->n_ctx;
    n_free = n_free < order->n_ctx ? n_free : order->n_ctx - 1;
    order->offset = below(&rng, n_free + 1);
    for (size_t i = 0; i < order->n_windows; i++) {
        size_t other = below(&rng, i + 1);
        order->windows[i] = order->windows[other];
        order->windows[other] = (uint32_t)i;
    }
}

enum gen_status data_order_init(struct data_order *order, const struct token_span *span,
                                size_t n_ctx, uint64_t seed, const char *name,
                                struct gen_error *err) {
    *order = (struct data_order){.span = *span, .n_ctx = n_ctx, .seed = seed};
    if (span->n < n_ctx + 1) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s: %zu tokens to train on, but a sequence of n_ctx %zu needs %zu (more "
                         "text, or a smaller n_ctx)",
                         name, span->n, n_ctx, n_ctx + 1);
    }
    order->n_windows = (span->n - 1) / n_ctx;
    order->n_windows -= order->n_windows >= MANY_WINDOWS;
    if (order->n_windows > UINT32_MAX) {
        return error_set(err, GEN_UNSUPPORTED, "%s: more than 2^32 sequences of n_ctx %zu", name,
                         n_ctx);
    }
    order->windows = memory_new(order->n_windows, sizeof *order->windows);
    if (order->windows == NULL) {
        return error_no_memory(err, "the order of the data");
    }
    begin_epoch(order, 0);
    return GEN_OK;
}

void data_order_release(struct data_order *order) {
    memory_free(order->windows);
    *order = (struct data_order){0};
}

void data_order_read(struct data_order *order, uint64_t sequence, int32_t *ids, int32_t *targets) {
    uint64_t epoch = sequence / order->n_windows;
    if (epoch != order->epoch) {
        begin_epoch(order, epoch);
    }
    size_t window = order->windows[sequence % order->n_windows];
    size_t first = order->offset + window * order->n_ctx;
    token_span_read(ids, &order->span, first, order->n_ctx);
    token_span_read(targets, &order->span, first + 1, order->n_ctx);
}
