# Keras 2 and 3
# x: 2, 8, 8, 3
# shows in Keras 3: untracked | ResNet([1, 2], 4)
# shows in Keras 3: untracked | PyramidHeads(levels=(3, 4), depth=2, width=4) | [x, x]
"""A ResNet whose stages are lists of blocks, and prediction heads for a feature pyramid."""
import tensorflow as tf

from tensorflow.keras import layers


def conv3x3(filters, stride=1, name=None):
    return layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=name)


class BasicBlock(layers.Layer):  # <- KS203 in Keras 3
    expansion = 1

    def __init__(self, filters, stride=1, downsample=None, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = conv3x3(filters, stride, name="conv1")
        self.bn1 = layers.BatchNormalization(name="bn1")
        self.conv2 = conv3x3(filters, name="conv2")
        self.bn2 = layers.BatchNormalization(name="bn2")
        self.downsample = downsample

    def call(self, x, training=False):
        identity = x if self.downsample is None else self.downsample(x)
        out = tf.nn.relu(self.bn1(self.conv1(x), training=training))
        out = self.bn2(self.conv2(out), training=training)
        return tf.nn.relu(out + identity)


class ResNet(tf.keras.Model):  # <- KS203 in Keras 3
    def __init__(self, blocks, width, num_classes=10, **kwargs):
        super().__init__(**kwargs)
        self.stem = conv3x3(width, name="stem")
        self.stages = []
        filters = width
        for i, count in enumerate(blocks):
            self.stages.append([])
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                down = layers.Conv2D(filters, 1, stride) if j == 0 else None
                self.stages[i].append(BasicBlock(filters, stride, down, name=f"stage{i}_block{j}"))  # <- KS107 in Keras 3
            filters *= 2
        self.pool = layers.GlobalAveragePooling2D()
        self.fc = layers.Dense(num_classes)

    def call(self, x, training=False):
        x = self.stem(x)
        for stage in self.stages:
            for block in stage:
                x = block(x, training=training)
        return self.fc(self.pool(x))


class PyramidHeads(tf.keras.layers.Layer):
    """As in EfficientDet: the convolutions are shared, the batch norms belong to a level."""

    def __init__(self, levels, depth, width, **kwargs):
        super().__init__(**kwargs)
        self.levels = levels
        self.convs = [conv3x3(width, name=f"conv_{i}") for i in range(depth)]
        self.norms = {}  # <- KS501 in Keras 2
        for level in levels:
            name = str(level)
            self.norms[name] = []
            for i in range(depth):
                self.norms[name].append(layers.BatchNormalization(name=f"bn_{level}_{i}"))  # <- KS107 in Keras 3

    def build(self, shapes):
        shape = shapes[0]
        for conv in self.convs:
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
        for norms in self.norms.values():
            for norm in norms:
                norm.build(shape)
        super().build(shapes)

    def call(self, features, training=False):
        outputs = []
        for level, x in zip(self.levels, features):
            for conv, norm in zip(self.convs, self.norms[str(level)]):
                x = tf.nn.relu(norm(conv(x), training=training))
            outputs.append(x)
        return outputs
