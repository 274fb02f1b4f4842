"""Starts the server, and writes down what the editor says of itself when it initializes it: for the tests
that speak to the server as this editor does (tests/lsp/editors.py).

python listen.py FOLDER ARGUMENTS-OF-KERASCOPE"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any


def parameters(heard: bytes) -> dict[str, Any] | None:
    """Those of the first message, as soon as it is complete."""
    head, end, body = heard.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if end and name.lower() == b"content-length" and len(body) >= int(value):
            params: dict[str, Any] = json.loads(body[: int(value)])["params"]
            return params
    return None


def write_down(said: dict[str, Any], folder: Path) -> None:
    """In the editor's file; what is about this one session stays out."""
    name = said["clientInfo"]["name"].lower()
    for about_this_session in ("processId", "rootUri", "rootPath", "workspaceFolders"):
        said[about_this_session] = None
    said["initializationOptions"] = None
    file = folder / f"{'vscode' if 'code' in name else name}.json"
    file.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", "utf-8")


def main(folder: Path, arguments: list[str]) -> int:
    server = subprocess.Popen([sys.executable, "-m", "kerascope", *arguments], stdin=subprocess.PIPE)
    assert server.stdin is not None
    # The editor may wait for the end of what it started, before it closes its side.
    threading.Thread(target=lambda: os._exit(server.wait()), daemon=True).start()
    heard, found = b"", None
    while piece := os.read(0, 1 << 16):
        if found is None:
            heard += piece
            if (found := parameters(heard)) is not None:
                write_down(found, folder)
        server.stdin.write(piece)
        server.stdin.flush()
    server.stdin.close()
    return server.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
