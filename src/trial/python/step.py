"""One step of a trial, in a process of its own: rekindle starts it and reads its lines.

It loads torch, says so, waits for one line of JSON with the experiment, says where it is before
everything that may crash or hang, and ends with one line that holds the result. Lines begin with
"@rekindle ", so that what libraries print does not disturb. docs/trial.md describes them.
"""

import json
import os
import sys
import threading
import traceback


def say(**message):
    """Writes one message at once: nothing of it is lost in a crash right after."""
    sys.stdout.flush()
    os.write(1, ("\n@rekindle " + json.dumps(message) + "\n").encode())


def end_with_parent():
    """Ends this process when the one that started it is gone: its end of the pipe closes."""
    while os.read(0, 4096):
        pass
    os._exit(9)


def read_line():
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(9)
        line += byte
    return json.loads(line)


def main():
    say(at="import torch")
    import torch

    say(ready={"torch": torch.__version__, "hip": torch.version.hip, "cuda": torch.version.cuda})
    order = read_line()
    threading.Thread(target=end_with_parent, daemon=True).start()
    import trial_tasks
    import validate_tasks

    for statement in order["statements"]:
        say(at=statement)
        exec(statement, {"torch": torch})
    try:
        run = validate_tasks.KINDS.get(order.get("kind"), trial_tasks.run)
        say(result=run(order, say))
    except trial_tasks.Unavailable as reason:
        say(unavailable=str(reason))


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        traceback.print_exc()
        say(failed={"type": type(error).__name__, "message": str(error)})
        sys.exit(1)
