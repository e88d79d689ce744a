"""What the black-box tests drive the product with: processes, sockets and a bad network."""
