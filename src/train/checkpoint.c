/**
 * checkpoint.c - the two files of a run: PATH.state, written and read by the layout in the header,
 * and the model as a GGUF. When they are written, trainer_save.c decides; whether a state fits a
 * job is checked in resume.c.
 */
#include "train/checkpoint.h"

#include <string.h>

#include "arch/arch.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/gguf_write.h"
#include "model/config.h"
#include "model/path_name.h"
#include "model/recipe.h"
#include "model/settings.h"

#define VERSION 6
static const char magic[] = "GENSTATE";

/* Bytes before the header, and of the header: numbers of the run, of which earlier versions have
 * the first, 13 of the configuration, the number of values. */
#define START_SIZE  16
#define N_RUN       20
#define N_CONFIG    13
#define HEADER_SIZE (8 * N_RUN + 4 * N_CONFIG + 8)

/* ---- the header ------------------------------------------------------------------------------*/

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void encode_config(uint32_t out[N_CONFIG], const struct gen_config *config) {
    const uint32_t fields[N_CONFIG] = {
        (uint32_t)config->n_vocab,      (uint32_t)config->n_ctx,
        (uint32_t)config->n_embd,       (uint32_t)config->n_head,
        (uint32_t)config->n_layer,      (uint32_t)config->n_inner,
        (uint32_t)config->activation,   float_bits(config->layer_norm_epsilon),
        config->scale_attn_weights,     config->scale_attn_by_inverse_layer_idx,
        config->tie_word_embeddings,    (uint32_t)config->bos_token_id,
        (uint32_t)config->eos_token_id,
    };
    memcpy(out, fields, sizeof fields);
}

static void decode_config(struct gen_config *config, struct cursor *cursor) {
    config->n_vocab = (int32_t)cursor_u32(cursor);
    config->n_ctx = (int32_t)cursor_u32(cursor);
    config->n_embd = (int32_t)cursor_u32(cursor);
    config->n_head = (int32_t)cursor_u32(cursor);
    config->n_layer = (int32_t)cursor_u32(cursor);
    config->n_inner = (int32_t)cursor_u32(cursor);
    config->activation = (enum gen_activation)cursor_u32(cursor);
    config->layer_norm_epsilon = cursor_f32(cursor);
    config->scale_attn_weights = cursor_u32(cursor) != 0;
    config->scale_attn_by_inverse_layer_idx = cursor_u32(cursor) != 0;
    config->tie_word_embeddings = cursor_u32(cursor) != 0;
    config->bos_token_id = (int32_t)cursor_u32(cursor);
    config->eos_token_id = (int32_t)cursor_u32(cursor);
}

static void encode_header(unsigned char out[START_SIZE + HEADER_SIZE],
                          const struct checkpoint *checkpoint, size_t n_values) {
    memcpy(out, magic, 8);
    bytes_put_u32(out + 8, VERSION);
    bytes_put_u32(out + 12, HEADER_SIZE);
    uint64_t run[N_RUN] = {checkpoint->step,      checkpoint->n_tokens, checkpoint->n_sequences,
                           checkpoint->data_key,  checkpoint->seed,     checkpoint->vocab,
                           checkpoint->best_step, checkpoint->n_worse};
    memcpy(&run[8], &checkpoint->best_loss, sizeof *run);
    run[9] = (uint64_t)checkpoint->optimizer;
    run[10] = checkpoint->base;
    run[11] = checkpoint->has_best;
    run[12] = checkpoint->valid_key;
    run[13] = checkpoint->order_key;
    run[14] = checkpoint->has_first;
    memcpy(&run[15], &checkpoint->first_loss, sizeof *run);
    run[16] = checkpoint->n_note;
    run[17] = arch_number(arch_of(&checkpoint->config));
    run[18] = (uint64_t)checkpoint->config.window;
    run[19] = checkpoint->config.local_layers;
    unsigned char *at = out + START_SIZE;
    for (size_t i = 0; i < N_RUN; i++, at += 8) {
        bytes_put_u64(at, run[i]);
    }
    uint32_t config[N_CONFIG];
    encode_config(config, &checkpoint->config);
    for (size_t i = 0; i < N_CONFIG; i++, at += 4) {
        bytes_put_u32(at, config[i]);
    }
    bytes_put_u64(at, n_values);
}

/* ---- writing ---------------------------------------------------------------------------------*/

/* Numbers encoded at a time. */
#define RUN 16384

static enum gen_status put_array(struct file_writer *file, struct digest *digest,
                                 const float *array, size_t n, struct gen_error *err) {
    const struct tensor_type_info *f32 = tensor_type_info(TENSOR_F32);
    unsigned char bytes[RUN * sizeof *array];
    enum gen_status status = GEN_OK;
    for (size_t first = 0; first < n && status == GEN_OK; first += RUN) {
        size_t now = size_min(n - first, RUN);
        f32->from_f32(bytes, array + first, now);
        digest_add(digest, bytes, now * sizeof *array);
        status = file_writer_put(file, bytes, now * sizeof *array, err);
    }
    return status;
}

static enum gen_status put_state(struct file_writer *file, const struct checkpoint *checkpoint,
                                 const struct params *params, const struct adamw *adamw,
                                 struct gen_error *err) {
    struct digest digest = {0};
    unsigned char header[START_SIZE + HEADER_SIZE];
    encode_header(header, checkpoint, params->n_values);
    digest_add(&digest, header, sizeof header);
    const float *arrays[] = {params->values, adamw->m, adamw->v};
    enum gen_status status = file_writer_put(file, header, sizeof header, err);
    for (size_t i = 0; i < 3 && status == GEN_OK; i++) {
        status = put_array(file, &digest, arrays[i], params->n_values, err);
    }
    if (status == GEN_OK && checkpoint->n_note > 0) {
        digest_add(&digest, checkpoint->note, checkpoint->n_note);
        status = file_writer_put(file, checkpoint->note, checkpoint->n_note, err);
    }
    unsigned char end[8];
    bytes_put_u64(end, digest_value(&digest));
    return status == GEN_OK ? file_writer_put(file, end, sizeof end, err) : status;
}

enum gen_status checkpoint_write_state(const char *path, const struct checkpoint *checkpoint,
                                       const struct params *params, const struct adamw *adamw,
                                       struct gen_error *err) {
    struct file_writer file;
    enum gen_status status = file_writer_open(&file, path, err);
    if (status != GEN_OK) {
        return status;
    }
    status = put_state(&file, checkpoint, params, adamw, err);
    if (status == GEN_OK) {
        status = file_writer_commit(&file, err);
    }
    file_writer_close(&file);
    return status;
}

static enum gen_status announce(struct gguf_writer *writer, const struct params *params,
                                struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < params->n_tensors && status == GEN_OK; i++) {
        const struct param_tensor *tensor = &params->tensors[i];
        char name[TENSOR_NAME_SIZE];
        uint64_t dims[2];
        tensor_spec_name(name, tensor->spec, NAMES_GGUF, tensor->layer);
        int n_dims = tensor_spec_dims(dims, tensor->spec, &params->config, false);
        status = gguf_writer_tensor(writer, name, TENSOR_F32, n_dims, dims, err);
    }
    return status;
}

static enum gen_status put_model(struct gguf_writer *writer, const char *path,
                                 const struct params *params, const struct gen_tokenizer *tokenizer,
                                 const struct model_file *source, enum metadata_carried carried,
                                 struct gen_error *err) {
    size_t n;
    const char *name = model_path_name(path, &n);
    struct error_quoted quoted;
    error_quote(&quoted, name, n);
    struct model_settings settings = {.name = quoted.text,
                                      .n_name = strlen(quoted.text),
                                      .config = &params->config,
                                      .tokenizer = tokenizer,
                                      .file_type = recipe_of_type(TENSOR_F32)->file_type,
                                      .source = source,
                                      .carried = carried};
    enum gen_status status = model_settings_write(writer, &settings, NULL, err);
    if (status == GEN_OK) {
        status = announce(writer, params, err);
    }
    for (size_t i = 0; i < params->n_tensors && status == GEN_OK; i++) {
        status = params_write(writer, params, &params->tensors[i], err);
    }
    return status == GEN_OK ? gguf_writer_commit(writer, err) : status;
}

enum gen_status checkpoint_write_model(const char *path, const struct params *params,
                                       const struct gen_tokenizer *tokenizer,
                                       const struct model_file *source,
                                       enum metadata_carried carried, struct gen_error *err) {
    struct gguf_writer *writer;
    enum gen_status status = gguf_writer_new(&writer, path, err);
    if (status == GEN_OK) {
        status = put_model(writer, path, params, tokenizer, source, carried, err);
    }
    gguf_writer_free(writer);
    return status;
}

/* ---- reading ---------------------------------------------------------------------------------*/

static size_t n_run(uint32_t version) {
    static const size_t counts[VERSION + 1] = {0, 6, 9, 10, 11, 17, N_RUN};
    return counts[version];
}

/* Numbers that stand for one of a list, before it is known that they do. */
struct listed {
    uint64_t optimizer, arch;
};

static void decode_run(struct checkpoint *checkpoint, struct listed *listed, struct cursor *cursor,
                       uint32_t version) {
    uint64_t best_loss = 0;
    uint64_t has_best = 0;
    uint64_t has_first = 0;
    uint64_t first_loss = 0;
    uint64_t n_note = 0;
    uint64_t window = 0;
    *listed = (struct listed){.optimizer = GEN_OPTIMIZER_ADAMW, .arch = 0};
    uint64_t *run[N_RUN] = {&checkpoint->step,
                            &checkpoint->n_tokens,
                            &checkpoint->n_sequences,
                            &checkpoint->data_key,
                            &checkpoint->seed,
                            &checkpoint->vocab,
                            &checkpoint->best_step,
                            &checkpoint->n_worse,
                            &best_loss,
                            &listed->optimizer,
                            &checkpoint->base,
                            &has_best,
                            &checkpoint->valid_key,
                            &checkpoint->order_key,
                            &has_first,
                            &first_loss,
                            &n_note,
                            &listed->arch,
                            &window,
                            &checkpoint->config.local_layers};
    for (size_t i = 0; i < n_run(version); i++) {
        *run[i] = cursor_u64(cursor);
    }
    memcpy(&checkpoint->best_loss, &best_loss, sizeof best_loss);
    memcpy(&checkpoint->first_loss, &first_loss, sizeof first_loss);
    checkpoint->has_best = version < 5 ? checkpoint->best_step > 0 : has_best != 0;
    checkpoint->has_first = has_first != 0;
    checkpoint->config.window = window <= INT32_MAX ? (int32_t)window : -1;
    checkpoint->n_note = n_note < SIZE_MAX ? (size_t)n_note : SIZE_MAX;
}

/* Bytes from the beginning to the numbers. */
static size_t numbers_at(uint32_t version) {
    return START_SIZE + HEADER_SIZE - 8 * (N_RUN - n_run(version));
}

static enum gen_status read_state(struct saved_state *state, const char *where,
                                  struct gen_error *err) {
    struct cursor cursor = cursor_over(state->map.data, state->map.size);
    const unsigned char *start = cursor_take(&cursor, 8);
    uint32_t version = cursor_u32(&cursor);
    uint32_t header = cursor_u32(&cursor);
    if (cursor.failed || memcmp(start, magic, 8) != 0) {
        return error_set(err, GEN_BAD_FILE, "%s: is not a training state of gen", where);
    }
    if (version < 1 || version > VERSION) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: is a training state of version %u, this gen reads 1 to %u", where,
                         version, VERSION);
    }
    struct checkpoint *checkpoint = &state->checkpoint;
    bool whole = START_SIZE + header == numbers_at(version);
    struct listed listed;
    decode_run(checkpoint, &listed, &cursor, version);
    decode_config(&checkpoint->config, &cursor);
    uint64_t n_values = cursor_u64(&cursor);
    size_t left = cursor_left(&cursor);
    struct digest digest = {0};
    if (left >= 8) {
        digest_add(&digest, state->map.data, state->map.size - 8);
    }
    size_t n_note = checkpoint->n_note;
    if (!whole || cursor.failed || left < 8 || left - 8 < n_note || (left - 8 - n_note) % 12 != 0 ||
        (left - 8 - n_note) / 12 != n_values ||
        bytes_u64(state->map.data + state->map.size - 8) != digest_value(&digest)) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: is damaged, its check sum or size is wrong (to go on from the "
                         "weights alone, remove it and begin with the GGUF)",
                         where);
    }
    const struct arch *arch =
        listed.arch <= UINT32_MAX ? arch_by_number((uint32_t)listed.arch) : NULL;
    if (arch == NULL) {
        struct arch_names names;
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: the run trains an architecture of number %llu, this gen knows %s; go "
                         "on with the gen that began it",
                         where, (unsigned long long)listed.arch, arch_names(&names));
    }
    checkpoint->config.arch = arch->name;
    if (!config_is_sound(&checkpoint->config)) {
        return error_set(err, GEN_BAD_FILE, "%s: its configuration is that of no model", where);
    }
    if (listed.optimizer != GEN_OPTIMIZER_ADAMW && listed.optimizer != GEN_OPTIMIZER_MUON) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: the run was begun with optimizer number %llu, this gen knows 0 "
                         "(adamw) and 1 (muon); go on with the gen that began it",
                         where, (unsigned long long)listed.optimizer);
    }
    checkpoint->optimizer = (enum gen_optimizer)listed.optimizer;
    state->n_values = (size_t)n_values;
    state->numbers = state->map.data + numbers_at(version);
    checkpoint->note = (const char *)state->numbers + 12 * state->n_values;
    return GEN_OK;
}

enum gen_status saved_state_open(struct saved_state *state, const char *path,
                                 struct gen_error *err) {
    *state = (struct saved_state){0};
    struct error_quoted where;
    enum gen_status status = file_map_open(&state->map, path, err);
    if (status == GEN_OK) {
        status = read_state(state, error_path(&where, path), err);
    }
    if (status != GEN_OK) {
        saved_state_close(state);
    }
    return status;
}

enum gen_status saved_state_load(const struct saved_state *state, const char *path,
                                 struct params *params, struct adamw *adamw,
                                 struct gen_error *err) {
    if (state->n_values != params->n_values) {
        struct error_quoted quoted;
        return error_set(err, GEN_BAD_FILE,
                         "%s: has %zu trainable numbers, but with these options and this model it "
                         "must be %zu (give the kind of training, rank and targets that it was "
                         "begun with)",
                         error_path(&quoted, path), state->n_values, params->n_values);
    }
    const unsigned char *at = state->numbers;
    float *arrays[] = {params->values, adamw->m, adamw->v};
    for (size_t i = 0; i < 3; i++) {
        tensor_type_info(TENSOR_F32)->to_f32(arrays[i], at, state->n_values);
        at += state->n_values * sizeof(float);
    }
    return GEN_OK;
}

void saved_state_close(struct saved_state *state) {
    file_map_close(&state->map);
    *state = (struct saved_state){0};
}
