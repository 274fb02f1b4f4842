# Keras 3
# shows: untracked | VQVAE(latent=4, codes=8)
# shows: untracked | UncertaintyWeighting(["seg", "depth"]) | {"seg": x, "depth": x}
"""VQ-VAE with a code book and a multi-task loss with learned weights."""
import keras
import tensorflow as tf
from keras import layers


class VectorQuantizer(layers.Layer):
    def __init__(self, num_embeddings, embedding_dim, beta=0.25, **kwargs):
        super().__init__(**kwargs)
        self.embedding_dim = embedding_dim
        self.num_embeddings = num_embeddings
        self.beta = beta
        w_init = tf.random_uniform_initializer()
        self.embeddings = tf.Variable(  # <- KS102
            initial_value=w_init(shape=(self.embedding_dim, self.num_embeddings), dtype="float32"),
            trainable=True,
            name="embeddings_vqvae",
        )

    def call(self, x):
        flattened = tf.reshape(x, [-1, self.embedding_dim])
        distances = (
            tf.reduce_sum(flattened**2, axis=1, keepdims=True)
            + tf.reduce_sum(self.embeddings**2, axis=0)
            - 2 * tf.matmul(flattened, self.embeddings)
        )
        encodings = tf.one_hot(tf.argmin(distances, axis=1), self.num_embeddings)
        quantized = tf.matmul(encodings, self.embeddings, transpose_b=True)
        quantized = tf.reshape(quantized, tf.shape(x))
        commitment = tf.reduce_mean((tf.stop_gradient(quantized) - x) ** 2)
        codebook = tf.reduce_mean((quantized - tf.stop_gradient(x)) ** 2)
        self.add_loss(self.beta * commitment + codebook)
        return x + tf.stop_gradient(quantized - x)


def get_encoder(latent_dim):
    return keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(latent_dim)], name="encoder")


def get_decoder(out_dim):
    return keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(out_dim)], name="decoder")


class VQVAE(keras.Model):  # <- KS203
    def __init__(self, latent, codes, out=4, **kwargs):
        super().__init__(**kwargs)
        self.encoder = get_encoder(latent)
        self.quantizer = VectorQuantizer(codes, latent)
        self.decoder = get_decoder(out)

    def call(self, x):
        return self.decoder(self.quantizer(self.encoder(x)))


class UncertaintyWeighting(layers.Layer):
    """Kendall et al.: one log variance for every task."""

    def __init__(self, tasks, **kwargs):
        super().__init__(**kwargs)
        self.tasks = list(tasks)
        for task in self.tasks:
            setattr(self, f"log_var_{task}", tf.Variable(0.0, name=f"log_var_{task}"))  # <- KS102

    def call(self, losses):
        total = 0.0
        for task in self.tasks:
            log_var = getattr(self, f"log_var_{task}")
            total += tf.exp(-log_var) * losses[task] + log_var
        return total
