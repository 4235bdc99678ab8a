"""The process that codes: what it is told, what it does, and who looks after it."""
