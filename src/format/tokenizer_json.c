/**
 * tokenizer_json.c - tokenizer.json, the one file of Hugging Face's `tokenizers` library. Its
 * parts are a pipeline: normalizer, pre_tokenizer, model (BPE: vocab, merges), post_processor,
 * decoder; and added_tokens, found in the text before all that.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/json_file.h"
#include "format/tokenizer_files.h"

/* The "type" of a part, for comparing and for messages. */
static const char *type_of(const cJSON *part) {
    const cJSON *type = json_member(part, "type");
    return cJSON_IsString(type) ? type->valuestring : "";
}

static bool is_absent(const cJSON *item) {
    return item == NULL || cJSON_IsNull(item);
}

static enum gen_status refuse(const char *part, const cJSON *found, const char *must_be,
                              const char *where, struct gen_error *err) {
    struct error_quoted quoted;
    const char *type = type_of(found);
    return error_set(err, GEN_UNSUPPORTED,
                     "%s: the %s is %s%s%s, but gen follows only %s: its ids would differ", where,
                     part, *type != '\0' ? "\"" : "",
                     *type != '\0' ? error_quote(&quoted, type, strlen(type)) : json_kind(found),
                     *type != '\0' ? "\"" : "", must_be);
}

/* The parts of a Sequence, or the part itself as the only one; NULL where there are none. */
static const cJSON *first_part(const cJSON *part, const char *list) {
    if (strcmp(type_of(part), "Sequence") != 0) {
        return is_absent(part) ? NULL : part;
    }
    const cJSON *parts = json_member(part, list);
    return cJSON_IsArray(parts) ? parts->child : part;
}

/* Whether a part follows this one in its Sequence. */
static bool has_next(const cJSON *sequence, const cJSON *part) {
    return part != NULL && part != sequence && part->next != NULL;
}

/* Split with the very pattern that GPT-2 has, keeping all that it finds. */
static bool is_own_split(const cJSON *part) {
    static const char pattern[] =
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    const cJSON *regex = json_member(json_member(part, "pattern"), "Regex");
    const cJSON *behavior = json_member(part, "behavior");
    return strcmp(type_of(part), "Split") == 0 && cJSON_IsString(regex) &&
           strcmp(regex->valuestring, pattern) == 0 && cJSON_IsString(behavior) &&
           strcmp(behavior->valuestring, "Isolated") == 0 &&
           !cJSON_IsTrue(json_member(part, "invert"));
}

/* ByteLevel that cuts by itself, or one that does not after a Split that cuts the same. */
static enum gen_status check_pre_tokenizer(const cJSON *sequence, const char *where,
                                           struct gen_error *err) {
    const cJSON *part = first_part(sequence, "pretokenizers");
    bool is_split = part != NULL && has_next(sequence, part) && is_own_split(part);
    part = is_split ? part->next : part;
    const cJSON *use_regex = json_member(part, "use_regex");
    if (strcmp(type_of(part), "ByteLevel") != 0 || has_next(sequence, part)) {
        return refuse("pre_tokenizer", part, "ByteLevel", where, err);
    }
    if (!cJSON_IsFalse(json_member(part, "add_prefix_space"))) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: the pre_tokenizer's add_prefix_space is not false, but gen puts no "
                         "space before the text: its ids would differ",
                         where);
    }
    if (is_split ? !cJSON_IsFalse(use_regex) : use_regex != NULL && !cJSON_IsTrue(use_regex)) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: the pre_tokenizer's use_regex is not %s, but gen always splits "
                         "text once, as GPT-2 does: its ids would differ",
                         where, is_split ? "false" : "true");
    }
    return GEN_OK;
}

/* ByteLevel changes no ids; TemplateProcessing does where it has tokens to put in. */
static bool changes_nothing(const cJSON *part) {
    const cJSON *tokens = json_member(part, "special_tokens");
    return strcmp(type_of(part), "ByteLevel") == 0 ||
           (strcmp(type_of(part), "TemplateProcessing") == 0 &&
            (tokens == NULL || tokens->child == NULL));
}

static enum gen_status check_post_processor(const cJSON *sequence, const char *where,
                                            struct gen_error *err) {
    for (const cJSON *part = first_part(sequence, "processors"); part != NULL;
         part = has_next(sequence, part) ? part->next : NULL) {
        if (!changes_nothing(part)) {
            return refuse("post_processor", part, "ByteLevel or none", where, err);
        }
    }
    return GEN_OK;
}

static enum gen_status check_model(const cJSON *model, const char *where, struct gen_error *err) {
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const cJSON *type = json_member(model, "type");
    if (!cJSON_IsObject(model) || (type != NULL && strcmp(type_of(model), "BPE") != 0)) {
        return refuse("model", model, "BPE", where, err);
    }
    for (size_t i = 0; i < 2; i++) {
        const cJSON *affix = json_member(model, affixes[i]);
        if (!is_absent(affix) && !(cJSON_IsString(affix) && affix->valuestring[0] == '\0')) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: the model's %s is not empty: gen's ids would differ", where,
                             affixes[i]);
        }
    }
    const cJSON *dropout = json_member(model, "dropout");
    if (!is_absent(dropout) && !(cJSON_IsNumber(dropout) && dropout->valuedouble == 0)) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: the model's dropout is not null: it makes ids random", where);
    }
    if (cJSON_IsTrue(json_member(model, "ignore_merges"))) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: the model's ignore_merges is true: gen's ids would differ", where);
    }
    if (!cJSON_IsObject(json_member(model, "vocab")) ||
        !cJSON_IsArray(json_member(model, "merges"))) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: the model must have a \"vocab\" object and a \"merges\" array",
                         where);
    }
    return GEN_OK;
}

/* Refuse whatever makes other ids than GPT-2's tokenizer does. */
static enum gen_status check_pipeline(const cJSON *root, const char *where, struct gen_error *err) {
    enum gen_status status = check_model(json_member(root, "model"), where, err);
    if (status != GEN_OK) {
        return status;
    }
    const cJSON *normalizer = first_part(json_member(root, "normalizer"), "normalizers");
    if (normalizer != NULL) {
        return refuse("normalizer", normalizer, "none (null)", where, err);
    }
    status = check_pre_tokenizer(json_member(root, "pre_tokenizer"), where, err);
    if (status != GEN_OK) {
        return status;
    }
    status = check_post_processor(json_member(root, "post_processor"), where, err);
    if (status != GEN_OK) {
        return status;
    }
    const cJSON *sequence = json_member(root, "decoder");
    const cJSON *decoder = first_part(sequence, "decoders");
    if (decoder != NULL &&
        (strcmp(type_of(decoder), "ByteLevel") != 0 || has_next(sequence, decoder))) {
        return refuse("decoder", decoder, "ByteLevel", where, err);
    }
    return GEN_OK;
}

static enum gen_status read_added(struct added_tokens *added, const cJSON *list, const char *where,
                                  struct gen_error *err) {
    if (is_absent(list)) {
        return GEN_OK;
    }
    enum gen_status status = GEN_OK;
    if (!cJSON_IsArray(list)) {
        return error_set(err, GEN_BAD_FILE, "%s: added_tokens is %s, but must be an array", where,
                         json_kind(list));
    }
    for (const cJSON *item = list->child; item != NULL && status == GEN_OK; item = item->next) {
        const cJSON *content = json_member(item, "content");
        if (!cJSON_IsString(content)) {
            status = error_set(err, GEN_BAD_FILE, "%s: an entry of added_tokens has no \"content\"",
                               where);
        }
        if (status == GEN_OK) {
            status = added_tokens_add(added, content->valuestring, json_member(item, "id"),
                                      added_tokens_kind(item), where, err);
        }
    }
    return status;
}

/* Merges are "left right", or since 2024 ["left", "right"]. */
static enum gen_status read_merges(struct tokenizer_builder *builder, const cJSON *merges,
                                   const char *where, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    size_t number = 0;
    for (const cJSON *item = merges->child; item != NULL && status == GEN_OK; item = item->next) {
        const cJSON *left = cJSON_IsArray(item) ? item->child : NULL;
        const cJSON *right = left != NULL ? left->next : NULL;
        if (cJSON_IsString(item)) {
            status = tokenizer_builder_merge_line(builder, item->valuestring,
                                                  strlen(item->valuestring), err);
        } else if (right != NULL && cJSON_IsString(left) && cJSON_IsString(right) &&
                   right->next == NULL) {
            status = tokenizer_builder_merge(builder, left->valuestring, strlen(left->valuestring),
                                             right->valuestring, strlen(right->valuestring), err);
        } else {
            status = error_set(err, GEN_BAD_FILE,
                               "%s: merge %zu is neither \"left right\" nor a pair of tokens",
                               where, number);
        }
        number++;
    }
    return status;
}

enum gen_status tokenizer_files_read_json(struct gen_tokenizer **out, const char *path,
                                          const char *directory, int64_t eos,
                                          struct gen_error *err) {
    *out = NULL;
    struct error_quoted where;
    error_path(&where, path);
    struct added_tokens added = {0};
    struct tokenizer_builder *builder = NULL;
    cJSON *root = NULL;
    enum gen_status status = json_read_object(&root, path, TOKENIZER_FILE_LIMIT, err);
    if (status == GEN_OK) {
        status = check_pipeline(root, where.text, err);
    }
    if (status == GEN_OK) {
        status = read_added(&added, json_member(root, "added_tokens"), where.text, err);
    }
    if (status == GEN_OK && directory != NULL) {
        status = added_tokens_read_directory(&added, directory, err);
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_new(&builder, path, err);
    }
    if (status == GEN_OK) {
        tokenizer_builder_last_merge(builder);
    }
    const cJSON *model = json_member(root, "model");
    if (status == GEN_OK) {
        status =
            added_tokens_build(builder, json_member(model, "vocab"), &added, eos, where.text, err);
    }
    if (status == GEN_OK) {
        status = read_merges(builder, json_member(model, "merges"), where.text, err);
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_finish(builder, out, err);
    }
    tokenizer_builder_free(builder);
    added_tokens_release(&added);
    cJSON_Delete(root);
    return status;
}
