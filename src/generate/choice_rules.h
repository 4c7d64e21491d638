/**
 * choice_rules.h - the rules of sampling that choices go by: bad words and bad texts.
 */
#ifndef GENERATE_CHOICE_RULES_H
#define GENERATE_CHOICE_RULES_H

#include "generate/sequence.h"

/**
 * Whether a choice may come after n ids, those of its prompt: no id of it completes a bad word or a
 * bad text, whether the choice or what is before it began that.
 */
bool choice_rules_allow(const struct sequence_rules *rules, const struct gen_ids *choice,
                        const int32_t *ids, size_t n);

#endif
