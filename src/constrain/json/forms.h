/**
 * forms.h - forms of strings that hold together: patterns, lengths, lists of texts, as
 * languages.h has them. All are of strings with their quotes, in one spelling.
 */
#ifndef CONSTRAIN_JSON_FORMS_H
#define CONSTRAIN_JSON_FORMS_H

#include "constrain/json/parts.h"
#include "constrain/languages.h"

/** What texts must have: bits of forms, and what they must be. */
struct forms_wanted {
    unsigned mask, forms;
};

/* Each adds a form, the next number; false: it failed, and the builder has the error. */
bool schema_form_length(struct schema_builder *builder, struct languages *languages, uint32_t low,
                        uint32_t high);
bool schema_form_regex(struct schema_builder *builder, struct languages *languages,
                       const char *what, const char *regex);
bool schema_form_texts(struct schema_builder *builder, struct languages *languages,
                       const char *const *texts, size_t n);
/** All that a shape says of strings, but its values. */
bool schema_forms_of(struct schema_builder *builder, struct languages *languages,
                     const struct shape *shape, struct forms_wanted *wanted);
bool schema_forms_build(struct schema_builder *builder, struct languages *languages);
/** json/formats.c: the expression of a format; NULL: it is not known. */
const char *schema_format_regex(const char *name);

/** json/names.c: members of objects whose names patternProperties or propertyNames speak of. */
struct schema_names {
    struct languages languages;
    const char *patterns[LANGUAGES_MOST];
    size_t n_patterns;
    struct forms_wanted wanted; /**< of all names, by propertyNames */
    bool any;                   /**< there is something of this kind */
};
/** Form 1 is to be one of the names. False: it failed. */
bool schema_names_init(struct schema_builder *builder, struct schema_names *it,
                       const struct schema_set *set, const char *const *names, size_t n);
/** The forms of a name; false: it is not allowed. */
bool schema_names_forms(struct schema_builder *builder, const struct schema_names *it,
                        const char *name, unsigned *forms);
/** Add the schemas of a member whose name has these forms, as far as one schema says. */
bool schema_names_add(struct schema_builder *builder, const struct schema_names *it,
                      struct schema_set *values, const cJSON *schema, unsigned forms);
void schema_names_release(struct schema_names *it);

#endif
