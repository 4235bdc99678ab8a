"""What makes the networks: layers, training, export, evaluation. Torch lives here alone."""
