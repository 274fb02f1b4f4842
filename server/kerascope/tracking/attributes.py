"""Attributes: how they are found on an object and its class, and how Keras takes a write to one."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kerascope.project.meaning import (
    ClassDefinition,
    Library,
)
from kerascope.source.statement import Statement
from kerascope.tracking.events import (
    AttributeRead,
    AttributeWrite,
    ModuleRead,
    PrivateListWrite,
    StoredOutside,
)
from kerascope.tracking.machine import (
    KERAS_LISTS,
    KERAS_VALUES,
    Frame,
    Machine,
    Via,
    decorator_name,
)
from kerascope.tracking.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    Layer,
    LibraryValue,
    ModuleValue,
    Partial,
    Plain,
    Tensor,
    Unknown,
    Value,
    Weight,
    join,
)
from kerascope.tracking.versions import part_of_version

_STATE_OF_LAYERS = frozenset(("kernel", "_kernel", "embeddings", "_embeddings", "bias", "cell", "layer"))
"""Attributes by which Keras' own layers show their weights and what they wrap."""


class Attributes(Machine):
    """Reads and writes attributes."""

    def set_attribute(
        self,
        frame: Frame,
        node: ast.AST,
        owner: Value,
        name: str | None,
        value: Value,
        via: Via = "plain",
    ) -> None:
        """`owner.name = value`, as the owner's class takes it."""
        if isinstance(owner, Layer):
            if name is not None and name in KERAS_LISTS and via == "plain" and not self.defines(owner, name):
                self.private_list(
                    frame, node, owner, name, "=", [value], [getattr(frame.current, "value", None)]
                )
                return
            if via in ("plain", "setattr"):
                setter = self._own_setter(owner, name)
                if setter is not None:
                    self.call_function(frame, node, setter, [value], {})
                    return
                hidden = self._own_setattr(frame, node, owner, name, value)
                if hidden is True or (
                    hidden is None
                    and isinstance(owner.cls, ClassDefinition)
                    and self.classes.hides_writes(owner.cls)
                ):
                    via = "own __setattr__"
            stored = value
            if via in ("plain", "setattr"):
                shadowed = name is not None and self._shadowed(owner, name)
                stored = self.keras.assign(owner, name, value, shadowed)
            self.events.append(AttributeWrite(self.context(frame, node), owner, name, value, stored, via))
            key = name if name is not None else "*"
            if name is None and key in owner.attributes:
                stored = join([owner.attributes[key], stored])
            self.put(owner.attributes, key, stored)
        elif isinstance(owner, Plain):
            self.events.append(AttributeWrite(self.context(frame, node), owner, name, value, value, via))
            key = name if name is not None else "*"
            if name is None and key in owner.attributes:
                value = join([owner.attributes[key], value])
            self.put(owner.attributes, key, value)
        elif (
            isinstance(owner, ClassValue) and isinstance(owner.meaning, ClassDefinition) and name is not None
        ):
            self.events.append(StoredOutside(self.context(frame, node), owner.meaning, name, value))
            self.class_attributes[owner.meaning, name] = (
                join([value, UNKNOWN]) if frame.conditional else value
            )
            self.written_on_classes.add(name)
            self.wrote_outside = True
        elif isinstance(owner, Function) and name is not None:
            pass
        elif isinstance(owner, Unknown):
            self.escape(frame, node, [value], None)

    def private_list(
        self,
        frame: Frame,
        node: ast.AST,
        owner: Layer,
        name: str,
        operation: str,
        values: Sequence[Value],
        sources: Sequence[ast.expr | None],
    ) -> None:
        known = tuple(source for source in sources if source is not None)
        self.events.append(
            PrivateListWrite(self.context(frame, node), owner, name, operation, tuple(values), known)
        )

    def defines(self, owner: Layer, name: str) -> bool:
        """Whether a user's class gives `owner` an attribute of this name."""
        return isinstance(owner.cls, ClassDefinition) and isinstance(
            self.classes.find(owner.cls, name), tuple
        )

    def _own_setter(self, owner: Layer, name: str | None) -> Function | None:
        """The user's property setter for `name`."""
        if name is None or not isinstance(owner.cls, ClassDefinition):
            return None
        for cls, statement, node in self.classes.bindings(owner.cls, name):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list
            ):
                return self.method(cls, statement, node, owner)
        return None

    def _own_setattr(
        self, frame: Frame, node: ast.AST, owner: Layer, name: str | None, value: Value
    ) -> bool | None:
        """Whether the user's `__setattr__` keeps this write from Keras; None: there is none, or not known.

        It is run apart: what it does with the write shows in the events, which are taken back, as the write
        itself belongs to the place that makes it.
        """
        found = (
            self.classes.find(owner.cls, "__setattr__") if isinstance(owner.cls, ClassDefinition) else None
        )
        if not isinstance(found, tuple) or not isinstance(found[2], ast.FunctionDef) or name is None:
            return None
        if found[2] in self.running or self.depth > 4:
            return None
        before, attributes, tracked = len(self.events), dict(owner.attributes), list(owner.tracked)
        method = self.method(found[0], found[1], found[2], owner)
        journals, self.journals = self.journals, []
        try:
            self.call_function(frame, node, method, [Constant(name), value], {})
        finally:
            self.journals = journals
        writes = [
            event
            for event in self.events[before:]
            if isinstance(event, AttributeWrite) and event.owner is owner and event.name == name
        ]
        del self.events[before:]
        owner.attributes.clear()
        owner.attributes.update(attributes)
        owner.tracked[:] = tracked
        if len(writes) != 1 or writes[0].at.conditional != frame.conditional:
            return None
        return writes[0].via in ("__dict__", "object.__setattr__")

    def _shadowed(self, owner: Layer, name: str) -> bool:
        """Whether the class gives `name` a value of its own (a bare annotation is none), or Keras' does."""
        if (
            self.generation == 2
            and owner.library is not None
            and self.catalogue.reserved(owner.library.root).get(name) in ("method", "property")
        ):
            return True
        if not isinstance(owner.cls, ClassDefinition):
            return False
        return any(
            not (isinstance(node, ast.AnnAssign) and node.value is None)
            for _, _, node in self.classes.bindings(owner.cls, name)
        )

    def attribute(self, frame: Frame, node: ast.AST, owner: Value, name: str) -> Value:
        """`owner.name`."""
        if isinstance(owner, Layer):
            return self._layer_attribute(frame, node, owner, name)
        if isinstance(owner, Plain):
            return self._plain_attribute(frame, node, owner, name)
        if isinstance(owner, LibraryValue):
            return (
                self.meant(self.project.member(Library(owner.name, owner.origin), name))
                if owner.name
                else UNKNOWN
            )
        if isinstance(owner, ModuleValue):
            return self.meant(self.project.member(owner.meaning, name))
        if isinstance(owner, ClassValue):
            return self._class_attribute(frame, node, owner, name)
        if isinstance(owner, Weight):
            if name == "value" and self.generation == 3 and owner.kind != "tf variable":
                return owner
            if name in ("shape", "dtype", "name", "path", "trainable"):
                return UNKNOWN
            return Partial(owner, self.site(frame, node), method=name)
        if isinstance(owner, Tensor):
            return (
                UNKNOWN
                if name in ("shape", "dtype", "name", "ndim")
                else Partial(owner, self.site(frame, node), method=name)
            )
        if isinstance(owner, Container) and owner.cls is not None:
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple) and not isinstance(found[2], ast.AnnAssign):
                return self._member(frame, node, owner, *found)
            if name == "data" and owner.kind in ("UserList", "UserDict"):
                return owner
        if isinstance(owner, Container) and owner.kind == "namedtuple":
            return self.item(owner, Constant(name))
        if isinstance(owner, (Container, Function, Partial)):
            if isinstance(owner, Partial) and name in ("func",):
                return owner.function
            return Partial(owner, self.site(frame, node), method=name)
        if isinstance(owner, Constant) and isinstance(owner.value, str):
            return Partial(owner, self.site(frame, node), method=name)
        if isinstance(owner, Constant) and isinstance(owner.value, tuple):
            return part_of_version(owner.value, name)
        return UNKNOWN

    def _layer_attribute(self, frame: Frame, node: ast.AST, owner: Layer, name: str) -> Value:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__dict__":
            return Partial(owner, self.site(frame, node), method="__dict__")
        if isinstance(owner.cls, ClassDefinition):
            written = self._written_on_class(owner.cls, name)
            if written is not None:
                return written
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple):
                return self._member(frame, node, owner, *found)
            if name == "__class__":
                return ClassValue(owner.cls)
        if name == "built":
            return Constant(id(owner) in self.built) if owner is frame.subject else UNKNOWN
        if name in ("layers", "_layers", "submodules", "_flatten_layers"):
            return self._all_layers(frame, node, owner, name)
        if (
            name in KERAS_LISTS
            or name in _STATE_OF_LAYERS
            or (
                isinstance(owner.cls, Library) and owner.library is not None and name in owner.library.weights
            )
        ):
            self.events.append(AttributeRead(self.context(frame, node), owner, name))
            return UNKNOWN
        if name == "*" or name in KERAS_VALUES:
            return UNKNOWN
        if "*" in owner.attributes and not self._is_keras_method(owner, name):
            return join([owner.attributes["*"], UNKNOWN])
        return Partial(owner, self.site(frame, node), method=name)

    def _written_on_class(self, cls: ClassDefinition, name: str) -> Value | None:
        """What the run has assigned to an attribute of the class or of its bases."""
        if name in self.written_on_classes:
            for each in self.classes.facts(cls).user_classes:
                if (each, name) in self.class_attributes:
                    return self.class_attributes[each, name]
        return None

    def _is_keras_method(self, owner: Layer, name: str) -> bool:
        return name in (
            "build",
            "call",
            "__call__",
            "add_weight",
            "add",
            "get_config",
            "compute_output_shape",
            "add_loss",
        )

    def _all_layers(self, frame: Frame, node: ast.AST, owner: Layer, name: str) -> Value:
        site = self.site(frame, node)
        found = [value for value in self.keras.direct(owner) if isinstance(value, Layer)]
        listed = Container("list", site, [Item(UNKNOWN, value, site) for value in found], open=True)
        if name == "_flatten_layers":
            return Partial(listed, site, method="copy")
        return listed

    def _member(
        self,
        frame: Frame,
        node: ast.AST,
        owner: Layer | Plain | Container,
        cls: ClassDefinition,
        statement: Statement,
        member: ast.stmt,
    ) -> Value:
        """What a class body's member gives when read on an object."""
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            decorators = {decorator_name(d) for d in member.decorator_list}
            method = self.method(cls, statement, member, owner)
            if "staticmethod" in decorators:
                method.bound = None
            elif "classmethod" in decorators:
                method.bound = ClassValue(owner.cls or cls)
            elif "cached_property" in decorators:
                made = self.call_function(frame, node, method, [], {})
                self.set_attribute(frame, member, owner, member.name, made, "cached_property")
                return made
            elif decorators & {"property", "setter", "abstractproperty"}:
                return self.call_function(
                    frame, node, self._getter(cls, member.name, owner) or method, [], {}
                )
            return method
        if isinstance(member, ast.ClassDef):
            return ClassValue(ClassDefinition(cls.module, statement, member))
        return self.class_attribute(cls, statement, member)

    def _getter(self, cls: ClassDefinition, name: str, owner: Layer | Plain | Container) -> Function | None:
        for statement, node in self.classes.members(cls, name):
            if isinstance(node, ast.FunctionDef) and any(
                decorator_name(d) == "property" for d in node.decorator_list
            ):
                return self.method(cls, statement, node, owner)
        return None

    def _plain_attribute(self, frame: Frame, node: ast.AST, owner: Plain, name: str) -> Value:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__dict__":
            return Partial(owner, self.site(frame, node), method="__dict__")
        if isinstance(owner.cls, ClassDefinition):
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple):
                return self._member(frame, node, owner, *found)
            if name in ("trainable_variables", "variables") and owner.library == "tensorflow.Module":
                self.events.append(ModuleRead(self.context(frame, node), owner, name))
            if found is not None or not self.classes.facts(owner.cls).known:
                return UNKNOWN
        elif owner.library is not None and "*" not in owner.attributes:
            return Partial(owner, self.site(frame, node), method=name)
        return join([owner.attributes["*"], UNKNOWN]) if "*" in owner.attributes else UNKNOWN

    def _class_attribute(self, frame: Frame, node: ast.AST, owner: ClassValue, name: str) -> Value:
        if name == "__name__":
            return UNKNOWN
        meaning = owner.meaning
        if isinstance(meaning, ClassDefinition):
            if (meaning, name) in self.class_attributes:
                return self.class_attributes[meaning, name]
            found = self.classes.find(meaning, name)
            if isinstance(found, tuple):
                cls, statement, member = found
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    decorators = {decorator_name(d) for d in member.decorator_list}
                    return self.method(cls, statement, member, owner if "classmethod" in decorators else None)
                if isinstance(member, ast.ClassDef):
                    return ClassValue(ClassDefinition(cls.module, statement, member))
                return self.class_attribute(cls, statement, member)
            if isinstance(found, Library):
                return Partial(ClassValue(found), self.site(frame, node), method=name)
        return Partial(owner, self.site(frame, node), method=name)

    def call_member(
        self, frame: Frame, node: ast.AST, owner: Layer | Plain, name: str, arguments: list[Value]
    ) -> Value:
        """Call a method that a file defines for a layer or a plain object; UNKNOWN if it has none."""
        if isinstance(owner.cls, ClassDefinition):
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
                method = self.method(found[0], found[1], found[2], owner)
                return self.call_function(frame, node, method, arguments, {})
        return UNKNOWN
