"""Rules of the chapter on prior art."""
