/**
 * test_chat_talk.c - the conversation of gen chat below its terminal: lines broken between words
 * however the text comes in, turns that read no more than their own tokens, messages that are
 * changed and taken back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cmd/chat/chat_screen.h"
#include "cmd/chat/chat_talk.h"

#define BASE "tests/golden/models/base"

/* ---- lines -----------------------------------------------------------------------------------*/

/* `text` in pieces of n bytes must become `expected`. */
static void wraps(const char *text, size_t width, size_t column, const char *expected) {
    for (size_t piece = 4; piece <= 64; piece *= 4) {
        struct chat_wrap wrap = {.column = column};
        struct gen_bytes out = {0};
        for (size_t i = 0, n; text[i] != '\0'; i += n) {
            /* Whole characters, as the engine gives them. */
            n = strlen(text + i) < piece ? strlen(text + i) : piece;
            while (((unsigned char)text[i + n] & 0xc0) == 0x80) {
                n++;
            }
            chat_wrap_put(&wrap, &out, text + i, n, width);
        }
        chat_wrap_end(&wrap, &out, width);
        assert_int_equal(gen_bytes_append(&out, "", 1), GEN_OK);
        assert_string_equal(out.data, expected);
        gen_bytes_release(&out);
        gen_bytes_release(&wrap.word);
    }
}

static void lines_are_broken_between_words(void **state) {
    (void)state;
    wraps("one two three", 80, 0, "one two three");
    wraps("one two three", 7, 0, "one two\nthree");
    wraps("one two three", 6, 0, "one\ntwo\nthree");
    wraps("one two", 7, 4, "one\ntwo");
    wraps("a\n\n  b c", 4, 0, "a\n\n  b\nc");
    wraps("a   ", 4, 0, "a");
    wraps("abcdefgh ij", 3, 0, "abc\ndef\ngh\nij");
    wraps("", 3, 0, "");
}

static void wide_characters_take_two_columns(void **state) {
    (void)state;
    wraps("\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", 4, 0,
          "\xe4\xbd\xa0\xe5\xa5\xbd\n\xe4\xb8\x96\xe7\x95\x8c");
    wraps("ab \xf0\x9f\xa6\x8a\xf0\x9f\x90\xba c", 5, 0, "ab \xf0\x9f\xa6\x8a\n\xf0\x9f\x90\xba c");
    wraps("e\xcc\x81t\xc3\xa9 e", 3, 0, "e\xcc\x81t\xc3\xa9\ne");
}

/* ---- turns -----------------------------------------------------------------------------------*/

struct heard {
    struct gen_result last;
    struct gen_bytes text;
    struct gen_bytes prompt; /* what the model had read, with a NUL */
    const struct gen_tokenizer *tokenizer;
    int n_full;
    int stop_after; /* pieces of text; 0: never */
};

static void on_text(void *context, const char *bytes, size_t n) {
    struct heard *heard = context;
    assert_int_equal(gen_bytes_append(&heard->text, bytes, n), GEN_OK);
    heard->stop_after -= heard->stop_after > 1;
}

static bool go_on(void *context) {
    return ((struct heard *)context)->stop_after != 1;
}

static void on_full(void *context) {
    ((struct heard *)context)->n_full++;
}

static void on_end(void *context, const struct gen_result *result) {
    struct heard *heard = context;
    struct gen_error err;
    heard->last = *result;
    heard->prompt.n = 0;
    assert_int_equal(gen_tokenizer_decode(heard->tokenizer, result->prompt_ids,
                                          result->n_prompt_ids, &heard->prompt, &err),
                     GEN_OK);
    assert_int_equal(gen_bytes_append(&heard->prompt, "", 1), GEN_OK);
}

struct fixture {
    struct gen_model *model;
    struct gen_chat_template *chat_template;
    struct gen_generate_options options;
    struct chat_talk talk;
    struct heard heard;
    struct chat_listener listener;
};

static void begin(struct fixture *f) {
    struct gen_error err = {0};
    struct gen_engine_options options = gen_engine_options_default();
    options.n_threads = 1;
    options.batch = 1;
    *f = (struct fixture){.options = gen_generate_options_default()};
    assert_int_equal(gen_model_open(&f->model, BASE, NULL, &err), GEN_OK);
    assert_int_equal(gen_chat_template_new(&f->chat_template, f->model, "plain", &err), GEN_OK);
    f->options.max_new_tokens = 4;
    f->options.sampling.min_new_tokens = 1;
    f->talk = (struct chat_talk){
        .model = f->model, .chat_template = f->chat_template, .options = &f->options};
    assert_int_equal(gen_engine_new(&f->talk.engine, f->model, &options, &err), GEN_OK);
    f->heard.tokenizer = gen_model_tokenizer(f->model);
    f->listener = (struct chat_listener){&f->heard, on_text, go_on, on_full, on_end};
}

static void end(struct fixture *f) {
    gen_engine_free(f->talk.engine);
    gen_chat_template_free(f->chat_template);
    gen_model_free(f->model);
    chat_talk_release(&f->talk);
    gen_bytes_release(&f->heard.text);
    gen_bytes_release(&f->heard.prompt);
}

static enum gen_status say(struct fixture *f, const char *message) {
    struct gen_error err;
    f->heard.text.n = 0;
    return chat_talk_say(&f->talk, message, strlen(message), &f->listener, &err);
}

static size_t n_read(const struct fixture *f) {
    return f->heard.last.n_prompt_ids - f->heard.last.n_cached;
}

static void a_turn_reads_its_own_tokens(void **state) {
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        f.options.seed = seed;
        assert_int_equal(say(&f, "a"), GEN_OK);
        assert_int_equal(f.heard.last.n_cached == 0, seed == 1);
        const struct chat_message *first = &f.talk.messages.data[1];
        size_t n_before = first->read.n;
        assert_int_equal(say(&f, "b"), GEN_OK);
        /* All that the answer is spelled with was read, but for the token that was drawn last. */
        if (n_before > 0) {
            assert_true(f.heard.last.n_cached + 1 >= n_before);
            assert_true(n_read(&f) <= f.heard.last.n_prompt_ids - n_before + 1);
        }
        /* What is drawn again reads the last id at most. */
        struct gen_error err;
        assert_int_equal(chat_talk_retry(&f.talk, &f.listener, &err), GEN_OK);
        assert_int_equal(f.heard.last.seed, seed + 1);
        assert_int_equal(n_read(&f), 1);
        assert_int_equal(f.talk.messages.n, 4);
        assert_true(chat_talk_undo(&f.talk));
        assert_int_equal(f.talk.messages.n, 2);
        assert_int_equal(f.talk.refused.n, 0);
        assert_true(chat_talk_undo(&f.talk));
        assert_false(chat_talk_undo(&f.talk));
    }
    end(&f);
}

static void an_answer_streams_without_white_space_around_it(void **state) {
    struct fixture f;
    (void)state;
    begin(&f);
    f.options.max_new_tokens = 12;
    for (f.options.seed = 1; f.options.seed <= 20; f.options.seed++) {
        assert_int_equal(say(&f, "a"), GEN_OK);
        const struct gen_bytes *content = &f.talk.messages.data[1].content;
        assert_int_equal(content->n, f.heard.text.n);
        if (content->n > 0) {
            assert_memory_equal(content->data, f.heard.text.data, content->n);
            assert_null(memchr(" \n\t\r", content->data[0], 4));
            assert_null(memchr(" \n\t\r", content->data[content->n - 1], 4));
        }
        assert_true(f.heard.last.n_new_ids >= 1);
        assert_true(chat_talk_undo(&f.talk));
    }
    end(&f);
}

static void the_oldest_turns_go_and_the_system_message_stays(void **state) {
    struct fixture f;
    char message[400];
    (void)state;
    begin(&f);
    chat_talk_set_system(&f.talk, "s", 1);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(say(&f, "abc"), GEN_OK);
        assert_true(f.heard.last.n_prompt_ids + 4 <= 64);
        /* Whole turns, after the system message. */
        assert_int_equal(f.talk.n_left_out % 2, 0);
        assert_memory_equal(f.heard.prompt.data, "System: s\nUser: abc\nAssistant:", 30);
    }
    assert_int_equal(f.heard.n_full, 1);
    assert_int_equal(f.talk.messages.n, 25);
    assert_int_equal(f.talk.messages.data[0].role, CHAT_SYSTEM);
    /* Too long at all: nothing is lost, and the text is there to be mended. */
    size_t n_left_out = f.talk.n_left_out;
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    assert_int_equal(say(&f, message), GEN_CONTEXT_FULL);
    assert_int_equal(f.talk.messages.n, 25);
    assert_int_equal(f.talk.n_left_out, n_left_out);
    assert_int_equal(f.talk.refused.n, sizeof message - 1);
    assert_true(f.talk.messages.data[24].read.n > 0 || f.talk.messages.data[24].content.n == 0);
    /* Those that were left out come back when there is room again. */
    while (chat_talk_undo(&f.talk)) {
    }
    assert_int_equal(f.talk.n_left_out, 0);
    end(&f);
}

static void replace(struct fixture *f, const char *system, const char *said, const char *answer) {
    struct chat_messages messages = {0};
    chat_messages_add(&messages, CHAT_SYSTEM, system, strlen(system));
    chat_messages_add(&messages, CHAT_USER, said, strlen(said));
    chat_messages_add(&messages, CHAT_ASSISTANT, answer, strlen(answer));
    chat_talk_replace(&f->talk, &messages);
}

/* A message that would be enough to leave out, and its answer goes, too. */
static void no_half_of_a_turn_stays(void **state) {
    struct fixture f;
    char message[41] = "", whole[100];
    int n_whole = 0, n_short = 0;
    (void)state;
    begin(&f);
    for (size_t n = 1; n < sizeof message; n++) {
        message[n - 1] = 'x';
        replace(&f, "s", message, "a");
        assert_int_equal(say(&f, "d"), GEN_OK);
        snprintf(whole, sizeof whole,
                 "System: s\nUser: %s\nAssistant: a\nUser: d\nAssistant:", message);
        bool is_whole = f.talk.n_left_out == 0;
        n_whole += is_whole;
        n_short += !is_whole;
        assert_string_equal(f.heard.prompt.data,
                            is_whole ? whole : "System: s\nUser: d\nAssistant:");
    }
    assert_true(n_whole > 0);
    assert_true(n_short > 0);
    end(&f);
}

/* Of many turns no more go than must: one more would have no room. */
static void as_few_turns_go_as_must(void **state) {
    struct fixture f;
    int n_short = 0;
    (void)state;
    begin(&f);
    f.options.max_new_tokens = 1;
    for (int n = 1; n <= 9; n++) {
        struct chat_messages messages = {0};
        for (int i = 0; i < n; i++) {
            chat_messages_add(&messages, CHAT_USER, "abcdefgh", (size_t)(i % 8));
            chat_messages_add(&messages, CHAT_ASSISTANT, "a", 1);
        }
        chat_talk_replace(&f.talk, &messages);
        assert_int_equal(say(&f, "b"), GEN_OK);
        assert_true(f.heard.last.n_prompt_ids + 1 <= 64);
        if (f.talk.n_left_out > 0) {
            struct gen_ids ids = {0};
            struct gen_error err;
            chat_messages_cut(&f.talk.messages, f.talk.messages.n - 1);
            assert_int_equal(chat_talk_encode(f.model, f.chat_template, &f.talk.messages,
                                              f.talk.n_left_out - 2, false, &ids, &err),
                             GEN_OK);
            assert_true(ids.n + 1 > 64);
            gen_ids_release(&ids);
        }
        n_short += f.talk.n_left_out > 0;
    }
    assert_true(n_short > 0);
    end(&f);
}

static void an_answer_that_is_ended_is_kept(void **state) {
    struct fixture f;
    (void)state;
    begin(&f);
    f.options.max_new_tokens = 30;
    f.heard.stop_after = 3;
    assert_int_equal(say(&f, "a"), GEN_CANCELED);
    assert_int_equal(f.talk.messages.n, 2);
    f.heard.stop_after = 1; /* before there is anything */
    assert_int_equal(say(&f, "b"), GEN_CANCELED);
    assert_int_equal(f.talk.messages.n, 2);
    f.heard.stop_after = 0;
    assert_int_equal(say(&f, "b"), GEN_OK);
    assert_int_equal(f.talk.messages.n, 4);
    end(&f);
}

/* ---- a message that is changed, asked once more, taken back ----------------------------------*/

/* The contents must be these, in order; of an answer NULL: any. */
static void has_messages(const struct fixture *f, size_t n, const char *const *contents) {
    assert_int_equal(f->talk.messages.n, n);
    for (size_t i = 0; i < n; i++) {
        const struct gen_bytes *content = &f->talk.messages.data[i].content;
        if (contents[i] != NULL) {
            assert_int_equal(content->n, strlen(contents[i]));
            assert_memory_equal(content->data, contents[i], content->n);
        }
    }
}

static enum gen_status edit(struct fixture *f, const char *message) {
    struct gen_error err;
    return chat_talk_edit(&f->talk, message, strlen(message), &f->listener, &err);
}

static enum gen_status retry(struct fixture *f) {
    struct gen_error err;
    return chat_talk_retry(&f->talk, &f->listener, &err);
}

static void an_edited_message_takes_the_place_of_the_last(void **state) {
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(say(&f, "a"), GEN_OK);
    assert_int_equal(say(&f, "b"), GEN_OK);
    assert_int_equal(edit(&f, "c"), GEN_OK);
    has_messages(&f, 4, (const char *[]){"a", NULL, "c", NULL});
    assert_memory_equal(chat_talk_last(&f.talk)->data, "c", 1);
    end(&f);
}

static void an_edit_without_an_answer_changes_nothing(void **state) {
    struct fixture f;
    char longest[400], answer[100];
    (void)state;
    begin(&f);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(say(&f, "a"), GEN_OK);
    assert_int_equal(say(&f, "b"), GEN_OK);
    const struct gen_bytes *content = &f.talk.messages.data[3].content;
    size_t n_answer = content->n;
    assert_true(n_answer < sizeof answer);
    memcpy(answer, content->data, n_answer);
    answer[n_answer] = '\0';
    assert_int_equal(edit(&f, longest), GEN_CONTEXT_FULL);
    has_messages(&f, 4, (const char *[]){"a", NULL, "b", answer});
    /* What was refused is the last message; asked once more, it would still replace. */
    assert_int_equal(chat_talk_last(&f.talk)->n, strlen(longest));
    assert_int_equal(retry(&f), GEN_CONTEXT_FULL);
    has_messages(&f, 4, (const char *[]){"a", NULL, "b", answer});
    assert_true(chat_talk_undo(&f.talk)); /* of that one alone */
    has_messages(&f, 4, (const char *[]){"a", NULL, "b", answer});
    assert_memory_equal(chat_talk_last(&f.talk)->data, "b", 1);
    f.heard.stop_after = 1;
    assert_int_equal(edit(&f, "c"), GEN_CANCELED);
    has_messages(&f, 4, (const char *[]){"a", NULL, "b", answer});
    f.heard.stop_after = 0;
    assert_int_equal(retry(&f), GEN_OK);
    has_messages(&f, 4, (const char *[]){"a", NULL, "c", NULL});
    end(&f);
}

/* The last prompt begins with all that was said. */
static bool sees_all(const struct fixture *f) {
    return f->talk.n_left_out == 0 && strstr(f->heard.prompt.data, "User: one\n") != NULL;
}

static void turns_come_back_when_what_drove_them_out_is_gone(void **state) {
    struct fixture f;
    char longest[200] = "";
    (void)state;
    begin(&f);
    /* As long as goes without the turn before it. */
    for (size_t n = 0; n + 1 < sizeof longest; n++) {
        replace(&f, "s", "one", "a");
        longest[n] = 'x';
        if (say(&f, longest) != GEN_OK) {
            longest[n] = '\0';
            break;
        }
    }
    replace(&f, "s", "one", "a");
    assert_int_equal(say(&f, longest), GEN_OK);
    assert_false(sees_all(&f));
    assert_true(chat_talk_undo(&f.talk));
    assert_int_equal(say(&f, "d"), GEN_OK);
    assert_true(sees_all(&f));
    assert_int_equal(edit(&f, longest), GEN_OK);
    assert_false(sees_all(&f));
    /* An edit that fails leaves it so, and one that does not has them again. */
    size_t n_left_out = f.talk.n_left_out;
    f.heard.stop_after = 1;
    assert_int_equal(edit(&f, "e"), GEN_CANCELED);
    assert_int_equal(f.talk.n_left_out, n_left_out);
    f.heard.stop_after = 0;
    assert_int_equal(edit(&f, "e"), GEN_OK);
    assert_true(sees_all(&f));
    end(&f);
}

static void a_message_without_an_answer_is_asked_once_more(void **state) {
    struct fixture f;
    (void)state;
    begin(&f);
    assert_null(chat_talk_last(&f.talk));
    assert_int_equal(say(&f, "a"), GEN_OK);
    f.heard.stop_after = 1;
    assert_int_equal(say(&f, "b"), GEN_CANCELED);
    has_messages(&f, 2, (const char *[]){"a", NULL});
    f.heard.stop_after = 0;
    assert_int_equal(retry(&f), GEN_OK);
    has_messages(&f, 4, (const char *[]){"a", NULL, "b", NULL});
    assert_int_equal(f.heard.last.seed, f.options.seed);
    /* A conversation from elsewhere may end with a question. */
    struct chat_messages messages = {0};
    chat_messages_add(&messages, CHAT_USER, "q", 1);
    chat_talk_replace(&f.talk, &messages);
    assert_int_equal(retry(&f), GEN_OK);
    has_messages(&f, 2, (const char *[]){"q", NULL});
    assert_int_equal(f.heard.last.seed, f.options.seed);
    end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_broken_between_words),
        cmocka_unit_test(wide_characters_take_two_columns),
        cmocka_unit_test(a_turn_reads_its_own_tokens),
        cmocka_unit_test(an_answer_streams_without_white_space_around_it),
        cmocka_unit_test(the_oldest_turns_go_and_the_system_message_stays),
        cmocka_unit_test(no_half_of_a_turn_stays),
        cmocka_unit_test(as_few_turns_go_as_must),
        cmocka_unit_test(turns_come_back_when_what_drove_them_out_is_gone),
        cmocka_unit_test(an_answer_that_is_ended_is_kept),
        cmocka_unit_test(an_edited_message_takes_the_place_of_the_last),
        cmocka_unit_test(an_edit_without_an_answer_changes_nothing),
        cmocka_unit_test(a_message_without_an_answer_is_asked_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
