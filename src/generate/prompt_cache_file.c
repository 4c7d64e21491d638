/**
 * prompt_cache_file.c - reading and writing the file of prompt_cache_file.h. What it holds is
 * hostile until its check sum is right, and even then no more than numbers: nothing is touched
 * beyond the sizes that model and type give. When a file is used, and when written, is
 * prompt_cache.c's.
 */
#include "generate/prompt_cache_file.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/kv_store.h"
#include "tensor/kernels/kernels.h"

#define VERSION 1
static const char magic[] = "GENCACHE";

enum {
    VERSION_AT = 8,
    BITS_AT = 12,
    MODEL_AT = 16,
    TYPE_AT = 24,
    N_AT = 28,
    HEAD_SIZE = 32,
    SUM_SIZE = 8,
};

static uint32_t type_number(enum tensor_type type) {
    return type == TENSOR_F16 ? 1 : 0;
}

/* ---- reading ---------------------------------------------------------------------------------*/

enum gen_status prompt_cache_file_probe(const struct file_map *map, const char *path,
                                        struct gen_error *err) {
    unsigned char scratch[sizeof magic];
    size_t n = size_min(map->size, sizeof magic - 1);
    const unsigned char *begin = file_map_read(map, map->data, n, scratch);
    struct error_quoted quoted[2];
    if (begin == NULL) {
        return file_read_error(err, path, errno);
    }
    if (n == sizeof magic - 1 && memcmp(begin, magic, n) == 0) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE,
                     "%s: is no prompt cache of gen: it begins with \"%s\", but must with \"%s\" "
                     "(it is left as it is: give another name)",
                     error_path(&quoted[0], path), error_quote(&quoted[1], (const char *)begin, n),
                     magic);
}

/* A file on its way into a slot. */
struct reading {
    const struct file_map *map;
    const char *path;
    const struct prompt_cache_place *place;
    size_t n;             /* ids */
    size_t n_held;        /* of them, those that the slot has room for */
    size_t begin;         /* of the pieces in the file */
    uint64_t *sums;       /* [pieces] their digests */
    unsigned char *rooms; /* [threads][head_bytes] */
    atomic_int number;    /* an errno value; 0: none */
    atomic_bool infinite; /* some number is not finite */
};

static enum gen_status error_damaged(const struct reading *reading, const char *what,
                                     struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE,
                     "%s: is damaged: %s (remove it, and the next run makes it anew)",
                     error_path(&quoted, reading->path), what);
}

/* Most are read to where they belong; of others there is a copy. */
static void read_pieces(void *context, size_t begin, size_t end, int thread) {
    struct reading *reading = context;
    struct kv_cache *cache = reading->place->cache;
    size_t slot = reading->place->slot;
    unsigned char *room = reading->rooms + (size_t)thread * cache->head_bytes;
    size_t n_kept = kv_store_pieces(cache, reading->n_held);
    for (size_t i = begin; i < end && atomic_load(&reading->number) == 0; i++) {
        size_t n = kv_store_piece_bytes(cache, reading->n, i);
        const unsigned char *at =
            reading->map->data + reading->begin + kv_store_offset(cache, reading->n, i);
        unsigned char *place = i < n_kept ? kv_store_place(cache, slot, reading->n, i) : NULL;
        const unsigned char *piece =
            file_map_read(reading->map, at, n, place != NULL ? place : room);
        if (piece == NULL) {
            atomic_store(&reading->number, errno);
            return;
        }
        reading->sums[i] = digest_of(piece, n);
        if (!kv_store_is_finite(cache, piece, n)) {
            atomic_store(&reading->infinite, true);
        }
        if (i < n_kept && place == NULL) {
            kv_store_put(cache, slot, reading->n, i, piece);
        }
    }
}

/* Room in the slot, which is empty. */
static enum gen_status reserve(const struct reading *reading, struct gen_error *err) {
    struct kv_cache *cache = reading->place->cache;
    int32_t *lengths = memory_new(cache->n_slots, sizeof *lengths);
    if (lengths == NULL) {
        return error_no_memory(err, "a prompt cache");
    }
    memcpy(lengths, cache->lengths, cache->n_slots * sizeof *lengths);
    lengths[reading->place->slot] = (int32_t)reading->n_held;
    enum gen_status status = kv_cache_reserve(cache, lengths, err);
    memory_free(lengths);
    unsigned char *const *blocks = kv_cache_blocks(cache, reading->place->slot);
    for (size_t i = 0; status == GEN_OK && i < reading->n_held / KERNELS_KV_BLOCK; i++) {
        memory_will_fill(blocks[i], cache->block_bytes);
    }
    return status;
}

/* The ids in the head, which is whole. */
static enum gen_status take_ids(const struct reading *reading, const unsigned char *head,
                                struct gen_ids *ids, struct gen_error *err) {
    for (size_t i = 0; i < reading->n; i++) {
        uint32_t number = bytes_u32(head + HEAD_SIZE + 4 * i);
        int32_t id = (int32_t)number;
        if (number >= (uint32_t)reading->place->n_vocab) {
            return error_damaged(reading, "an id in it is not the model's", err);
        }
        if (gen_ids_append(ids, &id, 1) != GEN_OK) {
            return error_no_memory(err, "a prompt cache");
        }
    }
    return GEN_OK;
}

/* Head and ids: what the check sum is of, other than pieces. */
static enum gen_status read_ids(const struct reading *reading, struct gen_ids *ids,
                                struct digest *digest, struct gen_error *err) {
    size_t n = reading->begin;
    unsigned char *bytes = memory_new(n, 1);
    if (bytes == NULL) {
        return error_no_memory(err, "a prompt cache");
    }
    enum gen_status status = GEN_OK;
    const unsigned char *head = file_map_read(reading->map, reading->map->data, n, bytes);
    if (head == NULL) {
        status = file_read_error(err, reading->path, errno);
    } else {
        digest_add(digest, head, n);
        status = take_ids(reading, head, ids, err);
    }
    memory_free(bytes);
    return status;
}

/* The pieces into the slot, and all against the check sum. */
static enum gen_status read_all(struct reading *reading, struct digest *digest,
                                struct gen_error *err) {
    const struct kv_cache *cache = reading->place->cache;
    size_t n_pieces = kv_store_pieces(cache, reading->n);
    unsigned char bytes[SUM_SIZE];
    thread_pool_run(reading->place->pool, n_pieces, 0, read_pieces, reading);
    int number = atomic_load(&reading->number);
    const unsigned char *at = reading->map->data + reading->map->size - SUM_SIZE;
    const unsigned char *sum =
        number == 0 ? file_map_read(reading->map, at, SUM_SIZE, bytes) : NULL;
    if (sum == NULL) {
        return file_read_error(err, reading->path, number != 0 ? number : errno);
    }
    for (size_t i = 0; i < n_pieces; i++) {
        digest_add_u64(digest, reading->sums[i]);
    }
    if (digest_value(digest) != bytes_u64(sum)) {
        return error_damaged(reading, "its check sum is not that of what is in it", err);
    }
    if (atomic_load(&reading->infinite)) {
        return error_damaged(reading, "a number in it is not finite", err);
    }
    return GEN_OK;
}

static enum gen_status fill(struct reading *reading, struct gen_ids *ids, struct gen_error *err) {
    struct kv_cache *cache = reading->place->cache;
    size_t n_threads = (size_t)thread_pool_size(reading->place->pool);
    struct digest digest = {0};
    enum gen_status status = read_ids(reading, ids, &digest, err);
    if (status != GEN_OK || (status = reserve(reading, err)) != GEN_OK) {
        return status;
    }
    reading->sums = memory_new(kv_store_pieces(cache, reading->n), sizeof *reading->sums);
    reading->rooms = memory_new(n_threads, cache->head_bytes);
    status = reading->sums != NULL && reading->rooms != NULL
                 ? read_all(reading, &digest, err)
                 : error_no_memory(err, "a prompt cache");
    memory_free(reading->sums);
    memory_free(reading->rooms);
    return status;
}

/* Whether the head says that the file is of use here. */
static enum gen_prompt_cache_found judge(const unsigned char *head,
                                         const struct prompt_cache_place *place) {
    if (bytes_u32(head + VERSION_AT) != VERSION || bytes_u32(head + BITS_AT) != PROMPT_CACHE_BITS) {
        return GEN_PROMPT_CACHE_OTHER_GEN;
    }
    if (bytes_u64(head + MODEL_AT) != place->model) {
        return GEN_PROMPT_CACHE_OTHER_MODEL;
    }
    return bytes_u32(head + TYPE_AT) == type_number(place->cache->type)
               ? GEN_PROMPT_CACHE_GOOD
               : GEN_PROMPT_CACHE_OTHER_TYPE;
}

/* The number of ids, against the file's size. */
static enum gen_status check_size(struct reading *reading, uint32_t n, struct gen_error *err) {
    const struct prompt_cache_place *place = reading->place;
    struct error_quoted quoted;
    if (n < 1 || n > (uint32_t)place->n_ctx) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: is damaged: it has %lu tokens, but must have 1 to %d (remove it, and "
                         "the next run makes it anew)",
                         error_path(&quoted, reading->path), (unsigned long)n, place->n_ctx);
    }
    size_t bytes;
    if (!memory_multiply(size_divide_up(n, KERNELS_KV_BLOCK), place->cache->block_bytes, &bytes)) {
        return error_no_memory(err, "a prompt cache");
    }
    reading->n = n;
    reading->n_held = size_min(n, place->cache->n_ctx);
    reading->begin = HEAD_SIZE + 4 * reading->n;
    size_t must_be = reading->begin + kv_store_bytes(place->cache, n) + SUM_SIZE;
    if (reading->map->size != must_be) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: is damaged: it has %zu bytes, but must have %zu for its %zu tokens "
                         "(remove it, and the next run makes it anew)",
                         error_path(&quoted, reading->path), reading->map->size, must_be,
                         reading->n);
    }
    return GEN_OK;
}

enum gen_status prompt_cache_file_read(const struct file_map *map, const char *path,
                                       const struct prompt_cache_place *place,
                                       enum gen_prompt_cache_found *found, struct gen_ids *ids,
                                       struct gen_error *err) {
    struct reading reading = {.map = map, .path = path, .place = place};
    unsigned char scratch[HEAD_SIZE];
    kv_cache_truncate(place->cache, place->slot, 0);
    ids->n = 0;
    *found = GEN_PROMPT_CACHE_NONE;
    if (map->size < HEAD_SIZE) {
        return error_damaged(&reading, "it is too short to say what it holds", err);
    }
    const unsigned char *head = file_map_read(map, map->data, HEAD_SIZE, scratch);
    if (head == NULL) {
        return file_read_error(err, path, errno);
    }
    *found = judge(head, place);
    if (*found != GEN_PROMPT_CACHE_GOOD) {
        return GEN_OK;
    }
    enum gen_status status = check_size(&reading, bytes_u32(head + N_AT), err);
    if (status == GEN_OK) {
        status = fill(&reading, ids, err);
    }
    if (status == GEN_OK) {
        ids->n = reading.n_held;
        place->cache->lengths[place->slot] = (int32_t)ids->n;
    } else {
        ids->n = 0;
        kv_cache_truncate(place->cache, place->slot, 0);
    }
    return status;
}

/* ---- writing ---------------------------------------------------------------------------------*/

static enum gen_status put(struct file_writer *writer, struct digest *digest, const void *bytes,
                           size_t n, struct gen_error *err) {
    digest_add(digest, bytes, n);
    return file_writer_put(writer, bytes, n, err);
}

static enum gen_status write_head(struct file_writer *writer,
                                  const struct prompt_cache_place *place, const struct gen_ids *ids,
                                  struct digest *digest, struct gen_error *err) {
    unsigned char head[HEAD_SIZE];
    memcpy(head, magic, sizeof magic - 1);
    bytes_put_u32(head + VERSION_AT, VERSION);
    bytes_put_u32(head + BITS_AT, PROMPT_CACHE_BITS);
    bytes_put_u64(head + MODEL_AT, place->model);
    bytes_put_u32(head + TYPE_AT, type_number(place->cache->type));
    bytes_put_u32(head + N_AT, (uint32_t)ids->n);
    enum gen_status status = put(writer, digest, head, sizeof head, err);
    for (size_t i = 0; i < ids->n && status == GEN_OK; i++) {
        unsigned char id[4];
        bytes_put_u32(id, (uint32_t)ids->data[i]);
        status = put(writer, digest, id, sizeof id, err);
    }
    return status;
}

enum gen_status prompt_cache_file_write(struct file_writer *writer,
                                        const struct prompt_cache_place *place,
                                        const struct gen_ids *ids, struct gen_error *err) {
    const struct kv_cache *cache = place->cache;
    unsigned char *piece = memory_new(1, cache->head_bytes);
    if (piece == NULL) {
        return error_no_memory(err, "writing a prompt cache");
    }
    struct digest digest = {0};
    enum gen_status status = write_head(writer, place, ids, &digest, err);
    for (size_t i = 0; i < kv_store_pieces(cache, ids->n) && status == GEN_OK; i++) {
        size_t n = kv_store_piece_bytes(cache, ids->n, i);
        kv_store_get(cache, place->slot, ids->n, i, piece);
        digest_add_u64(&digest, digest_of(piece, n));
        status = file_writer_put(writer, piece, n, err);
    }
    memory_free(piece);
    unsigned char sum[SUM_SIZE];
    bytes_put_u64(sum, digest_value(&digest));
    return status == GEN_OK ? file_writer_put(writer, sum, sizeof sum, err) : status;
}
