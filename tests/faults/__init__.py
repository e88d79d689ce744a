"""What breaks beneath and behind the product: disks, databases, Immich, files none should open."""
