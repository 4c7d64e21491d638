"""Make tests/golden/habits/: what options are called in transformers and llama.cpp.

    python3 tests/golden/make_habits.py LLAMA_CPP

transformers.txt has the settings of GenerationConfig (5.24.0), llama_cpp.txt the options that
llama.cpp's tools/cli/README.md and tools/completion/README.md list (as in llama-cpp-python 0.3.36;
LLAMA_CPP is the folder of its sources), one a line. tests/unit/test_habits.c asks gen for each.
"""

import pathlib
import re
import sys

from transformers import GenerationConfig

out = pathlib.Path(__file__).parent / "habits"
out.mkdir(exist_ok=True)
settings = [name for name in vars(GenerationConfig()) if not name.startswith("_")]
(out / "transformers.txt").write_text("".join(f"{name}\n" for name in sorted(settings)))

options = set()
for tool in ("cli", "completion"):
    text = (pathlib.Path(sys.argv[1]) / "tools" / tool / "README.md").read_text()
    for row in re.findall(r"^\| `(-[^`]*)` \|", text, re.M):
        options.update(re.findall(r"(?:^|, )(-[A-Za-z0-9-]+)", row))
(out / "llama_cpp.txt").write_text("".join(f"{name}\n" for name in sorted(options)))
