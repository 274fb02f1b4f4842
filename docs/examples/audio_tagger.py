"""Tags sound clips. The heads live in a plain Python object, so Keras never finds their weights."""

import keras


class TagHeads:
    """One output for each kind of tag."""

    def __init__(self, kinds):
        self.by_kind = {kind: keras.layers.Dense(size) for kind, size in kinds.items()}
        self.shared = keras.layers.Dense(64, activation="relu")

    def __call__(self, features):
        features = self.shared(features)
        return {kind: head(features) for kind, head in self.by_kind.items()}


class AudioTagger(keras.Model):
    def __init__(self, kinds):
        super().__init__()
        self.filters = [keras.layers.Conv1D(32, 5, activation="relu") for _ in range(3)]
        self.pool = keras.layers.GlobalAveragePooling1D()
        self.heads = TagHeads(kinds)

    def call(self, sound):
        for convolve in self.filters:
            sound = convolve(sound)
        return self.heads(self.pool(sound))


tagger = AudioTagger({"instrument": 12, "mood": 5})
tagger(keras.random.normal((2, 400, 8)))
print(len(tagger.trainable_weights), "weights will train")  # 6: those of the convolutions alone
