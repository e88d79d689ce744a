"""One module of tests for each module that has rules of its own."""
