/**
 * test_jinja.c - the reader of Jinja: what expressions are worth, white space around tags, errors
 * that name the construct and its line, and bounds that hold against templates that mean harm. What
 * whole templates make of conversations is compared with transformers in test_chat_template.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/jinja/jinja.h"

static const struct gen_chat_message messages[] = {
    {"system", "Be brief.", 9}, {"user", " Hi \n", 5}, {"assistant", "h\xc3\xa9llo", 6}};

static enum gen_status render_text(const char *template, size_t n, struct gen_bytes *out,
                                   bool *raised, struct gen_error *err) {
    struct jinja *jinja = NULL;
    const struct jinja_variables variables = {messages, 3, true, "<s>", "</s>"};
    enum gen_status status = jinja_parse(&jinja, template, n, err);
    if (status == GEN_OK) {
        status = jinja_render(jinja, &variables, out, raised, err);
    }
    jinja_free(jinja);
    return status;
}

struct example {
    const char *template;
    const char *text; /* or part of the message */
};

static void check_renders(const struct example *examples, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct gen_bytes out = {0};
        struct gen_error err = {0};
        const char *template = examples[i].template;
        if (render_text(template, strlen(template), &out, NULL, &err) != GEN_OK) {
            fail_msg("%s: %s", template, err.message);
        }
        if (out.n != strlen(examples[i].text) ||
            (out.n > 0 && memcmp(out.data, examples[i].text, out.n) != 0)) {
            fail_msg("%s: makes \"%.*s\", must make \"%s\"", template, (int)out.n,
                     out.n > 0 ? out.data : "", examples[i].text);
        }
        gen_bytes_release(&out);
    }
}

static void check_refused(const struct example *examples, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct gen_bytes out = {0};
        struct gen_error err = {0};
        const char *template = examples[i].template;
        enum gen_status status = render_text(template, strlen(template), &out, NULL, &err);
        if (status != GEN_UNSUPPORTED || strstr(err.message, examples[i].text) == NULL) {
            fail_msg("%s: \"%s\", must say \"%s\"", template, err.message, examples[i].text);
        }
        assert_int_equal(out.n, 0);
        gen_bytes_release(&out);
    }
}

#define RENDERS(examples) check_renders(examples, sizeof(examples) / sizeof *(examples))
#define REFUSED(examples) check_refused(examples, sizeof(examples) / sizeof *(examples))

/* As jinja2 3.1.6 has them. */
static void test_expressions(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"{{ 1 + 2 * 3 - 4 // 3 % 2 }}", "6"},
        {"{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }}", "-4 2 -2"},
        {"{{ 'a' ~ 1 ~ none ~ true }}", "a1NoneTrue"},
        {"{{ 'a' 'b' + 'c' * 2 }}", "abcc"},
        {"{{ 'x' + ' y '|trim + 'z' }}", "xyz"},
        {"{{ 1 < 2 < 3 and not 3 < 2 }} {{ 'a' in 'cab' }} {{ 2 not in [1, 3] }}",
         "True True True"},
        {"{{ 'yes' if messages else 'no' }}{{ 'x' if false }}", "yes"},
        {"{{ none or 'b' }}{{ 0 and 1 }}{{ '' or 'c' }}", "b0c"},
        {"{{ messages[0].role }} {{ messages[-1]['content'] | length }}", "system 5"},
        {"{{ messages[1:] | length }} {{ messages[::-1][0].role }}", "2 assistant"},
        {"{{ messages[2].content[1:3] }} {{ messages[2].content[-1] }}", "\xc3\xa9l o"},
        {"{{ [1, 2, 3][::2] | join('-') }} {{ [3, 1][-5:1] | join }}", "1-3 3"},
        {"{{ {'a': {'b': 'c'}}.a.b }} {{ {'a': 1}.get('z', 2) }} {{ {'a': 1}['q'] }}.", "c 2 ."},
        {"{{ x is defined }} {{ x is not none }} {{ 3 is odd }} {{ 'a' is string }}",
         "False True True True"},
        {"{{ 'a' is eq 'a' }} {{ 2 is in [1, 2] }} {{ messages is sequence }} {{ {} is mapping }}",
         "True True True True"},
        {"{{ 'Ab c'.upper() }} {{ 'aB'|capitalize }} {{ \"it's a\".title() }}", "AB C Ab It'S A"},
        {"{{ 'a,b,,c'.split(',') | length }} {{ '  a  b '.split() | join('+') }}", "4 a+b"},
        {"[{{ '\\u3000 a\\u00a0\\u2028' | trim }}] [{{ ' \\u200b '.strip() | length }}]",
         "[a] [1]"},
        {"{{ 'xxabxx'.strip('x') }} {{ 'aXbX'.replace('X', '--') }}", "ab a--b--"},
        {"{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('b') }}", "True False"},
        {"{{ '12'|int + 1 }} {{ 'x'|int }} {{ y|default('d') }} {{ ''|d('e', true) }}", "13 0 d e"},
        {"{{ messages | map(attribute='role') | join(',') }}", "system,user,assistant"},
        {"{{ messages | selectattr('role', 'eq', 'user') | list | length }}", "1"},
        {"{{ (messages | rejectattr('role', 'in', ['user', 'system']) | first).role }}",
         "assistant"},
        {"{{ '\\u00e9\\x41\\t\\'\\q' }}", "\xc3\xa9"
                                          "A\t'\\q"},
        {"{{ not not 'a' }} {{ (1, 2) | length }} {{ range(3) | join }} {{ range(5, 0, -2) | last "
         "}}",
         "True 2 012 1"},
    };
    RENDERS(examples);
}

static void test_statements(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"{% for m in messages %}{{ loop.index }}{{ m.role[0] }}{% if not loop.last %},{% endif %}"
         "{% endfor %}",
         "1s,2u,3a"},
        {"{% for i in [] %}x{% else %}none{% endfor %}", "none"},
        {"{% for i in range(9) if i % 2 %}{{ i }}{{ loop.length }}{% endfor %}", "14345474"},
        {"{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}"
         "{% endif %}{{ i }}{% endfor %}",
         "02"},
        {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2"},
        {"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}", "21"},
        {"{% set n = namespace(x=1) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}"
         "{{ n.x }}",
         "4"},
        {"{% set a, b = 'p', 'q' %}{{ b + a }}", "qp"},
        {"{% set t %}a{{ 1 }}{% endset %}[{{ t }}]", "[a1]"},
        {"{% macro f(a, b='z') %}{{ a }}{{ b }}{{ hidden }}{% endmacro %}{% for hidden in ['h'] %}"
         "{{ f('x') }}{{ f('y', b='w') }}{% endfor %}",
         "xzyw"},
        {"{% if false %}{{ 1 | no_such_filter }}{% elif true %}b{% else %}c{% endif %}", "b"},
        {"{% generation %}g{% endgeneration %}", "g"},
    };
    RENDERS(examples);
}

/* trim_blocks and lstrip_blocks are on; one line end at the end of a template goes. */
static void test_white_space(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc"},
        {"a\n  {% if true %}\n  b\n  {% endif %}  \nc\n\n", "a\n  b\n  \nc\n"},
        {"a  {%- if true -%}  b  {%- endif -%}  c", "abc"},
        {"a \n {{- 'b' -}} \n c", "abc"},
        {"  {{ 'b' }}\n c", "  b\n c"},
        {"  {# comment #}\n  x", "  x"},
        {"a {# {{ no }} {% #} b {#- -#} c", "a  bc"},
        {"  {%+ if true %}b{% endif +%}\nc", "  b\nc"},
        {"a\r\nb\rc\r\n", "a\nb\nc"},
        {"{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}", "}}1"},
    };
    RENDERS(examples);
}

static void test_errors(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"a\n{% include 'x' %}", "line 2: the statement \"include\" is not supported"},
        {"{% for m in messages recursive %}{% endfor %}", "recursive loops are not supported"},
        {"{{ 1.5 }}", "decimal point"},
        {"{{ 1 / 2 }}", "the operator / is not supported"},
        {"{{ 2 ** 9 }}", "the operator ** is not supported"},
        {"\n\n{{ messages | tojson }}", "line 3: the filter \"tojson\" is not supported"},
        {"{{ 1 is prime }}", "the test \"prime\" is not supported"},
        {"{{ strftime_now('%Y') }}", "the function \"strftime_now\" is not supported"},
        {"{{ 'a'.encode() }}", "the method \"encode\" of a text is not supported"},
        {"{{ messages.append(1) }}", "the method \"append\" of a list is not supported"},
        {"{{ ''.__class__.mro() }}", "the method \"mro\" of undefined is not supported"},
        {"{{ x.y }}", "\"y\" of what is undefined"},
        {"{{ x['y'] }}", "undefined"},
        {"{{ 'a' + 1 }}", "the operator + between a text and a number"},
        {"{{ 'a' < 1 }}", "a text and a number cannot be compared"},
        {"{{ messages }}", "writing a list out is not supported"},
        {"{{ 1 // 0 }}", "a division by 0"},
        {"{{ 2000000000 * 2000000000 * 2000000000 }}", "a number beyond 2^62"},
        {"{{ 99999999999 }}", "a number must be below 2^31"},
        {"{% if true %}", "found the end of the template where elif must be"},
        {"{% endif %}", "the statement \"endif\" is not supported here"},
        {"{% break %}", "break outside of a loop"},
        {"{{ 'a }}", "a text has no closing quote"},
        {"{{ (1 }}", "found } where ) must be"},
        {"{{ 1", "a tag is not closed"},
        {"{# a", "the comment {# is not closed"},
        {"{{ a $ b }}", "unexpected character \"$\""},
        {"{{ '\\ud800' }}", "a wrong \\x, \\u or \\U"},
        {"{% set messages.x = 1 %}", "only members of a namespace can be set"},
        {"{% set a, b = 'x' %}", "as many items as there are names"},
        {"{{ '\xc3\xa9'.upper() }}", "letters beyond ASCII are not supported"},
    };
    REFUSED(examples);
}

static void test_raised(void **state) {
    (void)state;
    static const char template[] = "a{{ raise_exception('no \x1b[31m system') }}b";
    struct gen_bytes out = {0};
    struct gen_error err = {0};
    bool raised = false;
    gen_bytes_append(&out, "before", 6);
    assert_int_equal(render_text(template, sizeof template - 1, &out, &raised, &err),
                     GEN_UNSUPPORTED);
    assert_true(raised);
    assert_non_null(strstr(err.message, "refuses the conversation: no \\x1b[31m system"));
    assert_int_equal(out.n, 6);
    gen_bytes_release(&out);
}

/* Depth, steps, memory and output end. */
static void test_bounds(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"{% for i in range(2000000000) %}{% endfor %}", "line 1: "},
        {"{% set n = namespace(t='aaaaaaaa') %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}"
         "{% endfor %}",
         "line 1: "},
        {"{{ 'a' * 2000000000 }}", "repeated too often"},
        {"{% set n = namespace(t='a' * 9999) %}{% for i in range(9999) %}{{ n.t }}{% endfor %}",
         "line 1: "},
        {"{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
         "goes on for too long"},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "levels within each other"},
        {"{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}", "line 1: "},
        {"{% set n = namespace() %}{% set n.n = [n] %}{% set m = namespace() %}{% set m.n = [m] %}"
         "{{ n == m }}",
         "too deep to compare"},
    };
    REFUSED(examples);
}

static void test_nested(void **state) {
    (void)state;
    static const char *const parts[] = {"(", "[", "not ", "-", "{% if x %}", "{'a':", "x|trim("};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct gen_bytes template = {0}, out = {0};
        struct gen_error err = {0};
        gen_bytes_append(&template, "{{ ", parts[i][1] == '%' ? 0 : 3);
        for (int n = 0; n < 20000; n++) {
            gen_bytes_append(&template, parts[i], strlen(parts[i]));
        }
        assert_int_equal(render_text(template.data, template.n, &out, NULL, &err), GEN_UNSUPPORTED);
        gen_bytes_release(&template);
        gen_bytes_release(&out);
    }
}

/* Long chains are refused or computed, whatever they are made of. */
static void test_chains(void **state) {
    (void)state;
    static const char *const parts[] = {"+x",    ".x",  "|trim", " and x", "()",
                                        " if x", "==x", "'a'",   ",x"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct gen_bytes template = {0}, out = {0};
        struct gen_error err = {0};
        gen_bytes_append(&template, i == 7 ? "{{ 'a'" : "{{ x", i == 7 ? 6 : 4);
        for (int n = 0; n < 20000; n++) {
            gen_bytes_append(&template, parts[i], strlen(parts[i]));
        }
        gen_bytes_append(&template, "}}", 2);
        assert_int_equal(render_text(template.data, template.n, &out, NULL, &err), GEN_UNSUPPORTED);
        gen_bytes_release(&template);
        gen_bytes_release(&out);
    }
}

static void test_too_long(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct jinja *jinja = NULL;
    char *text = calloc(JINJA_MAX_TEMPLATE + 1, 1);
    assert_non_null(text);
    memset(text, 'a', JINJA_MAX_TEMPLATE + 1);
    assert_int_equal(jinja_parse(&jinja, text, JINJA_MAX_TEMPLATE, &err), GEN_OK);
    jinja_free(jinja);
    assert_int_equal(jinja_parse(&jinja, text, JINJA_MAX_TEMPLATE + 1, &err), GEN_UNSUPPORTED);
    assert_non_null(strstr(err.message, "too long"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions), cmocka_unit_test(test_statements),
        cmocka_unit_test(test_white_space), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_raised),      cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_nested),      cmocka_unit_test(test_chains),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
