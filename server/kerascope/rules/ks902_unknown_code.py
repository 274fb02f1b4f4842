"""KS902: a code that doesn't exist, in a suppression comment or a setting."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches

from kerascope.rules.rule import Example, Finding, Fix, Rule
from kerascope.source.document import Document
from kerascope.source.position import Edit
from kerascope.source.suppression import SuppressedCode, Suppression


class UnknownCode(Rule):
    """
    ## What it does
    Reports a code in a suppression comment that isn't Kerascope's: misspelt, or a rule's name instead of its
    code. A code that doesn't exist in a setting (`select`, `ignore`, `severity`) is reported with the same
    code.

    ## Why it matters
    The comment looks as if it suppressed something, and suppresses nothing. This is about the comment alone,
    so Keras 3 and Keras 2 make no difference.

    ## Example
    ```python
    import keras

    layer = keras.layers.Dense(4)  # kerascope: ignore[KS999]
    ```

    ## Instead
    ```python
    import keras

    layer = keras.layers.Dense(4)
    ```

    ## When it is silent
    For the codes of other tools in a `# noqa`.

    ## Fix
    Safe: the code of a rule that was named, or the only code that is spelt much like it.

    ## References
    None of Keras'.
    """

    code = "KS902"
    name = "unknown-code"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A suppression comment or a setting names a code that doesn't exist."

    # Keras has no part in this rule, so that its examples belong to no generation.
    reporting = (
        Example(
            "a code that doesn't exist",
            """\
import keras

layer = keras.layers.Dense(4)  # kerascope: ignore[KS999]  # <- KS902
""",
            (),
        ),
        Example(
            "a rule's name instead of its code",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # kerascope: ignore[super-init-missing]  # <- KS902
        self.units = units
""",
            (),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # kerascope: ignore[KS306]  # <- KS902
        self.units = units
""",
        ),
        Example(
            "in a noqa",
            """\
import keras

layer = keras.layers.Dense(4)  # noqa: E501, KS9999  # <- KS902
""",
            (),
        ),
    )
    silent = (
        Example(
            "no comment",
            """\
import keras

layer = keras.layers.Dense(4)
""",
            (),
        ),
        Example(
            "codes of Kerascope, in any case",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # kerascope: ignore[ks306]
        self.units = units
""",
            (),
        ),
        Example(
            "codes of other tools",
            """\
import keras

layer = keras.layers.Dense(4)  # noqa: E501, RUF100
""",
            (),
        ),
    )


def unknown_codes(
    document: Document, comments: Sequence[Suppression], codes: Collection[str]
) -> Iterator[Finding]:
    """KS902 for each code in a comment that isn't among `codes`."""
    for comment in comments:
        for each in comment.codes:
            if each.code not in codes:
                yield _finding(document, each, codes)


def _finding(document: Document, written: SuppressedCode, codes: Collection[str]) -> Finding:
    meant = _meant(written.code, codes)
    guess = f" Did you mean {meant}?" if meant is not None else ""
    return Finding(
        document.path,
        written.range,
        UnknownCode.code,
        UnknownCode.name,
        "warning",
        f"{document.text_of(written.range)} is not a code of Kerascope.{guess}",
        (),
        make_fix=(lambda _: _replaced(written, meant)) if meant is not None else None,
    )


def _meant(written: str, codes: Collection[str]) -> str | None:
    """The code of the rule that has this name, or the one code that is spelt much like it."""
    from kerascope.rules import rule_of

    rule = rule_of(written.lower().replace("_", "-"))
    if rule is not None:
        return rule.code
    close = get_close_matches(written.replace("O", "0").replace("-", ""), sorted(codes), n=2, cutoff=0.9)
    return close[0] if len(close) == 1 else None


def _replaced(written: SuppressedCode, meant: str) -> Fix:
    return Fix(f"Write {meant}", True, (Edit(written.range, meant),))
