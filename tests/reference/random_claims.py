"""Random closed claims over the whole expression language: both checkers must give the same answers, errors included."""
import random

HEADS = ["logits(M, {s})", "attn(M, 0, 0, {s})", "head_out(M, 0, 0, {s})", "resid_post(M, 0, {s})", 'node(M, "hook_embed", {s})', "score(M, 0, 0, {s})"]


class Maker:
    """Texts of expressions; names holds the integer variables in scope."""

    def __init__(self, seed):
        self.rng, self.names, self.count = random.Random(seed), [], 0

    def pick(self, *options):
        return self.rng.choice(options)

    def integer(self, depth):
        kind = self.rng.randrange(12 if depth > 0 else 3)
        if kind == 0 or (kind < 3 and not self.names):
            return str(self.rng.randint(0, 4))
        if kind < 3:
            return self.pick(*self.names)
        d = depth - 1
        if kind == 3:
            return "(%s %s %s)" % (self.integer(d), self.pick("+", "-", "*", "%"), self.integer(d))
        if kind == 4:
            return "(-%s)" % self.integer(d)
        if kind == 5:
            return "(if %s then %s else %s)" % (self.truth(d), self.integer(d), self.integer(d))
        if kind == 6:
            return "%s[%s]" % (self.sequence(d), self.integer(d))
        if kind == 7:
            return "%s(%s)" % (self.pick("max", "min", "sum", "argmax", "argmin", "len"), self.sequence(d))
        if kind == 8:
            return self.comprehension(self.pick("max", "min", "sum"), self.integer, d)
        if kind == 9:
            return self.comprehension("count", self.truth, d)
        if kind == 10:
            return "(%s^%d)" % (self.integer(d), self.rng.randint(0, 3))
        return "%s(%s, %s)" % (self.pick("max", "min"), self.integer(d), self.integer(d))

    def sequence(self, depth):
        kind = self.rng.randrange(5 if depth > 0 else 1)
        items = "{%s}" % ", ".join(self.integer(depth - 1) for _ in range(self.rng.randint(1, 3)))
        if kind == 1:
            return "sort(%s)" % items
        if kind == 2:
            return "seq(%s, %s)" % (self.integer(depth - 1), items)
        if kind == 3:
            return "%s[%s..%s]" % (items, self.pick("", "0", "1"), self.pick("", "1", "last"))
        return items

    def comprehension(self, name, body, depth):
        self.count += 1
        variable = "v%d" % self.count
        s = self.pick("0..2", "1..%s" % self.integer(0), "{2, 0}", "{a%d * 2 : a%d in 0..2 where a%d != 1}" % ((self.count,) * 3))
        self.names.append(variable)
        text = "%s{%s : %s in %s%s}" % (name, body(depth), variable, s, self.pick("", " where " + self.truth(depth - 1)))
        self.names.pop()
        return text

    def number(self, depth):
        """Integer, rational or real."""
        d, kind = depth - 1, self.rng.randrange(12 if depth > 0 else 2)
        if kind < 2:
            return self.integer(depth)
        if kind == 2:
            return "%d/%d" % (self.rng.randint(-3, 3), self.rng.randint(1, 4))
        if kind == 3:
            return "(%s %s %s)" % (self.number(d), self.pick("+", "-", "*", "/"), self.number(d))
        if kind == 4:
            return "%s(%s)" % (self.pick("abs", "exp", "sqrt"), self.number(d))
        if kind == 5:
            return "W(M, \"embed.W_E\")[%s, %s]" % (self.integer(d), self.integer(d))
        if kind in (6, 7):
            return "%s[%s, %s]" % (self.rows(d), self.pick("last", "0", self.integer(d)), self.pick("0", "last", self.integer(d)))
        if kind == 8:
            return "%s(%s[%s])" % (self.pick("max", "min", "sum", "mean"), self.rows(d), self.pick("last", "0"))
        if kind == 9:
            return self.comprehension(self.pick("max", "min", "sum", "mean"), self.number, d)
        if kind == 10:
            return "%s(%s, %s, %s)" % ("dist", self.pick("inf", "1", "2"), self.rows(d) + "[0]", self.rows(d) + "[last]")
        return "(if %s then %s else %s)" % (self.truth(d), self.number(d), self.number(d))

    def rows(self, depth):
        return self.pick(*HEADS).replace("{s}", self.pick("{0, 1}", "{2}", "{1, 1, 0}", self.sequence(depth)))

    def truth(self, depth):
        kind, d = self.rng.randrange(12 if depth > 0 else 1), depth - 1
        if kind < 4:
            return "%s %s %s" % (self.number(d), self.pick("<", "<=", ">", ">=", "==", "!="), self.number(d))
        if kind == 4:
            return "(%s %s %s)" % (self.truth(d), self.pick("and", "or", "=>", "<=>"), self.truth(d))
        if kind == 5:
            return "not (%s)" % self.truth(d)
        if kind == 6:
            return "%s in %s" % (self.integer(d), self.pick("0..2", "{1, 3}", "argmaxes(%s[last])" % self.rows(d)))
        if kind == 7:
            return self.comprehension(self.pick("all", "any"), self.truth, d)
        if kind == 8:
            return "%s(%s)" % ("distinct", self.sequence(d))
        if kind == 9:
            return "contains(%s, %s)" % (self.sequence(d), self.integer(d))
        if kind == 10:
            return "argmax(%s[last]) %s %s" % (self.rows(d), self.pick("==", "!="), self.integer(d))
        return "(if %s then %s else %s)" % (self.truth(d), self.truth(d), self.truth(d))


def predicates(seed, count):
    for k in range(count):
        yield Maker(1000003 * seed + k).truth(3)
