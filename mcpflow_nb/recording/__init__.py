"""A session with servers, kept: the cassette as data and as a file, secrets masked."""
