#!/usr/bin/env python3
"""Set texts in the metadata of a GGUF file, for maintainers: what gen has no option for.

    scripts/set_metadata.py FILE.gguf KEY=TEXT KEY=[TEXT,TEXT]... [KEY=]

A key that is there gets the new value in its place, a new one goes after general.name; KEY= removes
it. All other keys and all tensors keep their bytes. The file is written next to its name and renamed.
"""
import os
import struct
import sys

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


def string_end(data, at):
    return at + 8 + struct.unpack_from("<Q", data, at)[0]


def value_end(data, at, kind):
    if kind == STRING:
        return string_end(data, at)
    if kind != ARRAY:
        return at + SIZES[kind]
    element, n = struct.unpack_from("<IQ", data, at)
    at += 12
    if element != STRING:
        return at + n * SIZES[element]
    for _ in range(n):
        at = string_end(data, at)
    return at


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


def encoded(value):
    if value.startswith("[") and value.endswith("]"):
        parts = value[1:-1].split(",")
        return struct.pack("<IIQ", ARRAY, STRING, len(parts)) + b"".join(map(text, parts))
    return struct.pack("<I", STRING) + text(value)


def main(path, *changes):
    data = open(path, "rb").read()
    magic, version, n_tensors, n_keys = struct.unpack_from("<4sIQQ", data)
    if magic != b"GGUF" or version != 3:
        sys.exit(f"{path}: is not a GGUF file of version 3")
    at, keys, alignment = 24, {}, 32
    for _ in range(n_keys):
        start, at = at + 8, string_end(data, at)
        key = data[start:at].decode()
        end = value_end(data, at + 4, struct.unpack_from("<I", data, at)[0])
        keys[key] = data[at:end]
        at = end
    if "general.alignment" in keys:
        alignment = struct.unpack("<I", keys["general.alignment"][4:])[0]
    headers = at
    for _ in range(n_tensors):
        at = string_end(data, at)
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 4 + 8
    wanted = dict(change.split("=", 1) for change in changes)
    new = {key: value for key, value in wanted.items() if key not in keys and value}
    out = []
    for key, value in keys.items():
        if wanted.get(key) != "":
            out.append((key, encoded(wanted[key]) if key in wanted else value))
        if key == "general.name":
            out += [(name, encoded(value)) for name, value in new.items()]
            new = {}
    out += [(name, encoded(value)) for name, value in new.items()]
    head = struct.pack("<4sIQQ", magic, version, n_tensors, len(out))
    head += b"".join(text(key) + value for key, value in out) + data[headers:at]
    head += bytes(-len(head) % alignment)
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        file.write(head + data[at + -at % alignment :])
    os.replace(temporary, path)


if __name__ == "__main__":
    if len(sys.argv) < 3 or not all("=" in change for change in sys.argv[2:]):
        sys.exit(__doc__)
    main(*sys.argv[1:])
