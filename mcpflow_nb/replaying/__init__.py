"""What is made of a cassette: servers that answer from it, other recorders' files, what changed since."""
