/**
 * prompt_cache.c - gen_prompt_cache.h: a file that is opened for reading and for being replaced,
 * and what of it goes into the kept slot of an engine, and back. Which prompt is kept is decided in
 * scheduler.c, what the file looks like in prompt_cache_file.c.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "generate/engine.h"
#include "generate/prompt_cache_file.h"
#include "model/identity.h"
#include "model/session.h"

struct gen_prompt_cache {
    char *path;
    char *directory; /* of the target; NULL: it is only read */
    struct file_map map;
    bool has_file; /* there is one, that is not empty */
    struct file_writer writer;
    bool saved;     /* or tried to: there is nothing more to write */
    uint64_t model; /* identity of the model that it was loaded for */
    enum gen_prompt_cache_found found;
    size_t n_ids;
};

const char *gen_prompt_cache_found_name(enum gen_prompt_cache_found found) {
    static const char *const names[] = {
        [GEN_PROMPT_CACHE_NONE] = "missing or empty",
        [GEN_PROMPT_CACHE_GOOD] = "good",
        [GEN_PROMPT_CACHE_OTHER_GEN] = "made by another version of gen",
        [GEN_PROMPT_CACHE_OTHER_MODEL] = "made with another model",
        [GEN_PROMPT_CACHE_OTHER_TYPE] = "made with another kv_type",
    };
    return names[found];
}

/* ---- opening ---------------------------------------------------------------------------------*/

static enum gen_status open_map(struct gen_prompt_cache *cache, struct gen_error *err) {
    if (file_kind_of(cache->path) == FILE_MISSING) {
        return GEN_OK;
    }
    enum gen_status status = file_map_open_readable(&cache->map, cache->path, err);
    cache->has_file = status == GEN_OK && cache->map.size > 0;
    return cache->has_file ? prompt_cache_file_probe(&cache->map, cache->path, err) : status;
}

/* One that is protected is only read; and so is one that could only be overwritten in place, where
 * others might see half of it. */
static enum gen_status open_writer(struct gen_prompt_cache *cache, struct gen_error *err) {
    if (cache->has_file && access(cache->path, W_OK) != 0 &&
        (errno == EACCES || errno == EPERM || errno == EROFS)) {
        return GEN_OK;
    }
    enum gen_status status = file_writer_open(&cache->writer, cache->path, err);
    if (status != GEN_OK) {
        return status;
    }
    if (cache->writer.unnamed) {
        file_writer_close(&cache->writer);
        return GEN_OK;
    }
    const char *target = cache->writer.target;
    const char *slash = strrchr(target, '/');
    cache->directory = slash == NULL ? memory_copy_string(".", 1)
                                     : memory_copy_string(target, (size_t)(slash - target) + 1);
    return cache->directory != NULL ? GEN_OK : error_no_memory(err, "a prompt cache");
}

enum gen_status gen_prompt_cache_open(struct gen_prompt_cache **out, const char *path,
                                      struct gen_error *err) {
    *out = NULL;
    struct gen_prompt_cache *cache = memory_new(1, sizeof *cache);
    if (cache == NULL) {
        return error_no_memory(err, "a prompt cache");
    }
    cache->path = memory_copy_string(path, strlen(path));
    enum gen_status status =
        cache->path != NULL ? open_map(cache, err) : error_no_memory(err, "a prompt cache");
    if (status == GEN_OK) {
        status = open_writer(cache, err);
    }
    if (status != GEN_OK) {
        gen_prompt_cache_free(cache);
        return status;
    }
    *out = cache;
    return GEN_OK;
}

void gen_prompt_cache_free(struct gen_prompt_cache *cache) {
    if (cache == NULL) {
        return;
    }
    file_writer_close(&cache->writer);
    file_map_stop_reading(&cache->map);
    file_map_close(&cache->map);
    memory_free(cache->directory);
    memory_free(cache->path);
    memory_free(cache);
}

const char *gen_prompt_cache_directory(const struct gen_prompt_cache *cache) {
    return cache->directory;
}

/* ---- an engine's -----------------------------------------------------------------------------*/

static struct slot *kept_slot(struct gen_engine *engine) {
    return &engine->scheduler.slots[engine->scheduler.n_slots];
}

static struct prompt_cache_place place_of(const struct gen_prompt_cache *cache,
                                          struct gen_engine *engine) {
    return (struct prompt_cache_place){.model = cache->model,
                                       .n_vocab = engine->model->config.n_vocab,
                                       .n_ctx = engine->model->config.n_ctx,
                                       .cache = session_kv_cache(engine->session),
                                       .slot = engine->scheduler.n_slots,
                                       .pool = session_pool(engine->session)};
}

enum gen_status gen_prompt_cache_load(struct gen_prompt_cache *cache, struct gen_engine *engine,
                                      struct gen_error *err) {
    struct slot *kept = kept_slot(engine);
    enum gen_status status = GEN_OK;
    kept->held.n = 0;
    gen_session_truncate(engine->session, (int32_t)engine->scheduler.n_slots, 0);
    if (!model_identity(&cache->model, engine->model, session_pool(engine->session))) {
        return error_no_memory(err, "a prompt cache");
    }
    if (cache->has_file) {
        const struct prompt_cache_place place = place_of(cache, engine);
        status = prompt_cache_file_read(&cache->map, cache->path, &place, &cache->found,
                                        &kept->held, err);
        cache->n_ids = kept->held.n;
    }
    engine->scheduler.kept = (struct kept){.asked = status == GEN_OK};
    return status;
}

enum gen_status gen_prompt_cache_save(struct gen_prompt_cache *cache, struct gen_engine *engine,
                                      struct gen_error *err) {
    if (!engine->scheduler.kept.is_new || cache->directory == NULL || cache->saved) {
        return GEN_OK;
    }
    cache->saved = true;
    const struct prompt_cache_place place = place_of(cache, engine);
    enum gen_status status =
        prompt_cache_file_write(&cache->writer, &place, &kept_slot(engine)->held, err);
    return status == GEN_OK ? file_writer_commit(&cache->writer, err) : status;
}

struct gen_prompt_cache_report gen_prompt_cache_report(const struct gen_prompt_cache *cache,
                                                       const struct gen_engine *engine) {
    const struct kept *kept = &engine->scheduler.kept;
    return (struct gen_prompt_cache_report){.found = cache->found,
                                            .n_ids = cache->n_ids,
                                            .n_prompt = kept->n_prompt,
                                            .n_common = kept->n_common,
                                            .renewed = kept->is_new,
                                            .can_write = cache->directory != NULL};
}
