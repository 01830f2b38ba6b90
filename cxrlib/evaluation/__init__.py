"""Scores of predictions and activation maps, and how sure they are."""
