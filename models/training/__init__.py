"""The trainer: recipes, pictures, checkpoints."""
