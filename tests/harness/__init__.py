"""The tools of the black-box tests: processes, sockets and a bad network."""
