"""`kerascope server`: serves one editor."""

from __future__ import annotations

import argparse

from kerascope.cli.failure import CannotRun


def run(options: argparse.Namespace) -> int:
    """Serve until the client leaves; the exit status."""
    from kerascope.lsp.serve import serve_stdio, serve_tcp

    if options.tcp is None:
        return serve_stdio()
    if options.stdio:
        raise CannotRun("--tcp and --stdio exclude each other")
    host, colon, port = options.tcp.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise CannotRun(f"--tcp needs HOST:PORT, for example 127.0.0.1:2087, not {options.tcp!r}")
    return serve_tcp(host.strip("[]") or "127.0.0.1", int(port))
