"""What is trained, and the loop that trains it. These modules import Keras."""
