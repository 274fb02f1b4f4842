"""The catalogue's data fit together, and every spelling of a Keras name leads to one name."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.project.catalogue import Catalogue, Generation, LibraryClass, canonical, catalogue

BOTH = pytest.mark.parametrize("generation", get_args(Generation))


def layer(generation: Generation, name: str) -> LibraryClass:
    found = catalogue(generation).get(f"keras.layers.{name}")
    assert found is not None
    return found


def classes(data: Catalogue) -> list[LibraryClass]:
    return [found for name in data if (found := data.get(name)) is not None]


@BOTH
def test_says_what_it_was_measured_on(generation: Generation) -> None:
    measured = " ".join(catalogue(generation).measured)
    assert ("keras 3." in measured) == (generation == 3)
    assert ("tf_keras 2." in measured) == (generation == 2)


@BOTH
def test_every_base_is_listed_and_goes_by_the_name_in_the_list(generation: Generation) -> None:
    data = catalogue(generation)
    for cls in classes(data):
        for base in cls.bases:
            assert base == "tensorflow.Module" or data.get(base) is not None, (cls.name, base)


@BOTH
def test_every_class_is_found_by_its_own_name(generation: Generation) -> None:
    data = catalogue(generation)
    for cls in classes(data):
        found = canonical(cls.name)
        assert found is not None
        reached = data.get(found[0])
        assert reached is not None and reached.name == cls.name


@BOTH
def test_kinds_follow_from_bases(generation: Generation) -> None:
    for cls in classes(catalogue(generation)):
        if cls.is_a("keras.Model"):
            assert cls.kind == "model", cls.name
        elif cls.is_a("keras.layers.Layer"):
            assert cls.kind in ("layer", "metric"), cls.name


@BOTH
def test_weights_fit_together(generation: Generation) -> None:
    for cls in classes(catalogue(generation)):
        assert set(cls.non_trainable) <= set(cls.weights), cls.name
        assert set(cls.optional_weights) <= set(cls.weights), cls.name
        assert not set(cls.added_weights) & set(cls.weights), cls.name
        assert {*cls.optional_weights.values(), *cls.added_weights.values(), *cls.wraps} <= set(cls.init), (
            cls.name
        )
        if cls.has_weights == "no":
            assert not cls.weights and not cls.added_weights and not cls.wraps, cls.name
        if cls.weights:
            assert cls.has_weights == "yes", cls.name


@BOTH
@pytest.mark.parametrize(
    ("name", "has_weights", "has_seed"),
    [
        ("Dense", "yes", False),
        ("Embedding", "yes", False),
        ("EinsumDense", "yes", False),
        ("BatchNormalization", "yes", False),
        ("Normalization", "yes", False),
        ("LayerNormalization", "yes", False),
        ("SpectralNormalization", "yes", False),
        ("LSTM", "yes", True),
        ("Dropout", "no", True),
        ("GaussianNoise", "no", True),
        ("RandomFlip", "no", True),
        ("Flatten", "no", False),
        ("ReLU", "no", False),
        ("StringLookup", "no", False),
        ("TextVectorization", "no", False),
        ("InputLayer", "no", False),
        ("TimeDistributed", "depends", False),
        ("RNN", "depends", None),
        ("Attention", "depends", None),
        ("Layer", "depends", False),
    ],
)
def test_knows_which_layers_have_weights(
    generation: Generation, name: str, has_weights: str, has_seed: bool | None
) -> None:
    found = layer(generation, name)
    assert found.has_weights == has_weights
    if has_seed is not None:
        assert found.has_seed == has_seed


@BOTH
def test_names_the_weights_of_an_instance_by_its_arguments(generation: Generation) -> None:
    dense = layer(generation, "Dense")
    assert dense.weights_with({}) == ("kernel", "bias")
    assert dense.weights_with({"units": 3, "use_bias": False}) == ("kernel",)
    assert dense.weights_with({"use_bias": ...}) is None
    assert dense.weights_with({"units": ...}) == ("kernel", "bias")
    norm = layer(generation, "LayerNormalization")
    assert norm.weights_with({"center": False, "scale": False}) == ()
    assert layer(generation, "EinsumDense").weights_with({"bias_axes": "c"}) == ("kernel", "bias")
    attention = layer(generation, "Attention")
    assert attention.weights_with({}) == ()
    assert attention.weights_with({"use_scale": True}) == ("scale",)
    assert layer(generation, "Dropout").weights_with({"rate": ...}) == ()
    assert layer(generation, "TimeDistributed").weights_with({}) is None
    assert layer(generation, "Layer").weights_with({}) is None


@BOTH
def test_knows_wrappers_and_constructors(generation: Generation) -> None:
    assert layer(generation, "Bidirectional").wraps == ("layer", "backward_layer")
    assert layer(generation, "RNN").wraps == ("cell",)
    assert layer(generation, "Dense").init[:3] == ("units", "activation", "use_bias")
    assert layer(generation, "Dense").own_compute_output_shape
    assert not layer(generation, "Layer").own_build
    assert layer(generation, "BatchNormalization").non_trainable == ("moving_mean", "moving_variance")


def test_multi_head_attention_builds_on_three_shapes_in_keras_3() -> None:
    assert layer(3, "MultiHeadAttention").build == ("query_shape", "value_shape", "key_shape")
    assert layer(2, "MultiHeadAttention").build == ("input_shape",)


@BOTH
def test_knows_what_keras_itself_calls_its_attributes(generation: Generation) -> None:
    data = catalogue(generation)
    reserved = data.reserved("keras.layers.Layer")
    assert reserved["trainable_weights"] == "read-only"
    assert reserved["trainable"] == "property"
    assert reserved["_trainable_variables" if generation == 3 else "_trainable_weights"] == "attribute"
    assert "layers" not in reserved
    assert "layers" in data.reserved("keras.Model")
    assert {"add_weight", "add_loss", "build", "call"} <= data.methods("keras.layers.Layer")
    assert "compile" in data.methods("keras.Model") - data.methods("keras.layers.Layer")


def test_functions_are_told_from_classes_and_from_functions_that_build_models() -> None:
    assert catalogue(3).is_function("keras.ops.matmul")
    assert not catalogue(2).is_function("keras.ops.matmul")
    assert not catalogue(3).is_function("keras.layers.Dense")
    assert catalogue(3).is_function("keras.Input")
    for generation in get_args(Generation):
        assert catalogue(generation).builds_model("keras.applications.ResNet50")
        assert not catalogue(generation).builds_model("keras.applications.resnet50.preprocess_input")


PACKAGES = {
    "keras": "keras",
    "keras.api": "keras",
    "keras.api._v2.keras": "keras",
    "keras._tf_keras.keras": "keras",
    "tf_keras": "tf_keras",
    "tf_keras.api._v2.keras": "tf_keras",
    "tf.keras": "tf",
    "tensorflow.keras": "tf",
    "tensorflow.python.keras": "tf",
    "tensorflow.compat.v1.keras": "tf",
    "tensorflow.compat.v2.keras": "tf",
    "tensorflow._api.v2.keras": "tf",
    "tensorflow.contrib.keras": "tf",
    "tensorflow_core.python.keras": "tf",
}


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize(
    ("below", "name"),
    [
        ("", "keras"),
        (".layers", "keras.layers"),
        (".Model", "keras.Model"),
        (".models.Model", "keras.Model"),
        (".models.Sequential", "keras.Sequential"),
        (".layers.Input", "keras.Input"),
        (".layers.Dense", "keras.layers.Dense"),
        (".Layer", "keras.layers.Layer"),
        (".layers.MultiHeadAttention", "keras.layers.MultiHeadAttention"),
        (".layers.Convolution2D", "keras.layers.Conv2D"),
        (".layers.experimental.preprocessing.Rescaling", "keras.layers.Rescaling"),
        (".layers.Foo", "keras.layers.Foo"),
        (".layers.Dense.call", "keras.layers.Dense.call"),
        (".Layer.add_weight", "keras.layers.Layer.add_weight"),
        (".optimizers.Adam", "keras.optimizers.Adam"),
        (".optimizers.legacy.Adam", "keras.optimizers.legacy.Adam"),
        (".metrics.Mean", "keras.metrics.Mean"),
    ],
)
def test_every_package_has_one_vocabulary(package: str, below: str, name: str) -> None:
    assert canonical(package + below) == (name, PACKAGES[package])


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("keras.src.layers.Dense", "keras.layers.Dense"),
        ("keras.src.Functional", "keras.src.models.functional.Functional"),
        ("keras.src.layers.core.dense.Dense", "keras.layers.Dense"),
        ("tf_keras.src.layers.core.dense.Dense", "keras.layers.Dense"),
        ("keras.src.models.model.Model", "keras.Model"),
        ("keras.engine.training.Model", "keras.Model"),
        ("tf_keras.src.engine.training.Model", "keras.Model"),
        ("tensorflow.python.keras.engine.training.Model", "keras.Model"),
        ("keras.engine.topology.Layer", "keras.layers.Layer"),
        ("keras.engine.base_layer.Layer", "keras.layers.Layer"),
        ("keras.src.layers.layer.Layer", "keras.layers.Layer"),
        ("keras.layers.core.Dense", "keras.layers.Dense"),
        ("keras.layers.convolutional.Conv2D", "keras.layers.Conv2D"),
        ("tensorflow.python.keras.layers.recurrent_v2.LSTM", "keras.layers.LSTM"),
        ("keras.optimizer_v2.adam.Adam", "keras.optimizers.Adam"),
        ("keras.src.random.seed_generator.SeedGenerator", "keras.random.SeedGenerator"),
        ("keras.src.backend.Variable", "keras.Variable"),
        ("keras.src.backend.jax.core.Variable", "keras.Variable"),
        ("keras.src.backend.common.variables.KerasVariable", "keras.Variable"),
        ("keras.src.ops.numpy.matmul", "keras.ops.matmul"),
        (
            "keras.src.layers.convolutional.base_conv.BaseConv",
            "keras.src.layers.convolutional.base_conv.BaseConv",
        ),
    ],
)
def test_private_and_former_places_lead_to_the_public_name(spelling: str, name: str) -> None:
    found = canonical(spelling)
    assert found is not None and found[0] == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("tf", "tensorflow"),
        ("tf.Variable", "tensorflow.Variable"),
        ("tensorflow.compat.v1.Variable", "tensorflow.Variable"),
        ("tensorflow.python.ops.variables.Variable", "tensorflow.Variable"),
        ("tensorflow_core.Module", "tensorflow.Module"),
        ("tf.random.normal", "tensorflow.random.normal"),
    ],
)
def test_tensorflow_has_one_vocabulary_too(spelling: str, name: str) -> None:
    assert canonical(spelling) == (name, "tf")


@pytest.mark.parametrize(
    "other", ["", "numpy.ones", "keras_hub.layers.X", "tfp.layers.Dense", "tf2.keras", "kerastuner"]
)
def test_other_libraries_are_not_keras(other: str) -> None:
    assert canonical(other) is None


def test_a_private_base_is_known_with_its_weights() -> None:
    found = catalogue(3).get("keras.src.layers.convolutional.base_conv.BaseConv")
    assert found is not None and found.weights == ("kernel", "bias")
    pooling = catalogue(3).get("keras.src.layers.pooling.base_pooling.BasePooling")
    assert pooling is not None and pooling.has_weights == "no"


def test_functional_is_known_under_the_other_generation_s_name() -> None:
    for generation in get_args(Generation):
        found = catalogue(generation).get("keras.src.models.functional.Functional")
        assert found is not None and found.kind == "model"


@given(
    st.lists(
        st.sampled_from(["keras", "tf", "src", "layers", "Dense", "Model", "api", "", "é", "_v2"]), max_size=6
    )
)
def test_a_canonical_name_is_its_own_canonical_name(parts: list[str]) -> None:
    found = canonical(".".join(parts))
    if found is not None:
        assert found[0].split(".")[0] in ("keras", "tensorflow")
        again = canonical(found[0])
        assert again is not None and again[0] == found[0]
