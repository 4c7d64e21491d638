#!/usr/bin/env python3
"""Let gen continue prompts under JSON schemas and grammars, and hold every text against jsonschema and
against a parser of the grammar: 40 schemas and 20 grammars, N texts in all.

    python3 tests/golden/check_constraints.py build/gen tests/golden/models/base [N]

Needs jsonschema (4.26). The grammars are those whose texts a regular expression of Python describes.
Models of random weights write the wildest texts; what runs out of tokens is counted apart.
"""

import decimal
import json
import re
import subprocess
import sys

import jsonschema

SCHEMAS = [
    {"type": "object"},
    {"type": "array"},
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": ["null", "integer"]},
    {"enum": ["red", "green", 3, None, [1, {"a": True}]]},
    {"const": {"a": [1, 2.5, "x\ny"]}},
    {"type": "integer", "minimum": -17, "maximum": 305},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 1.25},
    {"type": "number", "minimum": -3.5, "exclusiveMaximum": -0.001},
    {"type": "integer", "multipleOf": 13},
    {"type": "number", "multipleOf": 0.05},
    {"type": "string", "minLength": 2, "maxLength": 5},
    {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,5}$"},
    {"type": "string", "pattern": "b+"},
    {"type": "string", "pattern": "^(a|b)*$", "minLength": 4, "maxLength": 9},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv4"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 4},
    {"type": "array", "prefixItems": [{"type": "null"}, {"enum": [1, 2]}], "items": False, "minItems": 2},
    {"type": "array", "items": {"type": "integer", "maximum": 9, "minimum": 0}, "contains": {"const": 7}},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "contains": {"const": 2}, "minContains": 2, "maxContains": 3},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string", "maxLength": 3}},
     "required": ["b"], "additionalProperties": False},
    {"type": "object", "properties": {"ab": {"type": "null"}}, "additionalProperties": {"type": "boolean"}},
    {"type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": {"type": "integer"}},
    {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": {"type": "null"}},
    {"type": "object", "propertyNames": {"pattern": "^[a-c]+$"}, "additionalProperties": {"type": "boolean"}},
    {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}},
     "dependentRequired": {"a": ["b"]}, "additionalProperties": False},
    {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 120}, {"type": "null"}]},
    {"oneOf": [{"type": "integer", "minimum": 0, "maximum": 20}, {"type": "integer", "minimum": 10, "maximum": 30}]},
    {"type": "object", "oneOf": [
        {"properties": {"k": {"const": "a"}, "v": {"type": "boolean"}}, "required": ["k", "v"]},
        {"properties": {"k": {"const": "b"}, "w": {"type": "null"}}, "required": ["k", "w"]}],
     "maxProperties": 2},
    {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 8}], "not": {"const": 5}},
    {"type": "integer", "minimum": 0, "maximum": 99, "if": {"minimum": 50}, "then": {"maximum": 60},
     "else": {"maximum": 9}},
    {"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}, "maxItems": 2}}, "$ref": "#/$defs/t"},
    {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
     "required": ["next"], "additionalProperties": False},
    {"type": "string", "not": {"enum": ["", "a", "the"]}, "maxLength": 4},
]

GRAMMARS = [
    (r'root ::= "a"+', r"a+"),
    (r'root ::= [a-c]{2,4}', r"[a-c]{2,4}"),
    (r'root ::= ("ab" | "cd")* "."', r"(ab|cd)*\."),
    (r'root ::= [^a-z\n]{3}', r"[^a-z\n]{3}"),
    ("root ::= a b? a\na ::= [0-9]+\nb ::= \"-\"", r"[0-9]+-?[0-9]+"),
    ('root ::= "\\"" [^"]* "\\""', r'"[^"]*"'),
    ('root ::= "x" root | "y"', r"x*y"),
    ('root ::= item ("," item)*\nitem ::= [a-z] [a-z0-9]*', r"[a-z][a-z0-9]*(,[a-z][a-z0-9]*)*"),
    ("root ::= \"yes\" | \"no\" | \"maybe\" \" not\"?", r"yes|no|maybe( not)?"),
    ("root ::= .{2}", r"[\s\S]{2}"),
    (r'root ::= [\u00e4-\u00fc]{1,3} "!"', "[\u00e4-\u00fc]{1,3}!"),
    ("root ::= d{4} \"-\" d d\nd ::= [0-9]", r"[0-9]{4}-[0-9][0-9]"),
    ("root ::= (a | b){3}\na ::= \"1\" b\nb ::= \"2\"", r"(12|2){3}"),
    ('root ::= "\\t" [ \\t]* "\\n"', r"\t[ \t]*\n"),
    ("root ::= s s\ns ::= \"(\" [a-z]* \")\"", r"\([a-z]*\)\([a-z]*\)"),
    ('root ::= ("the" " "){1,3} | ""', r"(the ){1,3}|"),
    ('root ::= [A-Z] [a-z]+ ("." | "!" | "?")', r"[A-Z][a-z]+[.!?]"),
    ("root ::= hex hex hex # comment\nhex ::= [0-9a-fA-F]", r"[0-9a-fA-F]{3}"),
    ("root ::= e\ne ::= \"\" | \"a\" e2\ne2 ::= \"b\" e", r"(ab)*"),
    ("root ::= (\"+\" | \"-\")? [1-9] [0-9]{0,3}", r"[+-]?[1-9][0-9]{0,3}"),
]


decimal.getcontext().prec = 400


def read(text, exactly):
    """The year 0 is one for RFC 3339, but not for Python; 2000 has the same days."""
    return json.loads(re.sub('^"0000-', '"2000-', text.strip()), parse_float=exactly)


def main():
    gen, model = sys.argv[1], sys.argv[2]
    total = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    each = -(-total // (len(SCHEMAS) + len(GRAMMARS)))
    lines, checks = [], []
    for schema in SCHEMAS:
        # jsonschema divides floats, in which 55069360.05 is no multiple of 0.05; decimal numbers it takes exactly.
        exactly = decimal.Decimal if isinstance(schema.get("multipleOf"), float) else None
        validator = jsonschema.Draft202012Validator(
            json.loads(json.dumps(schema), parse_float=exactly),
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        for i in range(each):
            lines.append({"prompt": "a", "json_schema": schema, "seed": i})
            checks.append(lambda text, v=validator, e=exactly: v.validate(read(text, e)))
    for grammar, regex in GRAMMARS:
        for i in range(each):
            lines.append({"prompt": "a", "grammar": grammar, "seed": i})
            checks.append(lambda text, r=regex: re.fullmatch(r, text) or sys.exit(f"{r}: {text!r}"))
    run = subprocess.run(
        [gen, "--jsonl", "--json", "-m", model, "-n", "55", "--temperature", "1.2", "--top-k", "0", "--quiet"],
        input="\n".join(json.dumps(line) for line in lines), capture_output=True, text=True, check=False)
    ended = cut = 0
    for line, check, answer in zip(lines, checks, run.stdout.splitlines(), strict=True):
        answer = json.loads(answer)
        if "error" in answer:
            sys.exit(f"{line}: {answer['error']}")
        if answer["finish_reason"] != "eos":
            cut += 1
            continue
        try:
            check(answer["new_text"])
        except Exception as problem:
            sys.exit(f"{line}: {answer['new_text']!r}: {problem}")
        ended += 1
    print(f"{len(lines)} texts: {ended} whole ones are good, {cut} ran out of tokens")


main()
