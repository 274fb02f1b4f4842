import tensorflow as tf


def conv_bn(filters, strides=1, activation="relu", name=None):
    """A convolution, batch norm and activation, as one callable."""
    conv = tf.keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name=f"{name}_conv")
    norm = tf.keras.layers.BatchNormalization(name=f"{name}_bn")
    act = tf.keras.layers.Activation(activation)

    def apply(x, training=None):
        return act(norm(conv(x), training=training))

    return apply


class Stack(tf.keras.layers.Layer):
    """Runs its children one after the other."""

    def __init__(self, children, **kwargs):
        super().__init__(**kwargs)
        self.children = list(children)

    def call(self, x, training=None):
        for child in self.children:
            x = child(x, training=training)
        return x
