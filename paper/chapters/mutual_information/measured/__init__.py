"""What the chapter on mutual information trains and measures."""
