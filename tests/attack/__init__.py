"""What somebody with ill intent would try, against the product as it runs.

Malformed requests by mistake or in malice are in `test_bad_input`; here are the attacks that are
well formed: other sites, floods, slowness, forged logs, hostile names, and random noise.
"""
