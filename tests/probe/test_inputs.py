"""What a person may write for the inputs of a layer, and what is said of a mistake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.probe.inputs import DTYPES, format_inputs, parse_inputs
from kerascope.probe.request import Input, Inputs, Items, Named, TensorSpec, Value

FIVE = TensorSpec((None, 5))


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("(None, 5)", Inputs((FIVE,), {})),
        ("  (None, 5) , ", Inputs((FIVE,), {})),
        ("(2,)", Inputs((TensorSpec((2,)),), {})),
        ("()", Inputs((TensorSpec(()),), {})),
        ("", Inputs((), {})),
        ("int32(None, 7)", Inputs((TensorSpec((None, 7), "int32"),), {})),
        ("int32((None, 7))", Inputs((TensorSpec((None, 7), "int32"),), {})),
        ("int(None, 7)", Inputs((TensorSpec((None, 7), "int32"),), {})),
        ("bool()", Inputs((TensorSpec((), "bool"),), {})),
        ("(None, 5), (None, 3)", Inputs((FIVE, TensorSpec((None, 3))), {})),
        ("(None, 5), training=True", Inputs((FIVE,), {"training": Value(True)})),
        ("query=(None, 5), mask=None", Inputs((), {"query": FIVE, "mask": Value(None)})),
        ("[(None, 5), (2,)]", Inputs((Items("list", (FIVE, TensorSpec((2,)))),), {})),
        ("((None, 5), (2,))", Inputs((Items("tuple", (FIVE, TensorSpec((2,)))),), {})),
        ("{'a': (None, 5), 'b': [3.5, 'x']}",
         Inputs((Named({"a": FIVE, "b": Items("list", (Value(3.5), Value("x")))}),), {})),
        ("(None, 5), -2", Inputs((FIVE, Value(-2)), {})),
        ("(None,\n 5)", Inputs((FIVE,), {})),
    ],
)  # fmt: skip
def test_inputs(text: str, inputs: Inputs) -> None:
    assert parse_inputs(text) == inputs
    assert parse_inputs(format_inputs(inputs)) == inputs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("None, 5", "None, 5 is not a shape: write (None, 5)"),
        ("5", "5 is not a shape: write (5,)"),
        ("(5)", "(5) is a number in brackets, not a shape: write (5,)"),
        ("[None, 5]", "[None, 5] is not a shape: write (None, 5)"),
        ("(None, -1)", "in (None, -1), a size can't be negative: write None for one that may vary"),
        ("(None, 99999999999)", "in (None, 99999999999), a size is too large"),
        ("flaot32(None, 5)", "flaot32 is not a dtype: did you mean float32?"),
        ("float32", "float32 needs a shape: write float32(None, 5)"),
        ("float32(x)", "float32(x) is not a shape: write numbers and None, like float32(None, 5)"),
        ("x", "x is a name: write its value, for a tensor its shape, like (None, 5)"),
        ("(None, …)", "write values in place of the dots"),
        ("(None, ...)", "write values in place of the dots"),
        ("a=(1,), a=(2,)", "a is given twice"),
        ("*x", "*x is not known here: write each argument out"),
        ("**x", "x is not known here: write each argument by its name"),
        ("{1: (2,)}", "in {1: (2,)}, each key must be a text in quotes"),
        ("(None, 5))", "(None, 5)) can't be read as the arguments of a call: unmatched ')'"),
        ("(1,))((2,)", "(1,))((2,) has a bracket too many"),
        ("1 + 2", "1 + 2 is neither a shape, like (None, 5), nor a plain value"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_inputs(text)
    assert str(raised.value) == message


sizes = st.none() | st.integers(0, 2**31 - 1)
tensors = st.builds(TensorSpec, st.lists(sizes, max_size=4).map(tuple), st.sampled_from(DTYPES))
plain = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)


def is_shape_like(items: list[Input]) -> bool:
    return all(isinstance(item, Value) and (item.value is None or type(item.value) is int) for item in items)


def structures(inner: st.SearchStrategy[Input]) -> st.SearchStrategy[Input]:
    items = st.lists(inner, max_size=3).filter(lambda items: not is_shape_like(items))
    return (
        st.builds(Items, st.sampled_from(["list", "tuple"]), items.map(tuple))
        | st.just(Items("list", ()))
        | st.dictionaries(st.text(), inner, max_size=3).map(Named)
    )


one: st.SearchStrategy[Input] = st.recursive(tensors | plain.map(Value), structures, max_leaves=6)
names = st.sampled_from(["x", "mask", "training", "größe"])


@given(st.lists(one, max_size=3), st.dictionaries(names, one, max_size=3))
def test_what_is_written_out_is_read_back(positional: list[Input], named: dict[str, Input]) -> None:
    if positional and is_shape_like(positional):
        positional = [FIVE, *positional]
    inputs = Inputs(tuple(positional), named)
    assert parse_inputs(format_inputs(inputs)) == inputs


@given(st.text() | st.text("(), None5=[]{}:'\"…x\n#*"))
def test_any_text_is_inputs_or_a_mistake(text: str) -> None:
    try:
        inputs = parse_inputs(text)
    except ValueError as error:
        assert str(error)
    else:
        assert parse_inputs(format_inputs(inputs)) == inputs


def test_deep_nesting_is_a_mistake() -> None:
    with pytest.raises(ValueError):
        parse_inputs("[" * 100_000)
