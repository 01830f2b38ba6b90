"""What a reader sees of the numbers. Nothing else in the package draws."""
