"""Benchmarks: our server against a C program and against other upload servers.

`python -m bench`: workloads.py defines what is sent, contestants.py the servers that receive it,
__main__.py the order; results.py condenses the runs, report.py and plot.py show them. Every figure
that counts is a ratio to another contestant in the same round, because machines differ and other
programs run on them too.
"""
