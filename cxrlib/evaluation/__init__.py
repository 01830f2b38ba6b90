"""What predictions and activation maps are worth, and how sure one can be of it."""
