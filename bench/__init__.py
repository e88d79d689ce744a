"""How fast is it? Measured against a C program and against the upload servers of others.

`python -m bench`: workloads.py says what is sent, contestants.py who takes it, run.py in which
order, report.py and plot.py what came out. Every figure that counts is a ratio to another
contestant in the same round, because machines differ and nothing on them is ever alone.
"""
