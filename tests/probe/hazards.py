"""What code can do to the process that runs it: programs, and what the person who checks them is told.

The same list runs with a stand-in for Keras (test_safety.py) and with the real one (tests/truth).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any


@dataclass(frozen=True)
class Hazard:
    """`where`: the code is run at the top level, in the constructor or in the call of the layer."""

    name: str
    code: str
    statuses: tuple[str, ...]
    says: str = ""
    """A regular expression that the message, or the exception's text, matches."""
    line: bool = True
    """The message names the line."""
    where: str = "call"
    limits: dict[str, Any] = field(default_factory=dict)
    only: str = ""
    """"forking": there is nothing of the kind where the worker can't fork."""
    leaves: bool = False
    """Processes that have to be found."""

    def __str__(self) -> str:
        return f"{self.name}, {self.where}"

    @property
    def text(self) -> str:
        code = dedent(self.code).strip()
        empty = "pass"
        parts = {where: code if where == self.where else empty for where in ("top", "construct", "call")}
        return (
            "import keras\n\n"
            + (f"{parts['top']}\n\n" if self.where == "top" else "")
            + "class Bad(keras.layers.Layer):\n"
            + "    def __init__(self, **options):\n        super().__init__(**options)\n"
            + indent(parts["construct"], "        ")
            + "\n\n    def call(self, x):\n"
            + indent(parts["call"], "        ")
            + "\n        return x\n"
        )

    def check(self, answer: dict[str, Any]) -> None:
        """What is said is what the list says."""
        raised = "".join(f"{one.get('type')}: {one.get('message')}\n" for one in answer.get("raised", ()))
        said = f"{answer['message']}\n{raised}"
        assert answer["status"] in self.statuses, answer
        assert re.search(self.says, said), answer
        if self.line and answer["status"] not in ("built", "raised"):
            assert "of model.py: `" in answer["message"], answer
            assert answer["frames"][-1]["text"] in self.text, answer


_CHILD = "['sleep', '6']"

HAZARDS = [
    *(
        Hazard(
            "endless loop",
            "while True:\n    pass",
            ("timeout",),
            "Not done",
            where=where,
            limits={"seconds": 0.8},
        )
        for where in ("top", "construct", "call")
    ),
    Hazard(
        "a loop in native code that lets nothing else run",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        ("timeout",),
        "Not done after",
        limits={"seconds": 0.8},
    ),
    Hazard(
        "waiting for ever with all signals ignored",
        """
        import signal, time
        for number in range(1, 32):
            if number not in (9, 19):
                signal.signal(number, signal.SIG_IGN)
        time.sleep(1000)
        """,
        ("timeout",),
        "Not done after",
        line=False,
        limits={"seconds": 0.8},
    ),
    Hazard("endless recursion", "def f():\n    f()\nf()", ("raised",), "RecursionError"),
    Hazard(
        "endless recursion on the stack of native code",
        """
        import sys
        sys.setrecursionlimit(10 ** 8)
        def f(_):
            return list(map(f, [1]))
        f(1)
        """,
        ("crashed", "memory", "raised"),  # Python 3.12 and later count such calls too
        "segmentation fault|stack|memory|RecursionError: maximum recursion depth",
        line=False,
    ),
    Hazard(
        "os._exit", "import os\nos._exit(3)", ("crashed",), r"ended its process \(exit status 3\)", line=False
    ),
    Hazard("os._exit(0)", "import os\nos._exit(0)", ("crashed",), r"exit status 0"),
    Hazard("sys.exit", "import sys\nsys.exit('enough')", ("raised",), "SystemExit|enough"),
    Hazard("sys.exit at the top", "raise SystemExit", ("raised",), "SystemExit", where="top"),
    Hazard("os.abort", "import os\nos.abort()", ("crashed",), "abort"),
    Hazard("a segmentation fault", "import ctypes\nctypes.string_at(0)", ("crashed",), "segmentation fault"),
    Hazard(
        "memory without bound",
        "kept = []\nwhile True:\n    kept.append(bytearray(10_000_000))",
        ("memory",),
        "More than 300 MB of memory were needed",
        line=False,
        limits={"memory": 300},
    ),
    Hazard(
        "more memory at once than there is",
        "bytearray(10 ** 13)",
        ("memory", "raised"),
        "[Mm]emory",
        line=False,
    ),
    Hazard(
        "children that outlive it",
        f"import subprocess\nfor _ in range(12):\n    subprocess.Popen({_CHILD})",
        ("built",),
        leaves=True,
    ),
    Hazard(
        "children in sessions of their own, which keep its pipes",
        f"""
        import subprocess
        for _ in range(12):
            subprocess.Popen({_CHILD}, start_new_session=True, close_fds=False)
        """,
        ("built",),
        leaves=True,
    ),
    Hazard(
        "children of children that have left",
        f"""
        import os, subprocess
        for _ in range(6):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.setsid()
                    os.execvpe('sleep', {_CHILD}, {{'PATH': os.environ['PATH']}})
                os._exit(0)
        """,
        ("built",),
        leaves=True,
    ),
    Hazard(
        "both halves of a fork go on",
        "import os\nif not hasattr(os, 'two'):\n    os.two = True\n    os.fork()",
        ("built",),
        leaves=True,
    ),
    Hazard("100 MB of prints", "for _ in range(100):\n    print('x' * 999_999)", ("built",)),
    Hazard(
        "100 MB past Python's own output",
        "import os\nfor _ in range(100):\n    os.write(1, b'x' * 1_000_000)",
        ("built",),
    ),
    Hazard("reading standard input", "input('name? ')", ("raised",), "EOFError"),
    Hazard("standard input as a whole", "import sys\nassert sys.stdin.read() == ''", ("built",)),
    Hazard(
        "closing all files", "import os\nos.closerange(0, 4096)", ("crashed",), "closed all files", line=False
    ),
    Hazard("closing the usual files", "import os\nos.closerange(0, 100)\nprint(1)", ("built", "raised")),
    Hazard(
        "writing into whatever is open",
        """
        import os
        for number in range(1, 4096):
            try:
                os.write(number, b'[1, 2}\\n{"done": 3}\\n' + b'y' * 5000 + b'\\n{"id": 1}\\n\\xff')
            except OSError:
                pass
        """,
        ("built",),
    ),
    Hazard(
        "killing the warm process",
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(5)",
        ("crashed",),
        "(worker|process of the check) was killed",  # whichever is seen first
        line=False,
        only="forking",
        leaves=True,
    ),
    Hazard(
        "stopping the warm process",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)",
        ("built",),
        only="forking",
        leaves=True,
    ),
    Hazard(
        "killing what keeps the warm process",
        """
        import os, signal, time
        with open(f'/proc/{os.getppid()}/stat') as file:
            keeper = int(file.read().rpartition(')')[2].split()[1])
        os.kill(keeper, signal.SIGKILL)
        time.sleep(5)
        """,
        ("crashed",),
        "worker was killed",
        line=False,
        only="forking",
        leaves=True,
    ),
    Hazard(
        "killing its own group",
        "import os\nos.killpg(0, 9)",
        ("crashed",),
        "process of the check was killed",
        line=False,
    ),
    Hazard(
        "threads and exit handlers that never end",
        """
        import atexit, threading, time
        atexit.register(time.sleep, 1000)
        threading.Thread(target=time.sleep, args=(1000,)).start()
        """,
        ("built",),
    ),
    Hazard("an import that fails", "import no_such_module", ("raised",), "no_such_module", where="top"),
    Hazard(
        "the current folder removed", "import os, shutil\nshutil.rmtree(os.getcwd())", ("built", "raised")
    ),
    Hazard("the environment emptied", "import os\nos.environ.clear()", ("built", "raised")),
    Hazard(
        "a connection at the top level",
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        ("raised",),
        "line 4 of model.py tried to (open a network connection|look up a network address)",
        where="top",
    ),
    Hazard(
        "a file written at the top level",
        "open('/tmp/kerascope-test-must-not-be', 'w')",
        ("raised",),
        "line 3 of model.py tried to write the file /tmp/kerascope-test-must-not-be",
        where="top",
    ),
    Hazard(
        "a program started at the top level",
        "import subprocess\nsubprocess.run(['true'])",
        ("raised",),
        "line 4 of model.py tried to start a program",
        where="top",
    ),
    Hazard(
        "a file written in the folder of the check", "open('log.txt', 'w').close()", ("built",), where="top"
    ),
]
