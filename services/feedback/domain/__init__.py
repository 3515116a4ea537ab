"""What feedback decides, without I/O: the ratings of one episode."""
