# Keras 2 and 3
# shows: fewer-weights | student | x | listed < len(layer.trainable_weights)
# shows: fewer-weights | block | x | len(decayed) < len(layer.trainable_weights)
"""Distillation: the student's weights are listed for the optimizer before anything was built."""
import numpy as np
import tensorflow as tf
from tensorflow import keras


class MLPBlock(keras.layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, units, hidden=8, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(hidden, activation="relu")
        self.out = keras.layers.Dense(units)

    def call(self, x):
        return self.out(self.hidden(x))


class Student(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, classes, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [MLPBlock(4, name=f"block_{i}") for i in range(depth)]
        self.logits = keras.layers.Dense(classes)

    def call(self, x):
        for block in self.blocks:
            x = x + block(x)
        return self.logits(x)


def weight_decay_list(layer, skip=("bias",)):
    """The weights to which decay applies."""
    return [w for w in layer.trainable_weights if not any(s in w.name for s in skip)]


student = Student(3)
listed = len(student.trainable_weights)  # <- KS202

block = MLPBlock(4)
decayed = weight_decay_list(block)  # <- KS202

batch = np.random.rand(2, 4).astype("float32")
student(batch)
block(batch)
print(len(student.trainable_weights), listed, len(decayed))


def train(dataset, epochs=1):
    model = Student(3)
    optimizer = keras.optimizers.Adam(1e-3)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    variables = model.trainable_variables  # <- KS202
    for _ in range(epochs):
        for x, y in dataset:
            with tf.GradientTape() as tape:
                loss = loss_fn(y, model(x, training=True))
            grads = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(grads, variables))
    return model


if __name__ == "__main__":
    data = tf.data.Dataset.from_tensor_slices((np.random.rand(8, 4), np.zeros(8))).batch(2)
    train(data)
