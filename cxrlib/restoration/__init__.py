"""The pretext tasks: how an image is corrupted, what restores it without learning, and how close it comes."""
