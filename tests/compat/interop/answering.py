"""The process at the other end of `original`: it answers calls until there are no more.

It runs where the original is installed and pytest is not.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback


def serve() -> None:
    """Answers the calls on the standard input. What a function prints goes to the standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr
    for line in sys.stdin:
        name, arguments = json.loads(line)
        module, function = name.split(":")
        try:
            answer = {"result": getattr(importlib.import_module(module), function)(*arguments)}
        except Exception:  # whatever it is, the tests have to hear of it
            answer = {"trouble": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
