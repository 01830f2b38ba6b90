"""The pretext tasks: corrupting images, restoring them without learning, and scoring the result."""
