# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the tracer package, with every bad habit a child process can have; `PROMPT` chooses which.

Copied by the tests to `<folder>/pretend/tracer/__main__.py`; needs nothing but Python.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

parser = argparse.ArgumentParser()
for option in ("--model", "--out", "--device"):
    parser.add_argument(option, required=True)
parser.add_argument("--prompt")
parser.add_argument("--estimate", action="store_true")
arguments, others = parser.parse_known_args()
prompt, out = arguments.prompt, arguments.out


def say(**message):
    print(json.dumps(message), flush=True)


def write():
    with open(out, "w") as file:
        file.write(f"trace of {prompt}")
    say(type="result", path=out, data={"device": arguments.device, "cwd": os.getcwd(), "model": arguments.model})


def stop_when_told():
    for line in sys.stdin:
        if json.loads(line).get("type") == "cancel":
            say(type="progress", stage="cancel", done=1.0, text="stopping politely")
            break
    os._exit(130)  # told to stop, or the parent is gone


if prompt != "stubborn":
    threading.Thread(target=stop_when_told, daemon=True).start()
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

say(type="progress", stage="trace", done=0.25, text=f"pid {os.getpid()}")
match prompt:
    case "slow" | "stubborn":
        with open(out, "w") as file:
            file.write("half a trace")
        time.sleep(60)
    case "children":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        say(type="progress", stage="trace", done=0.5, text=f"child {child.pid}")
        write()
    case "signal":
        print("about to die", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    case "crash":
        raise RuntimeError("a bug in the tracer")
    case "error":
        say(type="error", message="The prompt has a letter too many.", hint="Take it out.", code=2)
        sys.exit(2)
    case "estimate":
        assert arguments.estimate
        say(type="result", path="", data={"lines": ["a line", "another"], "bytes": 5})
    case "options" | None:
        assert not arguments.estimate
        with open(out, "w") as file:
            json.dump(others, file)
        say(type="result", path=out, data={})
    case "silent":
        sys.exit(0)
    case "liar":
        say(type="result", path=out, data={})
    case "garbage":
        print("Loading weights: 100%")
        print('{"type": "progress", "stage": "trace", "done": 7}')
        print('{"type": "nonsense"}')
        sys.stdout.buffer.write(b"\xff\xfe\x00\n")
        print("[1, 2")
        print("noise on stderr", file=sys.stderr)
        write()
    case "half":
        write()
        sys.stdout.write('{"type": "progress", "sta')
    case "flood":
        for i in range(30_000):
            print(json.dumps({"type": "progress", "stage": "trace", "done": i / 30_000, "text": ""}))
            print("x" * 300, file=sys.stderr)
        write()
    case "environment":
        with open(out, "w") as file:
            json.dump({k: v for k, v in os.environ.items() if k.startswith("PYTHON")}, file)
        say(type="result", path=out, data={})
    case _:
        say(type="warning", message="This is only a pretence.")
        write()
