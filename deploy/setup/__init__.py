"""What is made once in a new cluster, whoever runs it."""
