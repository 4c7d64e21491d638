/**
 * generate_cache.c - --prompt-cache: what is said of it, and which files it cannot be. The work is
 * gen_prompt_cache.h's.
 */
#include "cmd/generate/generate_cache.h"

#include <string.h>

#include "base/file.h"
#include "cli/message.h"

/* Whether another option names the file, too. */
static bool is_output(const char *path, const char *output) {
    return output != NULL && strcmp(output, "-") != 0 && file_target_same(path, output);
}

enum gen_status generate_cache_open(struct generate_cache *cache,
                                    const struct generate_settings *settings,
                                    struct gen_error *err) {
    const char *path = settings->prompt_cache;
    if (path == NULL) {
        return GEN_OK;
    }
    const char *other = is_output(path, settings->output)        ? "--output"
                        : is_output(path, settings->save_logits) ? "--save-logits"
                                                                 : NULL;
    if (other != NULL) {
        message_set(err, GEN_BAD_ARGUMENT, "--prompt-cache and %s are one file, %.300s (give two)",
                    other, message_name(path));
        return GEN_BAD_ARGUMENT;
    }
    cache->path = path;
    cache->verbose = settings->verbose;
    return gen_prompt_cache_open(&cache->cache, path, err);
}

const char *generate_cache_directory(const struct generate_cache *cache) {
    return cache->cache != NULL ? gen_prompt_cache_directory(cache->cache) : NULL;
}

/* ---- what is said with --verbose -------------------------------------------------------------*/

static void say_found(const struct generate_cache *cache,
                      const struct gen_prompt_cache_report *report) {
    if (report->found == GEN_PROMPT_CACHE_GOOD) {
        message("prompt cache %.300s: %zu tokens", message_name(cache->path), report->n_ids);
    } else {
        message("prompt cache %.300s: %s%s", message_name(cache->path),
                gen_prompt_cache_found_name(report->found),
                report->can_write ? ", so it is made anew" : "");
    }
}

static void say_saved(const struct generate_cache *cache,
                      const struct gen_prompt_cache_report *report) {
    const char *name = message_name(cache->path);
    if (report->renewed && report->can_write) {
        message("prompt cache %.300s: written with %zu tokens; %zu of them were in it", name,
                report->n_prompt, report->n_common);
    } else if (report->renewed) {
        message("prompt cache %.300s: cannot be replaced, so it stays as it is", name);
    } else if (report->n_prompt > 0) {
        message("prompt cache %.300s: stays as it is; it has %zu of the prompt's %zu tokens", name,
                report->n_common, report->n_prompt);
    }
}

/* ---- the engine ------------------------------------------------------------------------------*/

enum gen_status generate_cache_load(const struct generate_cache *cache, struct gen_engine *engine,
                                    struct gen_error *err) {
    if (cache->cache == NULL) {
        return GEN_OK;
    }
    enum gen_status status = gen_prompt_cache_load(cache->cache, engine, err);
    if (status == GEN_OK && cache->verbose) {
        const struct gen_prompt_cache_report report = gen_prompt_cache_report(cache->cache, engine);
        say_found(cache, &report);
    }
    return status;
}

void generate_cache_save(const struct generate_cache *cache, struct gen_engine *engine) {
    struct gen_error err;
    if (cache->cache == NULL) {
        return;
    }
    if (gen_prompt_cache_save(cache->cache, engine, &err) != GEN_OK) {
        message("%s (the texts are whole; the next run reads its prompt again)", err.message);
    } else if (cache->verbose) {
        const struct gen_prompt_cache_report report = gen_prompt_cache_report(cache->cache, engine);
        say_saved(cache, &report);
    }
}

void generate_cache_close(struct generate_cache *cache) {
    gen_prompt_cache_free(cache->cache);
    *cache = (struct generate_cache){0};
}
