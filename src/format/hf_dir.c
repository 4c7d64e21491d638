/**
 * hf_dir.c - a Hugging Face directory: config.json, the weights in model.safetensors or in the
 * shards that model.safetensors.index.json lists, else in PyTorch's files, and the tokenizer's
 * files.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/generation_config.h"
#include "format/json_file.h"
#include "format/model_file.h"
#include "format/tokenizer_files.h"
#include "format/torch/torch.h"

/* Most bytes of config.json and of the list of shards. */
#define CONFIG_LIMIT ((size_t)4 << 20)
#define INDEX_LIMIT  ((size_t)64 << 20)

/* ---- config.json -----------------------------------------------------------------------------*/

static enum setting_type number_type(const cJSON *item) {
    int64_t value = 0;
    return json_is_integer(item, &value) ? SETTING_I64 : SETTING_F64;
}

static enum setting_type type_of(const cJSON *item) {
    if (cJSON_IsNumber(item)) {
        return number_type(item);
    }
    if (cJSON_IsString(item)) {
        return SETTING_STRING;
    }
    if (cJSON_IsBool(item)) {
        return SETTING_BOOL;
    }
    if (cJSON_IsArray(item)) {
        return SETTING_ARRAY;
    }
    return cJSON_IsObject(item) ? SETTING_OBJECT : SETTING_NULL;
}

/* One member of config.json; texts are copied to *text, which moves on. */
static struct setting setting_of(const cJSON *item, char **text) {
    struct setting setting = {.type = type_of(item)};
    switch (setting.type) {
    case SETTING_I64:
        json_is_integer(item, &setting.value.i);
        break;
    case SETTING_F64:
        setting.value.f = item->valuedouble;
        break;
    case SETTING_BOOL:
        setting.value.u = cJSON_IsTrue(item) ? 1 : 0;
        break;
    case SETTING_STRING:
        setting.value.string.n = strlen(item->valuestring);
        setting.value.string.text = *text;
        memcpy(*text, item->valuestring, setting.value.string.n);
        *text += setting.value.string.n;
        break;
    case SETTING_ARRAY:
    case SETTING_OBJECT:
        setting.element_type = item->child != NULL ? type_of(item->child) : SETTING_NULL;
        for (const cJSON *element = item->child; element != NULL; element = element->next) {
            setting.value.array.n++;
        }
        break;
    default:
        break;
    }
    return setting;
}

/* The text of an array, for those who read it. */
static bool keep_array(struct setting *setting, const cJSON *item) {
    char *text = cJSON_PrintUnformatted(item);
    setting->value.array.size = text != NULL ? strlen(text) : 0;
    setting->owned = text != NULL ? memory_copy_string(text, setting->value.array.size) : NULL;
    setting->value.array.data = setting->owned;
    cJSON_free(text);
    return setting->owned != NULL;
}

static enum gen_status add_settings(struct model_file *file, const cJSON *config, const char *where,
                                    struct gen_error *err) {
    size_t n_text = 0; /* at most the size of the file */
    for (const cJSON *item = config->child; item != NULL; item = item->next) {
        n_text += cJSON_IsString(item) ? strlen(item->valuestring) : 0;
    }
    char *text = file->text = memory_new(n_text, 1);
    if (text == NULL) {
        return error_no_memory(err, "config.json");
    }
    enum gen_status status = GEN_OK;
    for (const cJSON *item = config->child; item != NULL && status == GEN_OK; item = item->next) {
        struct setting setting = setting_of(item, &text);
        if (setting.type == SETTING_ARRAY && !keep_array(&setting, item)) {
            return error_no_memory(err, "config.json");
        }
        status =
            model_file_add_setting(file, &setting, item->string, strlen(item->string), where, err);
        if (status != GEN_OK) {
            memory_free(setting.owned);
        }
    }
    return status;
}

enum gen_status hf_config_read(struct model_file *file, const char *directory,
                               struct gen_error *err) {
    struct error_quoted where;
    cJSON *config = NULL;
    char *path = file_join(directory, "config.json");
    if (path == NULL) {
        return error_no_memory(err, "a path");
    }
    error_path(&where, path);
    file->naming = NAMES_HF;
    file->format = "safetensors";
    file->conv1d_by_inputs = true;
    file->settings_where = where;
    enum gen_status status = json_read_object(&config, path, CONFIG_LIMIT, err);
    if (status == GEN_OK) {
        status = add_settings(file, config, where.text, err);
    }
    if (status == GEN_OK) {
        status = generation_config_take(file, config, where.text, err);
    }
    cJSON_Delete(config);
    memory_free(path);
    return status;
}

int64_t hf_config_eos(const struct model_file *file) {
    const struct setting *eos = model_file_setting(file, "eos_token_id");
    bool good = eos != NULL && eos->type == SETTING_I64 && eos->value.i >= 0 &&
                eos->value.i < TOKENIZER_MAX_TOKENS;
    return good ? eos->value.i : -1;
}

/* ---- weights ---------------------------------------------------------------------------------*/

/* What weights come in: one file, or an index of shards. The first that is there is read. */
struct weights_kind {
    const char *file, *index;
    const char *format; /* as gen_model_format() has it */
    enum gen_status (*read)(struct model_file *file, size_t map, const char *path,
                            const struct shard_filter *filter, struct gen_error *err);
};

static const struct weights_kind kinds[] = {
    {"model.safetensors", "model.safetensors.index.json", "safetensors", safetensors_read},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch", torch_read},
};

/* Map and read directory/name; filter is NULL where it is no shard. */
static enum gen_status read_weights(struct model_file *file, const struct weights_kind *kind,
                                    const char *directory, const char *name,
                                    const struct shard_filter *filter, struct gen_error *err) {
    char *path = file_join(directory, name);
    if (path == NULL) {
        return error_no_memory(err, "a path");
    }
    if (filter == NULL) {
        error_path(&file->tensors_where, path);
    }
    enum gen_status status = model_file_map(file, path, err);
    if (status == GEN_OK) {
        status = kind->read(file, file->n_maps - 1, path, filter, err);
    }
    memory_free(path);
    return status;
}

/* A shard is a file in the same directory, and its name goes nowhere else. */
static bool is_shard_name(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n > 255 || strstr(name, "..") != NULL || strcmp(name, ".") == 0) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F || name[i] == '/' || name[i] == '\\') {
            return false;
        }
    }
    return true;
}

/* What the index says. */
struct shards {
    const char *where;                 /* the index, printable */
    struct hash_table numbers, owners; /* of the shards by name; of each tensor's shard */
    const char **names;                /* [n], in the order of the index */
    size_t n, capacity;
};

/* Number the shards, and note which one each tensor is in. */
static enum gen_status list_shards(struct shards *shards, const cJSON *weight_map,
                                   struct gen_error *err) {
    for (const cJSON *item = weight_map->child; item != NULL; item = item->next) {
        struct error_quoted tensor, quoted;
        const char *name = cJSON_IsString(item) ? item->valuestring : "";
        if (!is_shard_name(name)) {
            return error_set(err, GEN_BAD_FILE,
                             "%s: the shard of tensor \"%s\" is \"%s\", but must be the name of a "
                             "file in the same directory",
                             shards->where,
                             error_quote(&tensor, item->string, strlen(item->string)),
                             error_quote(&quoted, name, strlen(name)));
        }
        uint32_t number = (uint32_t)shards->n;
        if (!hash_table_find(&shards->numbers, name, strlen(name), &number)) {
            if (!memory_grow(&shards->names, &shards->capacity, shards->n + 1,
                             sizeof *shards->names) ||
                hash_table_add(&shards->numbers, name, strlen(name), number) != HASH_ADDED) {
                return error_no_memory(err, "the list of shards");
            }
            shards->names[shards->n++] = name;
        }
        if (hash_table_add(&shards->owners, item->string, strlen(item->string), number) !=
            HASH_ADDED) {
            return error_no_memory(err, "the list of shards");
        }
    }
    return GEN_OK;
}

static enum gen_status open_shards(struct model_file *file, const struct weights_kind *kind,
                                   const struct shards *shards, const char *directory,
                                   struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < shards->n && status == GEN_OK; i++) {
        struct shard_filter filter = {&shards->owners, (uint32_t)i};
        status = read_weights(file, kind, directory, shards->names[i], &filter, err);
    }
    return status;
}

/* Where lm_head is tied to wte, some programs list it though no shard holds it. Whether a model
 *  needs it is seen when its tensors are looked for. */
static bool may_be_missing(const char *name) {
    return safetensors_is_old_buffer(name) || strcmp(name, "lm_head.weight") == 0 ||
           strcmp(name, "transformer.lm_head.weight") == 0;
}

/* Every tensor must be where the index puts it. */
static enum gen_status check_shards(const struct model_file *file, const struct shards *shards,
                                    const cJSON *weight_map, struct gen_error *err) {
    size_t first = file->n_maps - shards->n;
    for (const cJSON *item = weight_map->child; item != NULL; item = item->next) {
        const struct file_tensor *tensor = model_file_tensor(file, item->string);
        const struct unread_tensor *unread = model_file_unread(file, item->string);
        uint32_t number = 0;
        hash_table_find(&shards->owners, item->string, strlen(item->string), &number);
        if (tensor == NULL && unread != NULL) {
            tensor = &unread->tensor;
        }
        struct error_quoted quoted, shard;
        if ((tensor == NULL || tensor->map != first + number) && !may_be_missing(item->string)) {
            return error_set(err, GEN_BAD_FILE,
                             "%s: tensor \"%s\" must be in the shard \"%s\", but is not there",
                             shards->where,
                             error_quote(&quoted, item->string, strlen(item->string)),
                             error_quote(&shard, item->valuestring, strlen(item->valuestring)));
        }
    }
    return GEN_OK;
}

static enum gen_status read_index(struct model_file *file, const struct weights_kind *kind,
                                  const char *directory, const char *path, struct gen_error *err) {
    struct shards shards = {.where = error_path(&file->tensors_where, path)};
    cJSON *index = NULL;
    enum gen_status status = json_read_object(&index, path, INDEX_LIMIT, err);
    const cJSON *weight_map = json_member(index, "weight_map");
    if (status == GEN_OK && (!cJSON_IsObject(weight_map) || weight_map->child == NULL)) {
        status = error_set(err, GEN_BAD_FILE,
                           "%s: has no \"weight_map\" object that says which shard a tensor is in",
                           shards.where);
    }
    if (status == GEN_OK) {
        status = list_shards(&shards, weight_map, err);
    }
    if (status == GEN_OK) {
        status = open_shards(file, kind, &shards, directory, err);
    }
    if (status == GEN_OK) {
        status = check_shards(file, &shards, weight_map, err);
    }
    hash_table_release(&shards.numbers);
    hash_table_release(&shards.owners);
    memory_free(shards.names);
    cJSON_Delete(index);
    return status;
}

static bool has_file(const char *directory, const char *name) {
    char *path = file_join(directory, name);
    bool found = path != NULL && file_kind_of(path) != FILE_MISSING;
    memory_free(path);
    return found;
}

bool hf_dir_is_model(const char *directory) {
    bool found = false;
    for (size_t i = 0; i < N_OF(kinds) && !found; i++) {
        found = has_file(directory, kinds[i].file) || has_file(directory, kinds[i].index);
    }
    return found && has_file(directory, "config.json");
}

static enum gen_status read_kind(struct model_file *file, const struct weights_kind *kind,
                                 const char *directory, struct gen_error *err) {
    file->format = kind->format;
    if (has_file(directory, kind->file)) {
        return read_weights(file, kind, directory, kind->file, NULL, err);
    }
    char *index = file_join(directory, kind->index);
    enum gen_status status = index != NULL ? read_index(file, kind, directory, index, err)
                                           : error_no_memory(err, "a path");
    memory_free(index);
    return status;
}

/* What was named, else the first kind that is there. */
static enum gen_status read_any(struct model_file *file, const char *directory, const char *weights,
                                struct gen_error *err) {
    const struct weights_kind *pytorch = &kinds[N_OF(kinds) - 1];
    if (weights != NULL) {
        file->format = pytorch->format;
        return read_weights(file, pytorch, directory, weights, NULL, err);
    }
    size_t i = 0;
    while (i + 1 < N_OF(kinds) && !has_file(directory, kinds[i].file) &&
           !has_file(directory, kinds[i].index)) {
        i++;
    }
    return read_kind(file, &kinds[i], directory, err);
}

enum gen_status hf_dir_read(struct model_file *file, const char *directory, const char *weights,
                            struct gen_error *err) {
    enum gen_status status = hf_config_read(file, directory, err);
    if (status == GEN_OK) {
        status = read_any(file, directory, weights, err);
    }
    if (status == GEN_OK) {
        status =
            tokenizer_files_read_directory(&file->tokenizer, directory, hf_config_eos(file), err);
    }
    return status == GEN_OK ? generation_config_read(file, directory, err) : status;
}
