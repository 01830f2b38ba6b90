"""The networks, their losses, and the loop that trains them. These modules import Keras."""
