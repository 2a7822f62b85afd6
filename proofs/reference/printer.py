"""The canonical printer of statements (proofs/STATEMENT.md, section 2); the kinds of expressions are in statement.py."""
from fractions import Fraction

LEVEL = {"<=>": 1, "=>": 2, "or": 3, "and": 4, "+": 7, "-": 7, "*": 8, "/": 8, "%": 8, "@": 8, "^": 10}


def show_number(x):
    x = Fraction(x)
    return str(x.numerator) if x.denominator == 1 else "%d/%d" % (x.numerator, x.denominator)


def level(e):
    if e.kind == "num":
        x = Fraction(e.parts[0])
        return 8 if x.denominator != 1 else 9 if x < 0 else 12
    if e.kind == "binary":
        return LEVEL[e.parts[0]]
    return {"if": 0, "exists": 0, "not": 5, "compare": 6, "member": 6, "neg": 9, "index": 11, "field": 11}.get(e.kind, 12)


def show(e, asked=0):
    text = show_bare(e)
    return "(%s)" % text if level(e) < asked else text


def show_all(items):
    return ", ".join(show(x) for x in items)


def show_bare(e):
    kind, parts = e.kind, e.parts
    if kind == "num":
        return show_number(parts[0])
    if kind == "name":
        return parts[0]
    if kind == "string":
        return '"%s"' % parts[0]
    if kind == "list":
        return "{%s}" % show_all(parts[0])
    if kind == "call":
        return "%s(%s)" % (parts[0], show_all(parts[1]))
    if kind == "key":
        return parts[0]
    if kind == "image":
        return show_set(e)
    if kind == "target":
        return {"zero": "zero", "mean": "mean over ", "any": "any over "}.get(parts[0], parts[0] + " ") + (
            "" if parts[1] is None else show_set(parts[1]) if parts[0] in ("mean", "any") else show(parts[1]))
    if kind == "set_to":
        return "%s = %s" % (show(parts[0]), show(parts[1]))
    if kind == "quantifier":
        return "%s{%s : %s}" % (parts[0], show(parts[1]), show_binds(parts[2], parts[3]))
    if kind == "exists":
        return "exists %s : %s" % (show_binds(parts[1], parts[2]), show(parts[0]))
    if kind == "if":
        return "if %s then %s else %s" % tuple(show(x) for x in parts)
    if kind == "not":
        return "not " + show(parts[0], 5)
    if kind == "neg":
        return "-" + show(parts[0], 9)
    if kind == "compare":
        text = show(parts[1][0], 7)
        for op, operand in zip(parts[0], parts[1][1:]):
            text += " %s %s" % (op, show(operand, 7))
        return text
    if kind == "member":
        return "%s in %s" % (show(parts[0], 7), show_set(parts[1]))
    if kind == "field":
        return "%s.%s" % (show(parts[0], 11), parts[1])
    if kind == "index":
        return "%s[%s]" % (show(parts[0], 11), ", ".join(show_index(x) for x in parts[1]))
    return show_binary(*parts)


def show_binary(op, left, right):
    here = LEVEL[op]
    if op == "^":
        return "%s^%s" % (show(left, 11), show(right, 9))
    if op == "=>":
        return "%s => %s" % (show(left, here + 1), show(right, here))
    return "%s %s %s" % (show(left, here), op, show(right, here + 1))


def show_index(e):
    if e.kind == "slice":
        return "..".join("" if x is None else show(x, 7) for x in e.parts)
    return show(e)


def show_set(s):
    if s.kind == "range":
        return "%s..%s" % (show(s.parts[0], 7), show(s.parts[1], 7))
    if s.kind == "rows":
        return "rows(%s)" % s.parts[0]
    if s.kind in ("ball", "cube"):
        return "ball(%s, %s, %s)" % (show(s.parts[0]), show(s.parts[1]), "l2" if s.kind == "ball" else "linf")
    if s.kind == "box":
        return "box(%s, %s)" % (show(s.parts[0]), show(s.parts[1]))
    if s.kind in ("reals", "orthant", "interval"):
        return "%s(%s)" % (s.kind, show_all(s.parts))
    if s.kind == "cone":
        return "cone(%s)" % show_all(s.parts[0])
    if s.kind == "braces":
        return "{%s}" % show_all(s.parts[0])
    if s.kind == "power":
        return "tokens[%d] of %s" % (s.parts[0], show_set(s.parts[1]))
    if s.kind == "product":
        return "tokens(%s)" % ", ".join(show_set(x) for x in s.parts[0])
    if s.kind == "image":
        return "{%s : %s}" % (show(s.parts[0]), show_binds(s.parts[1], s.parts[2]))
    return "argmaxes(%s)" % show(s.parts[0])


def show_binds(binds, where):
    text = ", ".join("%s in %s" % (name, show_set(s)) for name, s in binds)
    return text if where is None else "%s where %s" % (text, show(where))


def show_statement(s):
    """The canonical text."""
    out = ["weightproof-statement 1"] + ["model %s %s" % x for x in s.models.items()] + ["data %s %s" % x for x in s.data.items()]
    out.append("semantics " + ("float32" if s.float32 else "real"))
    if s.forall is not None:
        out.append("forall " + show_binds(s.binds, s.where))
    if s.kind == "prove":
        out.append("prove " + show(s.body))
    else:
        out.append("%s %s : %s" % (s.kind, show_binds(s.binds, s.where), show(s.body)))
        if s.at_most is not None:
            out[-1] += " at most %d" % s.at_most
    if s.within is not None:
        out.append("within " + show(s.within))
    if s.prove is not None:
        out.append("prove " + show(s.prove))
    return "\n".join(out) + "\n"
