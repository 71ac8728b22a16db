"""As much of Elasticsearch's script language as update scripts for whole documents need: if, else, comparison and
assignment of ctx.op, ctx._source['field'] and params.name."""

import re

TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_][\w.]*(?:\['[^']*'\])?)|(?P<sign>==|!=|[(){};=]))")


class ScriptError(Exception):
    pass


class Script:
    """Runs a script's source on {"op", "_source"} with parameters; changes both."""

    def __init__(self, source):
        self.tokens = []
        position = 0
        while position < len(source.rstrip()):
            match = TOKEN.match(source, position)
            if not match:
                raise ScriptError(f"unexpected text at {position}: {source[position:position + 20]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()

    def run(self, context, params):
        self.position, self.context, self.params = 0, context, params
        while self.position < len(self.tokens):
            self.statement(True)

    def peek(self):
        return self.tokens[self.position][1] if self.position < len(self.tokens) else None

    def take(self, expected=None):
        kind, text = self.tokens[self.position] if self.position < len(self.tokens) else (None, None)
        if text is None or (expected is not None and text != expected):
            raise ScriptError(f"expected {expected!r}, got {text!r}")
        self.position += 1
        return kind, text

    def statement(self, active):
        if self.peek() == "if":
            self.take()
            self.take("(")
            left = self.value()
            _, sign = self.take()
            right = self.value()
            self.take(")")
            holds = (left == right) == (sign == "==")
            self.block(active and holds)
            if self.peek() == "else":
                self.take()
                if self.peek() == "if":
                    self.statement(active and not holds)
                else:
                    self.block(active and not holds)
            return
        _, name = self.take()
        self.take("=")
        value = self.value()
        if self.peek() == ";":
            self.take()
        if active:
            self.assign(name, value)

    def block(self, active):
        self.take("{")
        while self.peek() != "}":
            self.statement(active)
        self.take("}")

    def value(self):
        kind, text = self.take()
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return int(text)
        if text == "ctx.op":
            return self.context["op"]
        if text.startswith("ctx._source["):
            return self.context["_source"].get(text[13:-2])
        if text.startswith("params."):
            return self.params.get(text[7:])
        raise ScriptError(f"unknown name {text!r}")

    def assign(self, name, value):
        if name == "ctx.op":
            self.context["op"] = value
        elif name.startswith("ctx._source["):
            self.context["_source"][name[13:-2]] = value
        else:
            raise ScriptError(f"cannot assign to {name!r}")
