"""Train: the losses of the newest run."""
