"""Dataclasses for the small values of which a run makes hundreds of thousands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

_T = TypeVar("_T")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    @dataclass_transform(frozen_default=True)
    def frozen(cls: type[_T]) -> type[_T]:
        """A frozen dataclass with slots."""
else:
    # Making a frozen one takes three times as long: the type checker alone sees to it that none is changed.
    def frozen(cls: type[_T]) -> type[_T]:
        return dataclass(slots=True, unsafe_hash="__hash__" not in vars(cls))(cls)
