"""The process that has imported Keras and forks for every check; and what such a fork does before it checks.

It has no threads and waits for commands of the keeper on a socket:

    {"check": folder, "rehearse": false}        with three descriptors: results, output, orders
    {"preload": [modules]}                      with two descriptors: the successor's socket, output
    keeper ←  {"ready": versions, …} or {"failed": …}  ·  {"forked": pid}  ·  {"exited": pid, "status": n}
              {"preloaded": [modules]} or {"refused": why}      by the successor
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import warnings
from typing import Any

from . import imports, kin, limits, stack
from .one_check import CUT_OFF, Sender, out_of_the_way, run, settle_in, speak_into

_TRIAL_SECONDS = 20.0


def begin(link: socket.socket, output: int) -> None:
    """Becomes the first of its kind: imports Keras, then serves. Doesn't return."""
    speak_into(output)
    stack.write_on_request(os.environ["KERASCOPE_FOLDER"] + "/start-stack")
    try:
        versions = imports.import_keras(lambda text: _send(link, {"starting": text}))
        from . import check

        getattr(check, "warm", lambda: None)()
    except imports.Failed as failed:
        _send(link, {"failed": {"why": failed.why, "message": str(failed)}})
        os._exit(1)
    except BaseException as error:
        message = f"Kerascope's own part fails in {imports.python()}: {imports.said(error)}"
        _send(link, {"failed": {"why": "worker", "message": message}})
        os._exit(1)
    if (sys.platform == "darwin" or imports.threads() > 1) and not _works_in_fork():
        _send(
            link, {"failed": {"why": "fork", "message": "Keras does not run in a fork of its process here."}}
        )
        os._exit(1)
    _settle()
    _send(link, {"ready": versions, "paths": imports.package_folders()})
    _Zygote(link).serve()


def _works_in_fork() -> bool:
    """Whether a layer can be called in a fork: system libraries and other threads may forbid it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        keras: Any = sys.modules.get("keras") or sys.modules.get("tf_keras")
        with contextlib.suppress(Exception):
            keras.layers.Dense(1).build((None, 1))
        os._exit(0)
    until = time.monotonic() + _TRIAL_SECONDS
    while time.monotonic() < until:
        ended = kin.reap()
        if child in ended:
            return ended[child] == 0
        time.sleep(0.01)
    kin.end(child)
    return False


def _succeed(link: socket.socket, names: list[str], output: int) -> None:
    """Becomes the successor of the zygote that it was forked from: imports more, then serves."""
    speak_into(output)
    _send(link, {"forked": os.getpid()})
    names = imports.worth_preloading(names)
    if not names:
        _send(link, {"refused": ""})
        os._exit(0)
    packages = list(dict.fromkeys(name.partition(".")[0] for name in names))
    _send(link, {"starting": "importing " + ", ".join(packages[:3]) + (" …" if len(packages) > 3 else "")})
    refused = imports.preload(names)
    if refused is not None:
        _send(link, {"refused": refused})
        os._exit(0)
    _settle()
    _send(link, {"preloaded": names})
    _Zygote(link).serve()


def _settle() -> None:
    """What was imported is left alone by the garbage collector, here and in all forks."""
    gc.collect()
    gc.freeze()
    silence = os.open(os.devnull, os.O_WRONLY)
    speak_into(silence)


def _send(link: socket.socket, message: dict[str, Any]) -> None:
    try:
        link.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        os._exit(0)


class _Zygote:
    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._children: set[int] = set()
        self._received = b""
        self._descriptors: list[int] = []
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        while True:
            readable, _, _ = select.select([self._link.fileno(), self._woken], [], [], 60)
            if self._woken in readable:
                with contextlib.suppress(OSError):
                    os.read(self._woken, 4096)
            self._report_ended()
            if self._link.fileno() in readable:
                self._receive()

    def _report_ended(self) -> None:
        for child, status in kin.reap().items():
            self._children.discard(child)
            _send(self._link, {"exited": child, "status": status})

    def _receive(self) -> None:
        try:
            data, descriptors = _receive_with_descriptors(self._link)
        except OSError:
            data, descriptors = b"", []
        if not data:
            for child in self._children:
                kin.end_group(child)
            os._exit(0)
        self._received += data
        self._descriptors += descriptors
        while b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            command = json.loads(line.decode())
            count = 3 if "check" in command else 2
            given, self._descriptors = self._descriptors[:count], self._descriptors[count:]
            self._do(command, *given)

    def _do(self, command: dict[str, Any], *given: int) -> None:
        parent = os.getpid()
        child = self._fork()
        if child == 0:
            self._let_go()
            kin.die_with(parent)
            if "check" in command:
                check_in_fork(command["check"], bool(command["rehearse"]), *given)
            else:
                _succeed(socket.socket(fileno=given[0]), command["preload"], given[1])
            os._exit(0)
        for descriptor in given:
            os.close(descriptor)
        if "check" in command:
            _send(self._link, {"forked": child})
        self._children.add(child)

    def _fork(self) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return os.fork()

    def _let_go(self) -> None:
        """In a fork: nothing of the zygote's stays open."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._woken)
        os.close(self._wake)
        self._link.close()


def _receive_with_descriptors(link: socket.socket) -> tuple[bytes, list[int]]:
    numbers = array.array("i")
    data, extra, _, _ = link.recvmsg(65536, socket.CMSG_SPACE(8 * numbers.itemsize))
    for level, kind, content in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    for number in numbers:
        os.set_inheritable(number, False)
    return data, list(numbers)


def check_in_fork(folder: str, rehearse: bool, results: int, output: int, orders: int) -> None:
    """One check, in a process of its own, once it's asked for. Doesn't return."""
    process = os.getpid()
    code = 1
    try:
        os.setsid()
        limits.step_back()
        stack.write_on_request(os.path.join(folder, "stack"))
        send = Sender(out_of_the_way(results))
        known = set(sys.modules)
        settle_in(os.path.join(folder, "work"))
        if rehearse:
            _rehearse()
        send({"waits": True})
        order = b""
        while not order.endswith(b"\n"):
            more = os.read(orders, 4096)
            if not more:
                os._exit(0)
            order += more
        os.close(orders)
        speak_into(output)
        limits.apply(int(json.loads(order.decode())["memory"]))
        send({"begins": True})
        with open(os.path.join(folder, "request.json"), encoding="utf-8") as file:
            request = json.load(file)
        run(request, send, known)
        code = 0 if send.works else CUT_OFF
    finally:
        os._exit(code if os.getpid() == process else 1)


def _rehearse() -> None:
    """Goes through a check of a layer of ours: what TensorFlow and Keras do but once is done then."""
    from . import check

    try:
        getattr(check, "rehearse", lambda: None)()
    except BaseException:
        os._exit(1)
