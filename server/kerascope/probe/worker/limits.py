"""What the process of a check may take, as far as the system itself sees to it."""

from __future__ import annotations

import contextlib
import os
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_CORES = os.cpu_count() or 1
_MEGABYTE = 1 << 20


def step_back() -> None:
    """Everything else goes first: the processor, and memory if the system runs out of it."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("900")


def apply(memory: int) -> None:
    """`memory`: megabytes beyond what the process has. Who watches it looks as well: systems differ here."""
    if resource is None:
        return
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, memory * _MEGABYTE)
    size, _ = resource.getrlimit(resource.RLIMIT_STACK)
    if size == resource.RLIM_INFINITY or size > 256 * _MEGABYTE:
        _set(resource.RLIMIT_STACK, 256 * _MEGABYTE)
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        present = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:"))
        # Not RLIMIT_AS: libraries reserve address space that they never use. The stacks of threads, 8 MB
        # each and hardly used, are counted, and mustn't eat up the limit where there are many cores.
        _set(resource.RLIMIT_DATA, present + (memory + 256 + 32 * _CORES) * _MEGABYTE)


def _set(which: int, value: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(which, (value, hard))


def keep_together() -> None:
    """On Windows, whatever this process starts ends with it; elsewhere, groups and marks see to that."""
    if sys.platform != "win32":
        return
    with contextlib.suppress(Exception):
        import ctypes
        from ctypes import wintypes

        class Basic(ctypes.Structure):
            _fields_ = (
                ("process_time", ctypes.c_int64),
                ("job_time", ctypes.c_int64),
                ("flags", wintypes.DWORD),
                ("least_working_set", ctypes.c_size_t),
                ("most_working_set", ctypes.c_size_t),
                ("processes", wintypes.DWORD),
                ("affinity", ctypes.c_size_t),
                ("priority", wintypes.DWORD),
                ("scheduling", wintypes.DWORD),
            )

        class Extended(ctypes.Structure):
            _fields_ = (
                ("basic", Basic),
                ("io", ctypes.c_uint64 * 6),
                ("process_memory", ctypes.c_size_t),
                ("job_memory", ctypes.c_size_t),
                ("peak_process_memory", ctypes.c_size_t),
                ("peak_job_memory", ctypes.c_size_t),
            )

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateJobObjectW.restype = wintypes.HANDLE
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        kernel.SetInformationJobObject.argtypes = (
            *(wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD),
        )
        kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
        job = kernel.CreateJobObjectW(None, None)
        limit = Extended()
        limit.basic.flags = 0x2000  # kill on close: the handle is closed by the end of this process
        kernel.SetInformationJobObject(job, 9, ctypes.byref(limit), ctypes.sizeof(limit))
        kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess())
