/**
 * model_load.c - opening the model of a command: by --model or $GEN_MODEL, else the built-in one.
 * Where a name leads is found in model_path.c, the built-in bytes are in embedded.c.
 */
#include "cli/model_load.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/embedded.h"
#include "cli/message.h"
#include "cli/model_path.h"
#include "cli/path_variable.h"

static bool is_embedded(const char *name) {
    const char *embedded = embedded_model_name();
    return *embedded != '\0' && strcmp(name, embedded) == 0;
}

enum gen_status model_load_find(struct model_load *load, const char *name, struct gen_error *err) {
    *load = (struct model_load){0};
    char *variable = name == NULL ? path_variable("GEN_MODEL") : NULL;
    name = name == NULL ? variable : name;
    if (name != NULL) {
        load->path = model_path_find(name, err);
        load->name = load->path;
        bool embedded = load->path == NULL && is_embedded(name);
        free(variable);
        if (!embedded) {
            return load->path != NULL ? GEN_OK : err->status;
        }
    }
    load->name = embedded_model_name();
    load->image = embedded_model(&load->image_size);
    if (load->image_size == 0) {
        message_set(err, GEN_IO_ERROR,
                    "no model: this gen was built without one (give --model "
                    "PATH or set GEN_MODEL)");
        return GEN_IO_ERROR;
    }
    return GEN_OK;
}

static enum gen_status open_model(struct model_load *load, const struct gen_model_options *options,
                                  struct gen_error *err) {
    enum gen_status status;
    if (load->path != NULL) {
        status = gen_model_open(&load->model, load->path, options, err);
    } else {
        status = gen_model_open_memory(&load->model, load->name, load->image, load->image_size,
                                       options, err);
    }
    if (status == GEN_OK) {
        load->tokenizer = gen_model_tokenizer(load->model);
    }
    return status;
}

enum gen_status model_load_open(struct model_load *load, const char *name,
                                const struct gen_model_options *options, struct gen_error *err) {
    enum gen_status status = model_load_find(load, name, err);
    return status == GEN_OK ? open_model(load, options, err) : status;
}

enum gen_status model_load_tokenizer(struct model_load *load, const char *name,
                                     struct gen_error *err) {
    enum gen_status status = model_load_find(load, name, err);
    if (status == GEN_OK && load->path != NULL) {
        status = gen_tokenizer_open(&load->own_tokenizer, load->path, err);
        load->tokenizer = load->own_tokenizer;
    } else if (status == GEN_OK) {
        struct gen_model_options options = gen_model_options_default();
        options.metadata_only = true;
        status = open_model(load, &options, err);
    }
    if (status == GEN_OK && load->tokenizer == NULL) {
        message_set(err, GEN_UNSUPPORTED, "%.400s: the model has no tokenizer", load->name);
        status = GEN_UNSUPPORTED;
    }
    return status;
}

void model_load_say_notes(const struct model_load *load, bool verbose) {
    const struct gen_model *model = load->model;
    const struct gen_tokenizer *tokenizer = load->tokenizer;
    size_t n = model != NULL       ? gen_model_n_notes(model)
               : tokenizer != NULL ? gen_tokenizer_n_notes(tokenizer)
                                   : 0;
    for (size_t i = 0; i < n; i++) {
        struct gen_note note =
            model != NULL ? gen_model_note(model, i) : gen_tokenizer_note(tokenizer, i);
        if (verbose || !note.verbose_only) {
            message("%s", note.text);
        }
    }
}

void model_load_close(struct model_load *load) {
    gen_tokenizer_free(load->own_tokenizer);
    gen_model_free(load->model);
    free(load->path);
    *load = (struct model_load){0};
}
