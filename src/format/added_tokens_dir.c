/**
 * added_tokens_dir.c - the files of a directory that add tokens to a vocabulary, read in the order
 * in which transformers lets them win: added_tokens.json (ids alone, of words), then
 * added_tokens_decoder of tokenizer_config.json (ids and what each is), then the roles of
 * special_tokens_map.json and tokenizer_config.json, which make a token special.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "format/json_file.h"
#include "format/tokenizer_files.h"

/* Most bytes of each of the files. */
#define SIDE_FILE_LIMIT ((size_t)8 << 20)

/* Open directory/name as JSON; *out is NULL where there is no such file. */
static enum gen_status read_side_file(cJSON **out, struct error_quoted *where,
                                      const char *directory, const char *name,
                                      struct gen_error *err) {
    *out = NULL;
    char *path = file_join(directory, name);
    if (path == NULL) {
        return error_no_memory(err, "a path");
    }
    error_path(where, path);
    enum gen_status status = GEN_OK;
    if (file_kind_of(path) != FILE_MISSING) {
        status = json_read_object(out, path, SIDE_FILE_LIMIT, err);
    }
    memory_free(path);
    return status;
}

/* added_tokens.json: an object of content: id. */
static enum gen_status read_added_tokens(struct added_tokens *added, const char *directory,
                                         struct gen_error *err) {
    struct error_quoted where;
    cJSON *json = NULL;
    enum gen_status status = read_side_file(&json, &where, directory, "added_tokens.json", err);
    if (status == GEN_OK && json != NULL) {
        for (const cJSON *item = json->child; item != NULL && status == GEN_OK; item = item->next) {
            uint32_t known = 0;
            bool is_known =
                hash_table_find(&added->index, item->string, strlen(item->string), &known);
            unsigned kind = is_known ? added->tokens[known].kind : TOKENIZER_ADDED | TOKENIZER_LATE;
            status = added_tokens_add(added, item->string, item, kind, where.text, err);
        }
    }
    cJSON_Delete(json);
    return status;
}

/* One entry of added_tokens_decoder: the id as text, and the token's description. */
static enum gen_status read_decoder_entry(struct added_tokens *added, const cJSON *entry,
                                          const char *where, struct gen_error *err) {
    const cJSON *content = json_member(entry, "content");
    cJSON *id = NULL;
    enum gen_status status = json_parse(&id, entry->string, strlen(entry->string), where, err);
    if (status == GEN_OK && !cJSON_IsString(content)) {
        status = error_set(err, GEN_BAD_FILE,
                           "%s: an entry of added_tokens_decoder has no \"content\"", where);
    }
    if (status == GEN_OK) {
        status =
            added_tokens_add(added, content->valuestring, id, added_tokens_kind(entry), where, err);
    }
    cJSON_Delete(id);
    return status;
}

/* A token's name, or its description, or a list of these. */
static enum gen_status read_role(struct added_tokens *added, const cJSON *value,
                                 struct gen_error *err) {
    const cJSON *content = cJSON_IsObject(value) ? json_member(value, "content") : value;
    if (cJSON_IsString(content)) {
        return added_tokens_role(added, content->valuestring, err);
    }
    enum gen_status status = GEN_OK;
    if (cJSON_IsArray(value)) {
        for (const cJSON *item = value->child; item != NULL && status == GEN_OK;
             item = item->next) {
            if (!cJSON_IsArray(item)) {
                status = read_role(added, item, err);
            }
        }
    }
    return status;
}

static enum gen_status read_roles(struct added_tokens *added, const cJSON *json,
                                  struct gen_error *err) {
    static const char *const roles[] = {
        "bos_token",           "eos_token", "unk_token",  "sep_token",
        "pad_token",           "cls_token", "mask_token", "additional_special_tokens",
        "extra_special_tokens"};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(roles) && status == GEN_OK; i++) {
        status = read_role(added, json_member(json, roles[i]), err);
    }
    return status;
}

/* tokenizer_config.json: added tokens, and switches that would change the ids. */
static enum gen_status read_tokenizer_config(struct added_tokens *added, const cJSON *json,
                                             const char *where, struct gen_error *err) {
    static const char *const switches[] = {"add_prefix_space", "add_bos_token", "add_eos_token"};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(switches); i++) {
        if (cJSON_IsTrue(json_member(json, switches[i]))) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: has \"%s\": true, which gen does not follow, so its ids would "
                             "differ",
                             where, switches[i]);
        }
    }
    const cJSON *decoder = json_member(json, "added_tokens_decoder");
    if (cJSON_IsObject(decoder)) {
        for (const cJSON *item = decoder->child; item != NULL && status == GEN_OK;
             item = item->next) {
            status = read_decoder_entry(added, item, where, err);
        }
    }
    return status == GEN_OK ? read_roles(added, json, err) : status;
}

enum gen_status added_tokens_read_directory(struct added_tokens *added, const char *directory,
                                            struct gen_error *err) {
    struct error_quoted where;
    cJSON *config = NULL;
    cJSON *map = NULL;
    enum gen_status status = read_added_tokens(added, directory, err);
    if (status == GEN_OK) {
        status = read_side_file(&map, &where, directory, "special_tokens_map.json", err);
    }
    if (status == GEN_OK) {
        status = read_side_file(&config, &where, directory, "tokenizer_config.json", err);
    }
    if (status == GEN_OK) {
        status = read_tokenizer_config(added, config, where.text, err);
    }
    if (status == GEN_OK) {
        status = read_roles(added, map, err);
    }
    cJSON_Delete(config);
    cJSON_Delete(map);
    return status;
}
