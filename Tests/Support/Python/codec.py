"""What the package cramjam makes of bytes.

    codec.py snappy|x-snappy-framed|lz4 compress|decompress INPUT OUTPUT
"""

import sys

import cramjam

_, name, direction, source, target = sys.argv
module = cramjam.lz4 if name == "lz4" else cramjam.snappy
result = getattr(module, direction + ("_raw" if name == "snappy" else ""))(open(source, "rb").read())
open(target, "wb").write(bytes(result))
