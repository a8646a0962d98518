"""The soak: whether anything that the program holds grows (`make soak`)."""
