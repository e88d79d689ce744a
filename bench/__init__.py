"""How fast is it? Measured against a C program and against the upload servers of others.

`python -m bench`: workloads.py says what is sent, contestants.py who takes it, __main__.py in which
order; results.py condenses the runs, report.py and plot.py show them. Every figure that counts is a
ratio to another contestant in the same round, because machines differ and nothing on them is ever
alone.
"""
