# Keras 2 and 3
# x: 2, 16, 16, 3
# shows: untracked | build_detector(DetectorConfig(width=4, levels=2))
# shows: untracked | Backbone(DetectorConfig(width=4, levels=2))
"""Trains the toy detector."""
import numpy as np
import tensorflow as tf

from detector.backbone import Backbone
from detector.config import DetectorConfig
from detector.model import build_detector


def main():
    config = DetectorConfig()
    model = build_detector(config)
    images = np.random.rand(8, 16, 16, 3).astype("float32")
    classes, boxes = model(images)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(1e-3),
        loss=[tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), "mse"],
    )
    print(classes.shape, boxes.shape)


if __name__ == "__main__":
    main()
