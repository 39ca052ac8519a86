"""Methods that compare two views of a sample."""
