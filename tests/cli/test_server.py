"""`kerascope server` starts the server, over the standard streams or a socket."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import pytest

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"processId": None, "capabilities": {}},
}


def framed(message: object) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize("arguments", [[], ["--stdio"]])
def test_over_the_standard_streams(environ, arguments) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kerascope", "server", *arguments],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(framed(INITIALIZE))
        process.stdin.flush()
        assert process.stdout.readline().lower().startswith(b"content-")
        process.stdin.close()
        process.wait(30)


def test_over_a_socket(environ) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kerascope", "server", "--tcp", "127.0.0.1:0"],
        env=environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stderr is not None
        port = re.search(rb":(\d+)$", process.stderr.readline().strip())
        assert port
        with socket.create_connection(("127.0.0.1", int(port[1])), timeout=30) as client:
            client.sendall(framed(INITIALIZE))
            assert client.recv(1000).lower().startswith(b"content-")
        process.wait(30)
