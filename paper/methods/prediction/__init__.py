"""Methods that predict a part of their inputs from another."""
