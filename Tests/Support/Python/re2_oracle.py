"""What RE2 itself makes of expressions and texts.

Reads a file of lines, an expression `P hex` before the texts `T hex` to search with it, all UTF-8. Writes a line for each:
for an expression `ok` or `refused`; for a text `none`, or the ranges of the first match's groups, as `start-end` in bytes
or `x` for a group that took no part, with commas between them.
"""

import sys

import re2

options = re2.Options()
options.log_errors = False


def describe(match):
    if match is None:
        return "none"
    spans = [match.span(group) for group in range(match.re.groups + 1)]
    return ",".join("x" if span == (-1, -1) else "%d-%d" % span for span in spans)


expression = None
for line in open(sys.argv[1], encoding="ascii"):
    content = bytes.fromhex(line[2:])
    if line[0] == "P":
        try:
            expression = re2.compile(content, options)
            print("ok")
        except re2.error:
            expression = None
            print("refused")
    else:
        print("none" if expression is None else describe(expression.search(content)))
