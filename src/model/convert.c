/**
 * convert.c - gen_convert(): any model gen reads, written as GGUF v3: types chosen by recipe.c,
 * rows transposed and rounded, an adapter merged if one is given. The bytes are written by
 * format/gguf_write.c, the settings chosen in settings.c.
 */
#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/threads.h"
#include "format/gguf_write.h"
#include "model/adapter.h"
#include "model/calibrate/calibration.h"
#include "model/calibrate/type_plan.h"
#include "model/config.h"
#include "model/model.h"
#include "model/path_name.h"
#include "model/recipe.h"
#include "model/settings.h"

/* Rows converted at a time: enough to transpose whole cache lines, little enough to be quick to
 * allocate for any model. */
#define SLAB_ROWS 64

struct conversion {
    const struct model_file *file;
    struct gen_config config;
    const struct gen_convert_options *options;
    const struct recipe *recipe;     /* NULL: types as the source has them */
    struct type_plan *plan;          /* the same for --type auto; NULL: another type */
    struct adapter *adapter;         /* NULL: none is merged */
    bool is_planning;                /* what is written is a try, for its size */
    struct calibration *calibration; /* NULL: each number is rounded by itself */
    struct gguf_writer *writer;
    struct thread_pool *pool;
    struct gen_error *err;
};

struct gen_convert_options gen_convert_options_default(void) {
    return (struct gen_convert_options){0};
}

/* Vectors stay f32, as llama.cpp wants them. */
static enum tensor_type target_type(const struct conversion *c, const struct tensor_spec *spec,
                                    int32_t layer, const struct tensor_source *source) {
    if (c->plan != NULL) {
        return type_plan_type(c->plan, spec, layer);
    }
    if (c->recipe != NULL) {
        return recipe_type(c->recipe, spec, layer, &c->config);
    }
    return role_is_vector(spec->role) ? TENSOR_F32 : source->parts[0]->type;
}

/* general.file_type: what most of the weights are. A GGUF whose types are kept knows it. */
static uint32_t file_type_number(const struct conversion *c, enum tensor_type type) {
    if (c->plan != NULL) {
        return recipe_of_type(type_plan_main(c->plan))->file_type;
    }
    if (c->recipe != NULL) {
        return c->recipe->file_type;
    }
    const struct setting *known = model_file_setting(c->file, "general.file_type");
    return c->file->naming == NAMES_GGUF && known != NULL && known->type == SETTING_U32
               ? (uint32_t)known->value.u
               : recipe_of_type(type)->file_type;
}

static bool is_quantized(const struct conversion *c) {
    if (c->plan != NULL) {
        return true; /* or nearly so, and then nobody minds */
    }
    if (c->recipe != NULL) {
        return tensor_type_info(c->recipe->main)->quant != NULL;
    }
    for (size_t i = 0; i < c->file->n_tensors; i++) {
        if (tensor_type_info(c->file->tensors[i].type)->quant != NULL) {
            return true;
        }
    }
    return false;
}

/* Say a sentence about what is written, once where it is planned first. */
ERROR_PRINTF(2, 3) static void tell(const struct conversion *c, const char *format, ...) {
    char sentence[GEN_MESSAGE_SIZE];
    struct gen_note note = {.text = sentence};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (c->options->note != NULL && !c->is_planning) {
        c->options->note(c->options->context, &note);
    }
}

/* Added tokens for which there is no row have no place in a GGUF. */
static void tell_of_rows(const struct conversion *c) {
    const struct gen_tokenizer *tokenizer = c->file->tokenizer;
    int32_t n = tokenizer != NULL ? gen_tokenizer_n_vocab(tokenizer) : 0;
    bool are_added = n > c->config.n_vocab; /* the writer refuses others */
    for (int32_t id = c->config.n_vocab; id < n; id++) {
        are_added =
            are_added && (!tokenizer_has(tokenizer, id) || tokenizer_kind(tokenizer, id) != 0);
    }
    if (are_added) {
        tell(c, "%s: the tokens from id %d on are left out, as the embedding has no rows for them",
             c->file->where.text, (int)c->config.n_vocab);
    }
}

/* ---- settings --------------------------------------------------------------------------------*/

/* The name the source gives the model, or the last part of the source's path. */
static enum gen_status write_settings(const struct conversion *c, enum tensor_type main_type) {
    struct model_settings settings = {
        .config = &c->config,
        .tokenizer = c->file->tokenizer,
        .file_type = file_type_number(c, main_type),
        .quantized = is_quantized(c),
        .source = c->file,
        .carried = c->recipe != NULL || c->plan != NULL || c->adapter != NULL ? METADATA_CHANGED
                                                                              : METADATA_SAME};
    struct model_settings_own own;
    struct error_quoted quoted;
    if (model_file_get_string(c->file, "general.name", &settings.name, &settings.n_name, NULL) !=
            GEN_OK ||
        settings.n_name == 0) {
        size_t n;
        const char *name = model_path_name(c->file->name, &n);
        settings.name = error_quote(&quoted, name, n);
        settings.n_name = strlen(settings.name);
    }
    enum gen_status status = model_settings_write(c->writer, &settings, &own, c->err);
    if (status == GEN_OK && arch_of(&c->config)->is_own) {
        tell(c, "llama.cpp has no architecture %s: only gen runs the file", settings.config->arch);
    } else if (status == GEN_OK && own.text[0] != '\0') {
        tell(c, "llama.cpp ignores %s of this model: only gen runs the file rightly", own.text);
    }
    return status;
}

/* ---- tensors ---------------------------------------------------------------------------------*/

/* Tensors of the source that the model does not need are not written, and that is said. The causal
 * masks that old Hugging Face files hold are none that anybody misses, nor is another name of the
 * token table, as PyTorch's files have one for a tied lm_head. */
static void note_left_out(const struct conversion *c, size_t n_needed) {
    size_t n = 0;
    struct tensor_source table = {.n_parts = 0};
    tensor_spec_find(&table, tensor_spec_of(&c->config, ROLE_TOKENS), 0, c->file, &c->config, NULL);
    const struct file_tensor *wte = table.parts[0]; /* it has been found before */
    for (size_t i = 0; i < c->file->n_tensors; i++) {
        const struct file_tensor *tensor = &c->file->tensors[i];
        bool again =
            wte != NULL && tensor != wte && tensor->data == wte->data && tensor->size == wte->size;
        n += !again && !safetensors_is_old_buffer(tensor->name);
    }
    for (size_t i = 0; i < c->file->n_unread; i++) {
        const struct unread_tensor *unread = &c->file->unread[i];
        n += unread->values == NULL && !safetensors_is_old_buffer(unread->name);
    }
    if (n > n_needed) {
        size_t n_left = n - n_needed;
        tell(c, "%s: %zu tensor%s that the model does not need %s left out", c->file->where.text,
             n_left, n_left > 1 ? "s" : "", n_left > 1 ? "are" : "is");
    }
}

/* Call `each` for every tensor of the model, in the order of the table. */
static enum gen_status
for_each_tensor(const struct conversion *c,
                enum gen_status (*each)(const struct conversion *c, const struct tensor_spec *spec,
                                        int32_t layer, const struct tensor_source *source)) {
    const struct arch *arch = arch_of(&c->config);
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        if (!tensor_spec_exists(spec, &c->config)) {
            continue;
        }
        for (int32_t layer = 0; layer < tensor_spec_count(spec, &c->config); layer++) {
            struct tensor_source source;
            enum gen_status status =
                tensor_spec_find(&source, spec, layer, c->file, &c->config, c->err);
            if (status != GEN_OK || (status = each(c, spec, layer, &source)) != GEN_OK) {
                return status;
            }
        }
    }
    return GEN_OK;
}

/* Tensors of the source that the model is made of. */
static size_t count_sources(const struct conversion *c) {
    const struct arch *arch = arch_of(&c->config);
    size_t n = 0;
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        if (tensor_spec_exists(spec, &c->config)) {
            n += tensor_spec_n_parts(spec, c->file->naming) *
                 (size_t)tensor_spec_count(spec, &c->config);
        }
    }
    return n;
}

static enum gen_status announce(const struct conversion *c, const struct tensor_spec *spec,
                                int32_t layer, const struct tensor_source *source) {
    char name[TENSOR_NAME_SIZE];
    uint64_t dims[2];
    tensor_spec_name(name, spec, NAMES_GGUF, layer);
    int n_dims = tensor_spec_dims(dims, spec, &c->config, false);
    return gguf_writer_tensor(c->writer, name, target_type(c, spec, layer, source), n_dims, dims,
                              c->err);
}

/* A tensor on its way: rows of the target, and the slab through which they go. */
struct passage {
    const struct file_tensor *tensor;
    const struct tensor_type_info *from, *to;
    bool by_inputs; /* the source lies by rows of inputs and is transposed */
    size_t n_rows, row;
    size_t above;     /* rows of the target before the first of the tensor's */
    size_t row_bytes; /* of the target */
    float *slab;      /* [SLAB_ROWS][row], or NULL: rows are taken as they lie in the source */
    unsigned char *narrow;
    const struct adapter_pair *pair; /* added to the rows; NULL: nothing is */
    const struct rounding *rounding; /* NULL: each number is rounded by itself */
};

/* Rows first ... first+n-1 of the target, widened into the slab. */
static void read_rows(const struct passage *p, size_t first, size_t n) {
    const unsigned char *data = p->tensor->data;
    if (!p->by_inputs) {
        size_t row_bytes = p->row / p->from->block_size * p->from->block_bytes;
        p->from->to_f32(p->slab, data + first * row_bytes, n * p->row);
        return;
    }
    float run[SLAB_ROWS];
    for (size_t k = 0; k < p->row; k++) {
        p->from->to_f32(run, data + (k * p->n_rows + first) * p->from->block_bytes, n);
        for (size_t i = 0; i < n; i++) {
            p->slab[i * p->row + k] = run[i];
        }
    }
}

static void narrow_share(void *context, size_t begin, size_t end, int thread) {
    const struct passage *p = context;
    (void)thread;
    p->to->from_f32(p->narrow + begin * p->row_bytes, p->slab + begin * p->row,
                    (end - begin) * p->row);
}

/* The target must be finite: what overflows half precision is an error, not an infinity. */
static enum gen_status check_narrowed(const struct conversion *c, const struct passage *p,
                                      const unsigned char *data, size_t n) {
    if (p->to->find_not_finite(data, n) == n) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(c->err, GEN_UNSUPPORTED,
                     "%s: tensor %s has a number that is not finite or too large for %s (convert "
                     "to f32 or bf16)",
                     c->file->where.text,
                     error_quote(&quoted, p->tensor->name, strlen(p->tensor->name)),
                     p->to->option_name);
}

static enum gen_status tell_progress(const struct conversion *c) {
    if (c->options->progress == NULL ||
        c->options->progress(c->options->context, gguf_writer_written(c->writer),
                             gguf_writer_size(c->writer))) {
        return GEN_OK;
    }
    return error_set(c->err, GEN_CANCELED, "%s: conversion was canceled", c->file->where.text);
}

static enum gen_status write_rows(const struct conversion *c, struct passage *p, size_t first,
                                  size_t n) {
    const unsigned char *rows = p->narrow;
    if (p->slab == NULL) {
        rows = p->tensor->data + first * p->row_bytes;
    } else {
        read_rows(p, first, n);
        if (p->pair != NULL && !adapter_add(p->pair, p->slab, p->above + first, n)) {
            return error_no_memory(c->err, "merging");
        }
        if (p->rounding == NULL) {
            thread_pool_run(c->pool, n, 0, narrow_share, p);
        } else if (!rounding_rows(p->rounding, calibration_compute(c->calibration), p->to->quant,
                                  p->narrow, p->slab, n, NULL)) {
            return error_no_memory(c->err, "calibration");
        }
    }
    enum gen_status status = check_narrowed(c, p, rows, n * p->row);
    if (status == GEN_OK) {
        status = gguf_writer_data(c->writer, rows, n * p->row_bytes, c->err);
    }
    return status == GEN_OK ? tell_progress(c) : status;
}

/* A slab, where numbers change: what has the right type and order already is copied, so that
 * rounded weights are not rounded again. */
static bool passage_init(struct passage *p) {
    p->row_bytes = p->row / p->to->block_size * p->to->block_bytes;
    if (p->from == p->to && !p->by_inputs && p->pair == NULL) {
        return true;
    }
    p->slab = memory_new(SLAB_ROWS * p->row, sizeof *p->slab);
    p->narrow = memory_new(SLAB_ROWS, p->row_bytes);
    return p->slab != NULL && p->narrow != NULL;
}

static enum gen_status write_tensor(const struct conversion *c, const struct tensor_spec *spec,
                                    int32_t layer, const struct tensor_source *source) {
    bool vector = role_is_vector(spec->role);
    size_t n_rows = vector ? 1 : (size_t)tensor_size_of(spec->out, &c->config);
    struct adapter_pair pair;
    bool adapted = c->adapter != NULL && adapter_find(&pair, c->adapter, spec, layer);
    struct passage p = {
        .from = tensor_type_info(source->parts[0]->type),
        .to = tensor_type_info(target_type(c, spec, layer, source)),
        .by_inputs = spec->conv1d && c->file->conv1d_by_inputs,
        .n_rows = n_rows / source->n_parts,
        .row = (size_t)tensor_size_of(vector ? spec->out : spec->in, &c->config),
        .pair = adapted ? &pair : NULL,
    };
    enum gen_status status = passage_init(&p) ? GEN_OK : error_no_memory(c->err, "conversion");
    if (status == GEN_OK && c->calibration != NULL && p.to->quant != NULL && p.slab != NULL) {
        status = calibration_rounding(&p.rounding, c->calibration, spec, layer, c->err);
    }
    for (size_t i = 0; i < source->n_parts; i++) {
        const struct file_tensor *tensor = p.tensor = source->parts[i];
        p.above = i * p.n_rows;
        for (size_t first = 0; status == GEN_OK && first < p.n_rows; first += SLAB_ROWS) {
            size_t n = size_min(p.n_rows - first, SLAB_ROWS);
            status = write_rows(c, &p, first, n);
        }
        file_map_drop(&c->file->maps[tensor->map], tensor->data, tensor->size);
    }
    memory_free(p.slab);
    memory_free(p.narrow);
    return status;
}

/* ---- the whole -------------------------------------------------------------------------------*/

static enum gen_status read_type(struct conversion *c) {
    const char *type = c->options->type;
    bool is_auto = type != NULL && strcmp(type, recipe_auto) == 0;
    if (is_auto != (c->options->size != 0)) {
        return error_set(c->err, GEN_BAD_ARGUMENT,
                         "type \"%s\" and a size go together, none without the other", recipe_auto);
    }
    c->recipe = type != NULL && !is_auto ? recipe_find(type) : NULL;
    if (c->recipe != NULL || type == NULL || is_auto) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    struct recipe_names names;
    return error_set(c->err, GEN_BAD_ARGUMENT, "type \"%s\" is unknown; known are %s, %s",
                     error_quote(&quoted, type, strlen(type)), recipe_names(&names), recipe_auto);
}

/* Settings and names of all tensors: what comes before the first number of the file. */
static enum gen_status begin(struct conversion *c, const char *dst) {
    const struct tensor_spec *spec = tensor_spec_of(&c->config, ROLE_TOKENS);
    struct tensor_source wte;
    enum gen_status status = tensor_spec_find(&wte, spec, 0, c->file, &c->config, c->err);
    if (status != GEN_OK || (status = gguf_writer_new(&c->writer, dst, c->err)) != GEN_OK ||
        (status = write_settings(c, target_type(c, spec, 0, &wte))) != GEN_OK) {
        return status;
    }
    return for_each_tensor(c, announce);
}

/* Types for the size that is asked for: what the file takes with the smallest types is seen by
 * beginning it. */
static enum gen_status plan(struct conversion *c, const char *dst) {
    enum gen_status status = type_plan_new(&c->plan, c->calibration, c->err);
    uint64_t least = 0;
    if (status == GEN_OK) {
        c->is_planning = true;
        status = begin(c, dst);
        least = status == GEN_OK ? gguf_writer_size(c->writer) : 0;
        gguf_writer_free(c->writer);
        c->writer = NULL;
        c->is_planning = false;
    }
    if (status == GEN_OK && least > c->options->size) {
        return error_set(c->err, GEN_BAD_ARGUMENT,
                         "%s: takes at least %llu bytes, but the size asked for is %llu",
                         c->file->where.text, (unsigned long long)least,
                         (unsigned long long)c->options->size);
    }
    if (status == GEN_OK) {
        type_plan_spend(c->plan, c->options->size - least);
    }
    return status;
}

static enum gen_status convert(struct conversion *c, const char *dst) {
    enum gen_status status = c->options->size > 0 ? plan(c, dst) : GEN_OK;
    if (status == GEN_OK && (status = begin(c, dst)) == GEN_OK) {
        note_left_out(c, count_sources(c));
        if (c->plan != NULL) {
            struct type_plan_text text;
            tell(c, "%s: %llu of %llu bytes, matrices: %s", c->file->where.text,
                 (unsigned long long)gguf_writer_size(c->writer),
                 (unsigned long long)c->options->size, type_plan_describe(&text, c->plan));
        }
        status = for_each_tensor(c, write_tensor);
    }
    if (status == GEN_OK) {
        status = gguf_writer_commit(c->writer, c->err);
    }
    gguf_writer_free(c->writer);
    return status;
}

/* The target must not be what is read: renaming over it would destroy the only copy. */
static enum gen_status refuse_target(const char *dst, struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_ARGUMENT,
                     "%s: is a file of the model to convert (choose another name)",
                     error_path(&quoted, dst));
}

static enum gen_status check_target(const struct model_file *file, const char *dst,
                                    struct gen_error *err) {
    for (size_t i = 0; i < file->n_maps; i++) {
        if (file_map_is(&file->maps[i], dst)) {
            return refuse_target(dst, err);
        }
    }
    return GEN_OK;
}

static enum gen_status open_adapter(struct conversion *c, const char *dst) {
    enum gen_status status = adapter_open(&c->adapter, c->options->lora, &c->config, c->err);
    if (status == GEN_OK && adapter_is_file(c->adapter, dst)) {
        status = refuse_target(dst, c->err);
    }
    return status;
}

enum gen_status gen_convert(const char *src, const char *dst,
                            const struct gen_convert_options *options, struct gen_error *err) {
    struct gen_convert_options defaults = gen_convert_options_default();
    struct conversion c = {.options = options != NULL ? options : &defaults, .err = err};
    enum gen_status status = read_type(&c);
    if (status != GEN_OK) {
        return status;
    }
    struct gen_model_options model_options = gen_model_options_default();
    model_options.metadata_only = true;
    struct gen_model *source;
    status = c.options->image != NULL
                 ? gen_model_open_memory(&source, src, c.options->image, c.options->image_size,
                                         &model_options, err)
                 : gen_model_open(&source, src, &model_options, err);
    if (status != GEN_OK) {
        return status;
    }
    for (size_t i = 0; i < gen_model_n_notes(source) && c.options->note != NULL; i++) {
        struct gen_note note = gen_model_note(source, i);
        c.options->note(c.options->context, &note);
    }
    c.file = source->source;
    c.config = source->config;
    tell_of_rows(&c);
    status = check_target(c.file, dst, err);
    if (status == GEN_OK) {
        status = metadata_read(source->source, err);
    }
    if (status == GEN_OK && c.options->lora != NULL) {
        status = open_adapter(&c, dst);
    }
    /* Who talks to the merged model shall do so as the adapter was taught. */
    if (status == GEN_OK && c.adapter != NULL) {
        status = metadata_teach_adapter(source->source, adapter_file(c.adapter), err);
    }
    if (status == GEN_OK && (c.options->n_calibrate > 0 || c.options->size > 0)) {
        status = calibration_new(&c.calibration, src, c.options, err);
    }
    if (status == GEN_OK) {
        c.pool = thread_pool_new(0);
        status = c.pool != NULL ? convert(&c, dst) : error_no_memory(err, "threads");
        thread_pool_free(c.pool);
    }
    type_plan_free(c.plan);
    calibration_free(c.calibration);
    adapter_free(c.adapter);
    gen_model_free(source);
    return status;
}
