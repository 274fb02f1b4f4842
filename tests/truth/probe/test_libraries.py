"""Layers of Keras and keras-hub, built from the usage in their own docstrings: all of their weights are in
order, and nothing is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascope.check import Checker
from kerascope.probe.build_check import BuildCheck
from kerascope.probe.findings import findings
from kerascope.probe.process import Workers
from kerascope.project.environment import Environment
from kerascope.project.project import Project
from kerascope.project.settings import Settings

HUB = "keras_hub/src/layers/modeling"
KERAS = "keras/src/layers"
LAYERS = [
    (f"{HUB}/transformer_encoder.py", "TransformerEncoder", 16, 25_216),
    (f"{HUB}/transformer_decoder.py", "TransformerDecoder", 26, 41_984),
    (f"{HUB}/token_and_position_embedding.py", "TokenAndPositionEmbedding", 2, 1_286_400),
    (f"{HUB}/f_net_encoder.py", "FNetEncoder", 8, 8_576),
    (f"{KERAS}/rnn/lstm.py", "LSTM", 3, 208),
    (f"{KERAS}/convolutional/conv2d.py", "Conv2D", 2, 36_896),
    (f"{KERAS}/core/embedding.py", "Embedding", 1, 64_000),
]


@pytest.mark.parametrize(("file", "name", "weights", "parameters"), LAYERS, ids=lambda value: str(value))
def test_a_library_s_layer_is_built_from_its_own_usage(
    environment: Environment, workers: Workers, file: str, name: str, weights: int, parameters: int
) -> None:
    folder = next((each for each in environment.search_paths if (Path(each) / file).is_file()), None)
    if folder is None:
        pytest.skip(f"needs {file.partition('/')[0]}")
    path = str(Path(folder) / file)
    project = Project(folder, environment.search_paths)
    check = BuildCheck(Checker(project, Settings(), environment), workers)
    (prepared,) = check.prepare(path, name)
    report = check.run(prepared)
    assert (report.status, report.origin) == ("built", "usage"), report.message
    assert len(report.weights) == weights
    assert sum(weight.parameters for weight in report.weights) == parameters
    assert all(weight.tracked and weight.trained and weight.gradient for weight in report.weights)
    document = project.document(path)
    assert document is not None
    assert [each.message for each in findings(report, document) if each.severity != "information"] == []
