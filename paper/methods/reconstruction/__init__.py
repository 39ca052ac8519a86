"""Methods that reconstruct or predict their inputs."""
