# Keras 3
# shows: fewer-weights | model | x | early_count < layer.count_params()
# shows: fewer-weights | restored | x | different > 1e-6
"""Fine-tunes a classifier from a checkpoint."""
import os
import tempfile

import keras
import numpy as np
from models import Backbone, make_classifier


class Trainer:
    """Keeps a model, its optimizer and where its checkpoints go."""

    def __init__(self, folder, learning_rate=1e-3):
        self.folder = folder
        self.model = make_classifier()
        self.optimizer = keras.optimizers.Adam(learning_rate)

    def path(self, step):
        return os.path.join(self.folder, f"step_{step}.weights.h5")

    def save(self, step):
        self.model.save_weights(self.path(step))


batch = np.random.rand(2, 4).astype("float32")
folder = tempfile.mkdtemp()

trainer = Trainer(folder)
trainer.model(batch)
trainer.save(0)

model = make_classifier()
model.build((None, 4))
early_count = model.count_params()  # <- KS202

restored = make_classifier()
restored.build((None, 4))
restored.load_weights(trainer.path(0))  # <- KS202
different = np.abs(np.asarray(restored(batch)) - np.asarray(trainer.model(batch))).max()


def main():
    backbone = Backbone(width=16)
    backbone.build((None, 4))
    backbone.summary()  # <- KS202
    trainable = sum(np.prod(w.shape) for w in backbone.trainable_weights)  # <- KS202
    print(f"{trainable} parameters")


if __name__ == "__main__":
    main()
