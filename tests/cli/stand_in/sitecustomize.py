"""Puts a stand-in in the place of the analysis, so that tests of the command can have any finding they want.

It reports each word that begins with BAD, by the letters after it: E error, I information (warning else);
F a safe fix, U an unsafe one, P one that breaks the file, G one that makes place for the next; R a related
place; L in the other file `lib.py`, which it reads. CRASH, DIE, DEEP and SLOW are what can go wrong; WAIT
waits for a file `go`.
"""

from __future__ import annotations

import os
import re
import sys
import time
import types
from pathlib import Path

from kerascope.rules.rule import Finding, FindingRelated, Fix
from kerascope.source.document import Document
from kerascope.source.encoding import SourceText, read
from kerascope.source.position import Edit, Position, Range


class Project:
    inference = None

    def __init__(self) -> None:
        self._open = {}

    def open(self, document):
        self._open[document.path] = document

    def close(self, path):
        self._open.pop(path, None)

    def changed_on_disk(self, path):
        pass

    def document(self, path):
        source = read(path)
        read_text = Document.from_text(path, source.text) if isinstance(source, SourceText) else None
        return self._open.get(path) or read_text


class Checker:
    def __init__(self, project, settings, environment) -> None:
        self.project = Project()
        self.settings = settings

    def trim(self):
        pass

    def dependencies(self, path):
        return frozenset({str(Path(path).with_name("lib.py"))})

    def check(self, path):
        if log := os.environ.get("STAND_IN_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{Path(path).name}\n")
        document = self.project.document(path)
        found = []
        for number, line in enumerate(re.split(r"\r\n|\n|\r", document.text)):
            if "CRASH" in line:
                raise TypeError("two\nlines")
            if "DIE" in line:
                os._exit(3)
            if "DEEP" in line:
                raise RecursionError
            if "SLOW" in line:
                time.sleep(0.7)
            if "WAIT" in line:
                Path(path).with_suffix(".begun").touch()
                while not Path(path).with_name("go").exists():
                    time.sleep(0.02)
            for word in re.finditer(r"BAD(\w*)", line):
                found.append(self._finding(path, number, word))
        return [finding for finding in found if self.settings.reports(finding.code)]

    def _finding(self, path, number, word):
        letters = word[1]
        place = Range(Position(number, word.start()), Position(number, word.end()))
        severity = "error" if "E" in letters else "information" if "I" in letters else "warning"
        severity = self.settings.level("KS101") or severity
        lib = str(Path(path).with_name("lib.py"))
        related = ()
        if "R" in letters:
            related += (FindingRelated(path, Range(Position(0, 0), Position(0, 3)), "made here"),)
        if "L" in letters:
            related += (FindingRelated(lib, Range(Position(0, 0), Position(0, 3)), "from there"),)
        fix = None
        if set(letters) & set("FUPG"):
            text = "((" if "P" in letters else "BADF" if "G" in letters else "good"
            fix = Fix("Make it good", "U" not in letters, (Edit(place, text),))
        message = f"{word[0]} is bad for Keras"
        name = "state-in-unfollowed-object"
        return Finding(path, place, "KS101", name, severity, message, (2, 3), related, lambda document: fix)


module = types.ModuleType("kerascope.check")
module.Checker = Checker
sys.modules["kerascope.check"] = module
project = types.ModuleType("kerascope.project.project")
project.Project = lambda root, search_paths: Project()
sys.modules["kerascope.project.project"] = project
inference = types.ModuleType("kerascope.project.inference")
inference.Inference = lambda project: None
sys.modules["kerascope.project.inference"] = inference
