"""KS202: weights that are read before anything has made them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kerascope.project.catalogue import Generation
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.lazy_creation import function_around
from kerascope.rules.places import weight_places
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.tracking.classes import ClassFacts, dotted_name
from kerascope.tracking.events import (
    AttributeRead,
    AttributeWrite,
    ContainerWrite,
    Context,
    Created,
    Escaped,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
)
from kerascope.tracking.run import OwnedWeight, ScriptRun, held_by
from kerascope.tracking.values import Container, Layer, Plain, Tensor, Value

_READS = frozenset(("weights", "trainable_weights", "variables", "trainable_variables"))
_READING_METHODS = frozenset(("summary", "count_params", "get_weights", "load_weights", "save_weights"))
_HARMLESS = (
    _READS
    | _READING_METHODS
    | {
        "add",
        "build",
        "built",
        "compile",
        "dtype",
        "layers",
        "loss",
        "losses",
        "metrics",
        "name",
        "optimizer",
        "trainable",
    }
    | {"non_trainable_variables", "non_trainable_weights"}
)
"""What may be asked of a layer without calling it."""
_PLAIN_BASES = frozenset(("keras.layers.Layer", "keras.Model"))
_CALLING_METHODS = frozenset(
    ("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch", "build_from_config")
)


class UsedBeforeBuilt(Rule):
    """
    ## What it does
    Reports code that reads a layer's weights (`weights`, `trainable_weights`, `trainable_variables`,
    `summary()`, `count_params()`, `get_weights()`, `load_weights()`, `save_weights()`; also as an argument of
    `optimizer.build` or `apply_gradients`) while, in the order of the code, nothing has made them yet. The
    message says how many are missing, and which class owns them.

    In Keras 3, `layer.build(shape)` or `model.build(shape)` makes no weights of sublayers when the class has
    no `build()` of its own. In Keras 2, `Model.build` runs `call` and makes them; `Layer.build` doesn't.

    ## Why it matters
    A layer makes its weights when it is first called. What reads them earlier finds an empty or a short list,
    most often without an error. Measured on a model with two `Dense` layers (4 weights):

    | before the first call | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `len(model.trainable_weights)` | 0 | 0 |
    | the same of a `Sequential`, or of a Model whose class defines `build` | 0 | ValueError |
    | `model.summary()` | 0 parameters | ValueError |
    | `model.build(shape)`, then `model.summary()` | 0 parameters, with a warning | 40 parameters |
    | `model.build(shape)`, then `load_weights` | loads nothing, says nothing | loads |
    | `optimizer.build(model.trainable_variables)`, then training | ValueError "Unknown variable" | KeyError |
    | the list kept and used in `apply_gradients` | ValueError | trains nothing, says nothing |
    | `layer.count_params()`, `model.load_weights(path)` | ValueError | ValueError |

    ## Example
    ```python
    import keras
    import numpy as np


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)


    batch = np.ones((2, 4), "float32")
    example = Example()
    early = len(example.trainable_weights)
    outputs = example(batch)
    ```

    ## Instead
    ```python
    import keras
    import numpy as np


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)


    batch = np.ones((2, 4), "float32")
    example = Example()
    outputs = example(batch)
    late = len(example.trainable_weights)
    ```

    ## When it is silent
    After the first call, `fit`, `evaluate` or `predict`; after a `build(shape)` that makes the weights; where
    the layer was handed to code that Kerascope can't see; where the read is guarded by `built`, or stands in
    an assertion; for functional models and weights made in the constructor; in Keras 2, for `load_weights` of
    a TensorFlow checkpoint, which waits until the weights exist.

    ## Fix
    Unsafe: calls the layer once before the read, on what the program calls it on later, or on a `keras.Input`
    of the shape that `build` was given.

    ## Versions
    Since Keras 3.5, a `Sequential` that begins with a functional model, or with another `Sequential` that
    knows its input, is built at once. Before, only an `Input` or `input_shape` at its beginning built it.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._maybe_build`, `Layer.build`),
      `keras/src/saving/saving_lib.py` (`load_weights_only`), `keras/src/optimizers/base_optimizer.py`.
    - Keras 2.15.0: `keras/src/engine/training.py` (`Model.build`, `Model.weights`).
    - [keras #18823](https://github.com/keras-team/keras/issues/18823): weights loaded into layers that
      don't have any yet.
    - [keras #20530](https://github.com/keras-team/keras/pull/20530): since Keras 3.7, a model that isn't
      built is refused.
    - [tensorflow #26948](https://github.com/tensorflow/tensorflow/issues/26948): an empty
      `trainable_variables`, since nothing was called yet.
    """

    code = "KS202"
    name = "used-before-built"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "Weights are read before a call has made them."

    reporting = (
        Example(
            "the weights are counted before the first call",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


batch = np.ones((2, 4), "float32")
example = Example()
early = len(example.trainable_weights)  # <- KS202
outputs = example(batch)
""",
            symptom="fewer-weights",
            evidence="early < len(layer.trainable_weights)",
            fixed="""\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


batch = np.ones((2, 4), "float32")
example = Example()
example(batch)
early = len(example.trainable_weights)  # <- KS202
outputs = example(batch)
""",
        ),
        Example(
            "a layer of one's own inside another",
            """\
import tensorflow as tf


class Linear(tf.keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="kernel")

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel)


class Example(tf.keras.layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.linear = Linear(units)

    def call(self, inputs):
        return self.linear(inputs)


layer = Example()
before = layer.trainable_weights  # <- KS202
print(f"{len(before)} weights")
""",
            symptom="fewer-weights",
            evidence="len(before) < len(layer.trainable_weights)",
        ),
        Example(
            "a subclass of Dense inside a layer",
            """\
import tensorflow as tf


class Projection(tf.keras.layers.Dense):
    def __init__(self, width, **kwargs):
        super().__init__(width, activation="tanh", **kwargs)


class Example(tf.keras.layers.Layer):
    def __init__(self, width=3):
        super().__init__()
        self.projection = Projection(width)

    def call(self, inputs):
        return self.projection(inputs)


def report():
    layer = Example(width=5)
    return [w.shape for w in layer.weights]  # <- KS202


shapes = report()
""",
            symptom="fewer-weights",
            evidence="len(shapes) < len(layer.weights)",
        ),
        Example(
            "a Sequential filled layer by layer",
            """\
import keras

model = keras.Sequential()
model.add(keras.layers.Dense(4))
model.add(keras.layers.Dense(3))
early = len(model.weights)  # <- KS202
""",
            (3,),
            make="model",
            symptom="fewer-weights",
            evidence="early < len(layer.weights)",
        ),
        Example(
            "summary() after a build(shape) that builds nothing",
            """\
import keras
from keras import layers


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8)
        self.out = layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))


model = Example()
model.build((None, 4))
model.summary()  # <- KS202
counted = len(model.weights)  # <- KS202
""",
            (3,),
            symptom="fewer-weights",
            evidence="counted < len(layer.weights)",
            fixed="""\
import keras
from keras import layers


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8)
        self.out = layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))


model = Example()
model.build((None, 4))
model(keras.Input((4,)))
model.summary()  # <- KS202
counted = len(model.weights)  # <- KS202
""",
        ),
        Example(
            "build(shape) of a layer without build(), in both generations",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


if __name__ != "__main__":
    example = Example()
    example.build((None, 4))
    parameters = example.count_params()  # <- KS202
""",
            symptom="fewer-weights",
            evidence="parameters < layer.count_params()",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


if __name__ != "__main__":
    example = Example()
    example.build((None, 4))
    example(keras.Input((4,)))
    parameters = example.count_params()  # <- KS202
""",
        ),
        Example(
            "a build() that leaves the sublayers for later",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def build(self, input_shape):  # <- KS201
        super().build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)


model = Example()
model.build((None, 4))
found = len(model.trainable_variables)  # <- KS202
""",
            (3,),
            symptom="fewer-weights",
            evidence="found < len(layer.trainable_variables)",
        ),
        Example(
            "weights loaded into a model that has none yet",
            """\
import os
import tempfile

import keras
import numpy as np


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8)
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))


batch = np.ones((2, 4), "float32")
trained = Example()
trained(batch)
path = os.path.join(tempfile.mkdtemp(), "trained.weights.h5")
trained.save_weights(path)

restored = Example()
restored.build((None, 4))
restored.load_weights(path)  # <- KS202
different = abs(np.asarray(restored(batch)) - np.asarray(trained(batch))).max()
""",
            (3,),
            symptom="fewer-weights",
            evidence="different > 1e-6",
            fixed="""\
import os
import tempfile

import keras
import numpy as np


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8)
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))


batch = np.ones((2, 4), "float32")
trained = Example()
trained(batch)
path = os.path.join(tempfile.mkdtemp(), "trained.weights.h5")
trained.save_weights(path)

restored = Example()
restored.build((None, 4))
restored(batch)
restored.load_weights(path)  # <- KS202
different = abs(np.asarray(restored(batch)) - np.asarray(trained(batch))).max()
""",
        ),
        Example(
            "an optimizer built on the weights of a model that has none yet",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def train(batches):
    model = Example()
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)  # <- KS202
    for x in batches:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))


train([tf.ones((2, 4))])
""",
            symptom="raises",
        ),
        Example(
            "a list of variables kept from before the first call",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


model = Example()
optimizer = keras.optimizers.SGD(0.1)
variables = model.trainable_variables  # <- KS202

for x in [tf.ones((2, 4)), tf.ones((2, 4))]:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x)))
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables))
""",
            symptom={2: "fewer-weights", 3: "raises"},
            evidence="len(variables) < len(layer.trainable_variables)",
        ),
        Example(
            "summary() of a model that was never called",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


model = Example()
model.compile(optimizer="sgd", loss="mse")
model.summary()  # <- KS202
""",
            symptom={2: "raises", 3: "fewer-weights"},
            evidence="len(model.weights) < len(layer.weights)",
        ),
        Example(
            "count_params() of a layer that was never called",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


print(Example().count_params())  # <- KS202
""",
            symptom="raises",
        ),
        Example(
            "a functional model that holds a layer which builds its sublayer late",
            """\
import keras
import tensorflow as tf


class Scaled(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.built = True

    def call(self, x):
        return self.dense(x) * self.scale

    def compute_output_shape(self, input_shape):  # <- KS204
        return input_shape


inputs = keras.Input((4,))
model = keras.Model(inputs, Scaled()(inputs))
optimizer = keras.optimizers.SGD(0.1)
optimizer.build(model.trainable_variables)  # <- KS202

x = tf.ones((2, 4))
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(model(x))
variables = model.trainable_variables
optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
""",
            (3,),
            make="Scaled()",
            symptom="raises",
        ),
        Example(
            "a Sequential that doesn't know its input",
            """\
import keras

model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.summary()  # <- KS202
""",
            make='keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])',
            symptom={2: "raises", 3: "fewer-weights"},
            evidence="len(model.weights) < len(layer.weights)",
        ),
        Example(
            "an Embedding in front: its input_dim is the size of the vocabulary",
            """\
import keras

model = keras.Sequential([keras.layers.Embedding(input_dim=10, output_dim=4), keras.layers.Dense(1)])
model.summary()  # <- KS202
""",
            (3,),
            make="keras.Sequential([keras.layers.Embedding(10, 4), keras.layers.Dense(1)])",
            arguments="tf.zeros((2, 3))",
            symptom="fewer-weights",
            evidence="len(model.weights) < len(layer.weights)",
        ),
        Example(
            "a head on a functional model, before Keras 3.5",
            """\
import keras

inputs = keras.Input((4,))
base = keras.Model(inputs, keras.layers.Dense(8, activation="relu")(inputs))
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(1)])
trained = len(model.trainable_variables)  # <- KS202
model.compile("sgd", "mse")
""",
            (3,),
            make="model",
            symptom="fewer-weights",
            evidence="trained < len(layer.trainable_variables)",
            before=(3, 5),
        ),
        Example(
            "an agent copies the weights of two networks that have none yet",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.out = keras.layers.Dense(2)

    def call(self, state):
        return self.out(self.hidden(state))


class Agent:
    def __init__(self):
        self.online, self.target = Example(), Example()
        self.update_target()  # <- KS202

    def update_target(self):
        self.target.set_weights(self.online.get_weights())

    def act(self, state):
        return tf.argmax(self.online(state), axis=1)


agent = Agent()
early = len(agent.online.get_weights())  # <- KS202
agent.act(tf.ones((2, 4)))
""",
            make="agent.online",
            symptom="fewer-weights",
            evidence="early < len(layer.weights)",
        ),
        Example(
            "read when another model has it, which isn't called yet either",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class Pair(keras.Model):
    def __init__(self, generator, critic):
        super().__init__()
        self.generator = generator
        self.critic = critic

    def call(self, x):
        return self.critic(self.generator(x))


generator, critic = Example(), Example()
pair = Pair(generator, critic=critic)
early = len(generator.trainable_weights)  # <- KS202
outputs = pair(tf.ones((2, 4)))
late = len(generator.trainable_weights)
""",
            make="generator",
            symptom="fewer-weights",
            evidence="early < len(layer.weights)",
        ),
    )
    silent = (
        Example(
            "an object that has the models calls them",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class Agent:
    def __init__(self):
        self.networks = {"online": Example(), "target": Example()}
        for network in self.networks.values():
            network(tf.ones((1, 4)))
        self.update_target()

    def update_target(self):
        self.networks["target"].set_weights(self.networks["online"].get_weights())


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = keras.optimizers.SGD(0.1)

    def step(self, batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.model(batch))
        return tape.gradient(loss, self.model.trainable_variables)


agent = Agent()
model, other = Example(), Example()
Trainer(model).step(tf.ones((2, 4)))
model.summary()
trainer = Trainer(model=other)
for batch in [tf.ones((2, 4))]:
    trainer.step(batch)
print(len(other.trainable_variables))
""",
            make="model",
        ),
        Example(
            "a derived class calls the model before it is read",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class Trainer:
    def __init__(self):
        self.model = Example()
        self.warm_up()
        self.parameters = list(self.model.trainable_variables)

    def warm_up(self):
        pass


class Warm(Trainer):
    def warm_up(self):
        self.model(tf.ones((1, 4)))


trainer = Warm()
""",
            make="trainer.model",
        ),
        Example(
            "a model that has it is trained first",
            """\
import keras
import numpy as np


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class Pair(keras.Model):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def call(self, x):
        return self.decoder(self.encoder(x))


encoder, decoder = Example(), Example()
pair = Pair(encoder, decoder)
pair.compile("sgd", "mse")
pair.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)
encoder.summary()
print(len(decoder.trainable_variables))
""",
            make="encoder",
        ),
        Example(
            "the weights are counted after the first call",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


batch = np.ones((2, 4), "float32")
example = Example()
outputs = example(batch)
late = len(example.trainable_weights)
""",
        ),
        Example(
            "the weights are read after the call",
            """\
import tensorflow as tf


class Linear(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="kernel")

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel)


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.linear = Linear(3)

    def call(self, inputs):
        return self.linear(inputs)


data = tf.random.normal((2, 4))
example = Example()
result = example(data)
print(len(example.trainable_weights))
""",
        ),
        Example(
            "after a call on a keras.Input",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


model = Example()
model(keras.Input((4,)))
model.summary()
""",
        ),
        Example(
            "after fit",
            """\
import keras
import numpy as np


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)


model = Example()
model.compile(optimizer="sgd", loss="mse")
model.fit(np.ones((2, 4)), np.ones((2, 1)), verbose=0)
model.summary()
print(model.count_params())
""",
        ),
        Example(
            "the layers of a Sequential after fit",
            """\
import keras
import numpy as np

model = keras.Sequential()
model.add(keras.layers.Dense(4, activation="relu"))
model.add(keras.layers.Dense(1))
model.compile("sgd", "mse")
history = model.fit(np.ones((2, 4)), np.ones((2, 1)), verbose=0)
kernel, bias = model.layers[0].weights
""",
            make="model",
        ),
        Example(
            "a build() that makes all weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, inputs):
        return self.dense(inputs)


example = Example()
example.build((None, 4))
print(example.trainable_weights)
""",
        ),
        Example(
            "in Keras 2, Model.build() runs call",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


model = Example()
model.build((None, 4))
model.summary()
""",
            (2,),
        ),
        Example(
            "a Sequential that begins with a pretrained model, which knows its input",
            """\
import keras

base = keras.applications.MobileNetV2(include_top=False, weights=None, pooling="avg", alpha=0.35)
base.trainable = False
model = keras.Sequential([base, keras.layers.Dense(1)])
model.summary()
print(len(model.trainable_variables))
""",
            make="model",
            arguments="tf.zeros((1, 64, 64, 3))",
            since=(3, 5),
        ),
        Example(
            "an Embedding in front, which tells Keras 2 what its input is",
            """\
import tensorflow as tf
from tensorflow import keras

model = keras.Sequential()
model.add(keras.layers.Embedding(10, 4))
model.add(keras.layers.Bidirectional(keras.layers.LSTM(3)))
model.add(keras.layers.Dense(1))
model.summary()
print(len(model.weights))
""",
            (2,),
            make="model",
            arguments="tf.zeros((2, 3))",
        ),
        Example(
            "functional models and Sequential with an Input",
            """\
import keras

inputs = keras.Input((4,))
model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
model.summary()
stack = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
print(stack.count_params(), len(stack.weights))
""",
            make="stack",
        ),
        Example(
            "a functional model in a class of its own, which loads in its constructor",
            """\
import keras


class Example(keras.Model):
    def __init__(self, weights=None):
        inputs = keras.Input((4,))
        x = keras.layers.Dense(8)(inputs)
        super().__init__(inputs=inputs, outputs=keras.layers.Dense(2)(x))
        if weights is not None:
            self.load_weights(weights)


model = Example()
model.summary()
print(len(model.weights))
""",
        ),
        Example(
            "weights made in the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain


example = Example()
print(example.trainable_weights)
""",
        ),
        Example(
            "a read that waits until the layer is built",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


model = Example()
if model.built:
    model.summary()
""",
        ),
        Example(
            "an assertion about it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


example = Example()
assert len(example.weights) == 0
""",
        ),
        Example(
            "a function that takes the model, and one that calls it",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


def prepare(network, batch):
    network(batch)


def count(network):
    return len(network.weights)


model = Example()
prepare(model, tf.ones((2, 4)))
print(len(model.weights))
print(count(model))
""",
        ),
        Example(
            "a global model called in a function",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


model = Example()


def step(batch):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(batch))
    return tape.gradient(loss, model.trainable_variables)


step(tf.ones((2, 4)))
model.summary()
""",
        ),
        Example(
            "handed to something that calls it unseen",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


model = Example()
model(tf.ones((2, 4)), training=False)
model.summary()

other = Example()
strategy = tf.distribute.get_strategy()
strategy.run(other, args=(tf.ones((2, 4)),))
print(len(other.weights))

third = Example()
outputs = [third(batch) for batch in tf.data.Dataset.from_tensor_slices(tf.ones((2, 2, 4)))]
print(len(third.weights))
""",
        ),
        Example(
            "a sublayer called on its own",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


model = Example()
model.dense(tf.ones((2, 4)))
print(len(model.weights))
""",
        ),
        Example(
            "a layer that another layer calls",
            """\
import keras
import tensorflow as tf


class Outer(keras.layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


inner = Example()
outer = Outer(inner)
outer(tf.ones((2, 4)))
print(len(inner.weights))
""",
        ),
    )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        lives = _Lives()
        for event in run.events:
            match event:
                case Created(value=Layer() as layer, at=at):
                    if not _is_seen(run, layer):
                        lives.hand_over([*layer.arguments, *layer.keywords.values()])
                    if at.subject is None:
                        lives.begin(layer, at)
                case Created(value=Container(), at=at) if _is_unpacked(at):
                    pass
                case AttributeWrite(owner=owner) if _is_seen(run, owner):
                    pass  # what its methods do with it, the run sees
                case Created(value=value) | AttributeWrite(value=value) | Escaped(value=value):
                    lives.hand_over([value])
                case ContainerWrite(values=values):
                    lives.hand_over(values)
                case LayerCalled(layer=layer, arguments=arguments):
                    lives.end(layer)
                    lives.hand_over(arguments)
                case LayerBuilt(layer=layer):
                    if (life := lives.of(layer)) is not None:
                        life.build = event
                    if run.generation == 2:  # which runs the `call` of a model
                        lives.hand_over(list(layer.attributes.values()))
                case LayerMethod(layer=layer, name=name) if name in _CALLING_METHODS:
                    lives.end(layer)
                case LayerMethod(name="add", arguments=arguments):
                    lives.hand_over(arguments)
                case AttributeRead(owner=layer, name=name, at=at) if name in _READS:
                    yield from _read(run, lives.of(layer), at, name)
                case LayerMethod(layer=layer, name=name, at=at, call=call) if name in _READING_METHODS:
                    if name != "load_weights" or run.generation == 3 or not _may_wait(call):
                        yield from _read(run, lives.of(layer), at, name, call)
                case _:
                    pass


@dataclass(slots=True)
class _Life:
    """A layer that the script made and hasn't called yet. `build`: the last `layer.build(…)`."""

    layer: Layer
    made: Context
    build: LayerBuilt | None = None
    reported: bool = False


class _Lives:
    """The layers that were made and not called yet, by the expression that made them and the calls that led
    there: a function that reads a layer of the module knows it as another object."""

    def __init__(self) -> None:
        self._keys: dict[int, tuple[ast.AST, ...]] = {}
        self._lives: dict[tuple[ast.AST, ...], _Life] = {}
        self._begun: set[tuple[ast.AST, ...]] = set()

    def begin(self, layer: Layer, at: Context) -> None:
        key = self._keys[id(layer)] = (layer.site.node, *(call.node for call in at.calls))
        if key not in self._begun:
            self._begun.add(key)
            self._lives[key] = _Life(layer, at)

    def of(self, layer: Layer) -> _Life | None:
        return self._lives.get(self._keys.get(id(layer), ()))

    def end(self, layer: Layer) -> None:
        """The layer was called, and with it perhaps those that it holds."""
        self._lives.pop(self._keys.get(id(layer), ()), None)
        if layer.attributes:
            self.hand_over([layer])

    def hand_over(self, values: Sequence[Value]) -> None:
        """What else holds a layer may call it."""
        for value in values if self._lives else ():
            for part in held_by(value):
                if isinstance(part, Layer):
                    self._lives.pop(self._keys.get(id(part), ()), None)


def _read(
    run: ScriptRun, life: _Life | None, at: Context, name: str, call: ast.Call | None = None
) -> Iterator[Report]:
    """`call`: where a method reads."""
    if life is None or at.subject is not None or _is_meant(at):
        return
    made, read = _in_one_function(life.made, at)
    if read.path != run.module.path:
        return
    found = run.weights_of(life.layer)
    there = ("init", "build") if life.build else ("init",)
    missing = [weight for weight in found.weights if weight.exists_after not in there]
    count = found.count
    if not missing:
        missing, count = _untraced(run, life.layer), None
    if found.has != "yes" or not missing or any(weight.exists_after == "unknown" for weight in missing):
        return
    if _may_be_called_between(run, made, read) or _is_hook_between(run, made, read):
        return
    there_itself = made is life.made.site and read is at.site
    yield Report(
        read,
        _message(
            run.generation,
            life,
            f"`{name}`" if call is None else f"`{name}()`",
            missing,
            len(found.weights) - len(missing),
            count,
            _raises(run, life, name, call),
        ),
        (
            *((Related(at.site, "they are read here"),) if read is not at.site else ()),
            *_place_of_build(life),
            *_nested(run, life, missing),
            *weight_places(missing),
        ),
        (lambda document: _call_first(document, run, life, at))
        if there_itself and not life.reported
        else None,
    )
    life.reported = True


def _is_seen(run: ScriptRun, owner: Layer | Plain) -> bool:
    """Whether files define all of an object's class but what Keras has, so that the run sees whatever calls
    what the object holds."""
    facts = run.facts_of(owner)
    return facts is not None and _is_own(facts)


def _is_own(facts: ClassFacts) -> bool:
    if not facts.known:
        return False
    return facts.library is None or (facts.layer is not None and facts.layer.name in _PLAIN_BASES)


def _is_unpacked(at: Context) -> bool:
    """Whether a tuple is there only for `a, b = Net(), Net()`."""
    statement = at.statement
    return (
        isinstance(statement, ast.Assign)
        and statement.value is at.site.node
        and isinstance(statement.targets[0], ast.Tuple)
    )


def _in_one_function(made: Context, read: Context) -> tuple[Site, Site]:
    """Where a layer is made and read, seen from the innermost function in which both happen: the calls that
    lead there, if it happens in functions that this one calls."""
    first, then = (*made.calls, made.site), (*read.calls, read.site)
    shared = 0
    while shared < min(len(first), len(then)) - 1 and first[shared].node is then[shared].node:
        shared += 1
    return first[shared], then[shared]


def _may_be_called_between(run: ScriptRun, made: Site, read: Site) -> bool:
    """Whether the text between the making of a layer and the read hands its variable to something unseen, or
    isn't one function's."""
    function = function_around(made)
    if function is not function_around(read):
        return True
    scope: list[tuple[int, ast.AST]] = (
        [(0, node) for node in ast.walk(function)] if function is not None else []
    )
    if function is None:
        scope = [
            (i, node)
            for i, each in enumerate(run.document.statements)
            for top in each.nodes
            for node in ast.walk(top)
        ]
    order = {id(node): (i, getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) for i, node in scope}
    if id(made.node) not in order or id(read.node) not in order:
        return True
    target = _bound_to(made, [node for _, node in scope])
    if target is None:
        return False
    parents = {id(child): node for _, node in scope for child in ast.iter_child_nodes(node)}
    inside = {
        id(inner): node.name
        for _, node in scope
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function
        for inner in ast.walk(node)
    }
    names = [node for _, node in scope if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    users = {inside[id(node)] for node in names if node.id == target and id(node) in inside}
    in_lambda = {id(inner) for _, node in scope if isinstance(node, ast.Lambda) for inner in ast.walk(node)}
    first, last = order[id(made.node)], order[id(read.node)]
    for node in names:
        if id(node) in inside or node.id not in {target} | users or not first < order[id(node)] < last:
            continue
        parent = parents[id(node)]
        called = isinstance(parent, ast.Call) and parent.func is node and id(node) not in in_lambda
        harmless = isinstance(parent, ast.Attribute) and parent.attr in _HARMLESS and node.id == target
        if isinstance(parent, ast.keyword):
            parent = parents[id(parent)]
        harmless |= isinstance(parent, ast.Call) and parent.func is not node and _makes_own(run, parent.func)
        if not called and not harmless:
            return True
    return False


def _is_hook_between(run: ScriptRun, made: Site, read: Site) -> bool:
    """Whether the method that makes and reads a layer runs another of `self` between the two that a derived
    class may fill: it does nothing here, or the file has it in several classes."""
    function = function_around(made)
    if function is None or function is not function_around(read) or not function.args.args:
        return False
    itself = function.args.args[0].arg
    first, last = _place(made.node), _place(read.node)
    names = {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == itself
        and first < _place(node) < last
    }
    found = [
        node
        for statement in (run.document.statements if names else ())
        if statement.kind == "class"
        for piece in statement.body
        if piece.kind == "function" and piece.name in names
        for node in piece.nodes
        if isinstance(node, ast.FunctionDef)
    ]
    return len(found) > len({node.name for node in found}) or any(_does_nothing(node) for node in found)


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _does_nothing(function: ast.FunctionDef) -> bool:
    return all(
        isinstance(each, ast.Pass | ast.Raise)
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in function.body
    )


def _makes_own(run: ScriptRun, function: ast.expr) -> bool:
    """Whether a call makes an object of a class whose constructor the run sees: `GAN(generator, critic)`."""
    dotted = dotted_name(function)
    meanings = run.project.resolve(run.module, dotted) if dotted is not None else ()
    return bool(meanings) and all(
        isinstance(each, ClassDefinition) and _is_own(run.facts_of_class(each)) for each in meanings
    )


def _bound_to(made: Site, nodes: list[ast.AST]) -> str | None:
    """The variable that gets what is made there."""
    for node in nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and any(inner is made.node for inner in ast.walk(node)):
            return target.id
    return None


def _is_meant(at: Context) -> bool:
    """Whether the author expects no weights: an assertion, or a guard that asks."""
    statement = at.statement
    if isinstance(statement, ast.Assert):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name.startswith("assert"):
            return True
    return any(
        isinstance(node, ast.Attribute) and (node.attr == "built" or node.attr in _READS)
        for guard in at.guards
        for node in ast.walk(guard)
    )


def _may_wait(call: ast.Call) -> bool:
    """Whether Keras 2's `load_weights` may be given a TensorFlow checkpoint, which it restores later."""
    path = call.args[0] if call.args else None
    return not (
        isinstance(path, ast.Constant)
        and isinstance(path.value, str)
        and path.value.endswith((".h5", ".keras"))
    )


def _message(
    generation: Generation,
    life: _Life,
    what: str,
    missing: list[OwnedWeight],
    there: int,
    count: int | None,
    raises: bool,
) -> str:
    owners = sorted({weight.owner for weight in missing})
    who = f"{owners[0]} makes" if len(owners) == 1 else f"{', '.join(owners[:-1])} and {owners[-1]} make"
    name = life.layer.class_name
    which = "not all" if there else "no"
    if raises:
        when = f"before {name} is called"
        if life.build is not None:
            built = f"`build(shape)` builds {which} sublayers of {name} in Keras {generation}"
            when = f"although it was built ({built})"
        some = "its" if count is None else f"{len(missing)} of its {count}" if there else f"its {count}"
        return f"{what} raises ValueError {when}: {who} {some} weights in the first call."
    if count is None:
        finds = "finds none of" if not there else "doesn't find all of"
        finds += " its weights"
    else:
        finds = f"finds {max(0, count - len(missing))} of its {count} weights"
    if life.build is None:
        return f"{what} is read before {name} is called and {finds}: {who} them in the first call."
    return (
        f"{what} {finds}: `build(shape)` builds {which} sublayers of {name} in Keras {generation}, "
        f"{who} them in the first call."
    )


def _raises(run: ScriptRun, life: _Life, name: str, call: ast.Call | None) -> bool:
    """Whether Keras raises a ValueError at the read, which it doesn't everywhere."""
    path = call.args[0] if call is not None and call.args else None
    text = str(path.value) if isinstance(path, ast.Constant) else ""
    if life.build is None and (
        name in ("count_params", "load_weights")
        or (name == "summary" and run.generation == 2)
        or (name == "save_weights" and run.generation == 3)
    ):
        return True
    if run.generation == 3 or name == "summary":
        return False
    if name == "save_weights" and (text.endswith(".weights.h5") or not text.endswith(".h5")):
        return False
    nested = run.run_of(life.layer)
    unbuilt = [
        reach.value
        for reach in (nested.sublayers() if nested is not None else ())
        if isinstance(reach.value, Layer)
        and (life.build is None or nested is None or nested.built_in_build(reach.value) != "yes")
    ]
    return (life.build is None and _refuses(run, life.layer)) or any(
        _refuses(run, inner)
        and any(weight.exists_after not in ("init", "unknown") for weight in run.weights_of(inner).weights)
        for inner in unbuilt
    )


def _refuses(run: ScriptRun, layer: Layer) -> bool:
    """Whether Keras 2 tells no weights of this model before it is built: its very class defines `build`."""
    if layer.library is None or not layer.library.is_a("keras.Model"):
        return False
    if isinstance(layer.cls, ClassDefinition):
        return bool(run.project.member_of(layer.cls, "build"))
    return layer.library.is_a("keras.Sequential")


def _place_of_build(life: _Life) -> tuple[Related, ...]:
    if life.build is None:
        return ()
    return (Related(life.build.at.site, f"this builds {life.layer.class_name} alone, not its sublayers"),)


def _untraced(run: ScriptRun, model: Layer) -> list[OwnedWeight]:
    """The weights that a functional model of Keras 3 lacks.

    It doesn't run the `call` of a layer that tells its output shape, so that nothing builds what the layer's
    own `build` leaves.
    """
    missing: list[OwnedWeight] = []
    if run.generation == 2 or model.library is None or not model.library.is_a("keras.Model"):
        return missing
    tensors = [value for value in (*model.arguments, *model.keywords.values()) if isinstance(value, Tensor)]
    for layer in {layer for tensor in tensors for layer in tensor.layers}:
        inner = run.run_of(layer)
        if (
            inner is not None
            and inner.own_build() is not None
            and inner.method("compute_output_shape") is not None
        ):
            missing += [weight for weight in run.weights_of(layer).weights if weight.exists_after == "call"]
    return missing


def _nested(run: ScriptRun, life: _Life, missing: list[OwnedWeight]) -> tuple[Related, ...]:
    """The nested classes that own the missing weights; for a class of Keras, where the sublayer is made."""
    outer = run.run_of(life.layer)
    owners = {weight.owner for weight in missing}
    places: dict[str, Related] = {}
    for reach in outer.sublayers() if outer is not None else ():
        inner = reach.value
        if not isinstance(inner, Layer) or inner.class_name not in owners or inner.class_name in places:
            continue
        if isinstance(inner.cls, ClassDefinition):
            place = Site(inner.cls.module.path, inner.cls.statement, inner.cls.node)
            places[inner.class_name] = Related(place, f"{inner.class_name} owns weights that are missing")
        else:
            made = f"`{reach.text}` ({inner.class_name}), which owns weights that are missing, is made here"
            places[inner.class_name] = Related(inner.site, made)
    return tuple(places.values())[:3]


def _call_first(document: Document, run: ScriptRun, life: _Life, at: Context) -> Fix | None:
    """A call before the statement that reads: on what the script calls it on later, or on an Input."""
    made = life.made.statement
    if not isinstance(made, ast.Assign) or made.value is not life.layer.site.node or at.statement is None:
        return None
    target = made.targets[0]
    argument = _later_argument(run, life, at) or _input(document, run, life)
    if not isinstance(target, ast.Name) or argument is None:
        return None
    place = Site(at.site.path, at.site.statement, at.statement)
    edits = rewrite.insert_before(document, place, f"{target.id}({argument})")
    return Fix(f"Call {target.id} once before", False, edits) if edits else None


def _later_argument(run: ScriptRun, life: _Life, at: Context) -> str | None:
    """The variable that the layer is called on later, if it is bound before the read for good."""
    for event in run.events_of(LayerCalled):
        argument = event.call.args[0] if event.layer is life.layer and len(event.call.args) == 1 else None
        if isinstance(argument, ast.Name) and not event.call.keywords and at.site.path == event.at.site.path:
            return argument.id if _bound_once_before(run, argument.id, at) else None
    return None


def _bound_once_before(run: ScriptRun, name: str, at: Context) -> bool:
    """Whether the only binding of `name` at its level is a plain assignment before the read."""
    document = run.document
    read = document.extent_of(at.site)
    bindings = []
    for statement in document.statements:
        for node in statement.nodes:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id == name and isinstance(inner.ctx, ast.Store):
                    bindings.append(
                        (statement, node, document.extent_of(Site(at.site.path, statement, inner)))
                    )
    if read is None or len(bindings) != 1:
        return False
    statement, node, place = bindings[0]
    return isinstance(node, ast.Assign) and place is not None and place.start < read.start


def _input(document: Document, run: ScriptRun, life: _Life) -> str | None:
    """`keras.Input(…)` of the shape that `build` was given, under the file's own name for it."""
    call = life.build.call if life.build is not None else None
    given = [*call.args, *(keyword.value for keyword in call.keywords)] if call is not None else []
    if len(given) != 1:
        return None
    shape = given[0]
    if not isinstance(shape, ast.Tuple | ast.List) or len(shape.elts) < 2:
        return None
    if any(not isinstance(size, ast.Constant) for size in shape.elts):
        return None
    sizes = [ast.unparse(size) for size in shape.elts[1:]]
    for name in ("keras.Input", "tf.keras.Input", "Input", "layers.Input", "tensorflow.keras.Input"):
        meanings = run.project.resolve(run.module, name)
        if meanings and all(
            isinstance(meaning, Library) and meaning.name in ("keras.Input", "keras.layers.Input")
            for meaning in meanings
        ):
            return f"{name}(({', '.join(sizes)}{',' if len(sizes) == 1 else ''}))"
    return None
