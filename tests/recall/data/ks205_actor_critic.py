# Keras 3
# shows: no-gradient | ActorCritic(4, AgentConfig())
# shows: no-gradient | Recorder(ActorCritic(4, AgentConfig(hidden=(6,)))) | x
# shows: no-gradient | CountingCritic()
"""An agent for a small grid world: policy and value share a trunk that is compiled for speed."""
from dataclasses import dataclass, field
from typing import Sequence, Tuple

import keras
import tensorflow as tf
from keras import layers


@dataclass
class AgentConfig:
    hidden: Sequence[int] = (8, 8)
    activation: str = "relu"
    temperature: float = 1.0
    entropy_weight: float = 0.01
    clip: Tuple[float, float] = field(default=(-2.0, 2.0))


class Trunk(layers.Layer):
    """What policy and value have in common."""

    def __init__(self, config: AgentConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.stack = []
        for index, units in enumerate(config.hidden):
            self.stack.append(layers.Dense(units, activation=config.activation, name=f"hidden_{index}"))
            self.stack.append(layers.LayerNormalization(name=f"norm_{index}"))

    def build(self, input_shape):
        shape = input_shape
        for layer in self.stack:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, observation):
        x = observation
        for layer in self.stack:
            x = layer(x)
        return x


class ActorCritic(keras.Model):  # <- KS203
    def __init__(self, actions: int, config: AgentConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.trunk = Trunk(config)
        self.policy = layers.Dense(actions, name="policy")
        self.value = layers.Dense(1, name="value")

    @tf.function(reduce_retracing=True)  # <- KS205
    def heads(self, observation):
        features = self.trunk(observation)
        logits = self.policy(features) / self.config.temperature
        return tf.clip_by_value(logits, *self.config.clip), self.value(features)

    def call(self, observation):
        logits, value = self.heads(observation)
        return {"logits": logits, "value": tf.squeeze(value, -1)}

    @tf.function
    def act(self, observation):
        return tf.random.categorical(self(observation)["logits"], 1)

    def loss_of(self, observation, action, advantage):
        out = self(observation)
        log_prob = tf.nn.log_softmax(out["logits"])
        chosen = tf.gather(log_prob, action, batch_dims=1)
        entropy = -tf.reduce_sum(tf.exp(log_prob) * log_prob, -1)
        return -tf.reduce_mean(chosen * advantage + self.config.entropy_weight * entropy)


class RunningScale(layers.Layer):
    """A learned scale, compiled by itself: right as long as somebody builds it."""

    def build(self, input_shape):
        self.log_scale = self.add_weight(name="log_scale", shape=(input_shape[-1],), initializer="zeros")

    @tf.function
    def call(self, x):
        return x * tf.exp(self.log_scale)


class CountingCritic(keras.Model):  # <- KS203
    """A critic whose observations are scaled first."""

    def __init__(self, units: int = 6, **kwargs):
        super().__init__(**kwargs)
        self.scale = RunningScale()
        self.hidden = layers.Dense(units, activation="tanh")
        self.out = layers.Dense(1)

    def call(self, observation, training=False):
        x = self.scale(observation)  # <- KS205
        return self.out(self.hidden(x))


class ScaledTrunk(layers.Layer):
    """The same scale, where it is right."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.scale = RunningScale()
        self.trunk = Trunk(config)

    def build(self, input_shape):
        self.scale.build(input_shape)
        self.trunk.build(input_shape)
        super().build(input_shape)

    @tf.function
    def call(self, x):
        return self.trunk(self.scale(x))


class Recorder(keras.Model):
    """Keeps what the agent said last."""

    def __init__(self, agent, **kwargs):
        super().__init__(**kwargs)
        self.agent = agent

    def call(self, observation):
        return self.agent(observation)
