"""How Heroic runs: the local stack, images and the operators' command line."""
