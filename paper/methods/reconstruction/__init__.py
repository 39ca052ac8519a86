"""Methods that reconstruct their inputs."""
