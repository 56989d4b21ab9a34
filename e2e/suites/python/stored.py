"""Says what lies below a directory, a line each: path, bytes, SHA-256. Usage: stored.py DIRECTORY."""
import hashlib
import os
import sys

root = sys.argv[1]
for directory, _, names in os.walk(root):
    for name in names:
        path = os.path.join(directory, name)
        try:
            with open(path, 'rb') as file:
                data = file.read()
        except FileNotFoundError:
            # A schedule's retention has deleted it since it was listed.
            continue
        print(os.path.relpath(path, root), len(data), hashlib.sha256(data).hexdigest())
