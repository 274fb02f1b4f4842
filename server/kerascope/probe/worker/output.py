"""What a check prints: kept up to a limit, and counted beyond."""

from __future__ import annotations


class Output:
    """What a process prints: the beginning is kept, the rest counted; `last` is the end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = b""
        self._end = b""
        self._length = 0

    def feed(self, data: bytes) -> None:
        self._length += len(data)
        if len(self._kept) < self._limit:
            self._kept += data[: self._limit - len(self._kept)]
        self._end = (self._end + data)[-4000:]

    @property
    def text(self) -> str:
        text = self._kept.decode("utf-8", "replace")
        more = self._length - len(self._kept)
        if more <= 0:
            return text
        unit = f"{more / 1e6:.0f} MB" if more >= 1e6 else f"{max(1.0, more / 1e3):.0f} kB"
        return text + f"\n… {unit} more"

    @property
    def last(self) -> str:
        lines = [line.strip() for line in self._end.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def end(self) -> str:
        return self._end.decode("utf-8", "replace")
