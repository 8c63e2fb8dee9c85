"""Image sets held in memory, augmentation on the device, the training loop and its checkpoints."""
