"""The canonical statement (proofs/STATEMENT.md, sections 1 and 2): lexer, parser, names.

read_statement(text) gives a Statement and refuses a text that the printer would write differently.

Expressions are E(kind, ...), by kind:
    num (int or Fraction)   name NAME   string TEXT   list [E]   call NAME [E]   set_to LEFT RIGHT (an argument)
    quantifier NAME BODY BINDS WHERE   exists BODY BINDS WHERE   if P A B   binary OP A B   not P   neg A
    compare [OP] [E]   member E SET   index BASE [E or slice FROM TO]
    key WORD (drop, keep, to, ln before =, frozen after it)   target WORD X (zero None, value E, from E, mean SET, any SET)   field BASE NAME (q, k or v)
sets: range A B   rows NAME   ball CENTRE RADIUS   cube CENTRE RADIUS (linf)   box LOW HIGH   reals N   orthant N   interval A B   cone [E]   braces [E]   power N SET   product [SET]   image E BINDS WHERE   argmaxes E
BINDS is a list of (name, set); a missing part is None. The truth operators are binary too: <=> => or and.
"""
import hashlib
import re
import sys
from fractions import Fraction

from printer import show_statement

sys.setrecursionlimit(20000)
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)

MAX_BITS, MAX_DEPTH, MAX_POWER = 65536, 200, 4096
TOKEN = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|[0-9]+|"[!#-~ ]*"|<=>|=>|<=|>=|==|!=|\.\.|\.|[-<>+*/%@^(){}\[\],:=]')
QUANTIFIERS = {"max", "min", "sum", "mean", "count", "all", "any"}
PREDICATE_QUANTIFIERS = {"count", "all", "any"}
COMPONENTS = {"head": 2, "mlp": 1, "embed": 0, "pos_embed": 0, "all": 0, "unembed": 0, "neuron": 2, "edge": 2, "bias": 1}
ABLATE_KEYS = ("drop", "keep", "to")
MANY = 1000
FUNCTIONS = {                                        # name: fewest, most arguments
    "logits": (2, 2), "output": (2, 2), "attn": (4, 4), "score": (4, 4), "head_out": (4, 4), "resid_pre": (3, 3), "resid_mid": (3, 3),
    "resid_post": (3, 3), "mlp_pre": (3, 3), "mlp_post": (3, 3), "node": (3, 3), "W": (2, 2), "QK": (3, 3), "OV": (3, 3),
    "patch": (2, MANY), "ablate": (3, 4), "replace": (2, MANY), "steer": (4, 5), "blend": (3, 3), "argmax": (1, 1), "argmin": (1, 1), "argmaxes": (1, 1), "max": (1, MANY), "min": (1, MANY),
    "sum": (1, 1), "mean": (1, 1), "abs": (1, 1), "len": (1, 1), "sort": (1, 1), "distinct": (1, 1), "contains": (2, 2), "fold": (3, 3),
    "seq": (1, MANY), "dist": (3, 3), "norm": (2, 2), "transpose": (1, 1), "diag": (1, 1), "dot": (2, 2), "onehot": (2, 2),
    "mean_rows": (1, 1), "exp": (1, 1), "sqrt": (1, 1), "softmax": (1, 1), "radius": (2, 5), "form": (2, 3), "distance": (3, 3), "flip": (3, 3), "changes": (3, 3), "eigenvalues": (1, 1), "inertia": (1, 1), "rank": (1, 1), "eigenvector": (2, 2), "truncate": (2, 3),
    "antisymmetric": (2, 3), "gram": (1, 2), "hosvd": (1, 2), "singular_values": (1, 1), "effective_rank": (1, 1),
    "log": (1, 1), "cos": (1, 1), "sin": (1, 1), "pi": (0, 0), "logsoftmax": (1, 1), "fourier": (1, 1),
}
SPACES = {"reals": (1, 1), "orthant": (1, 1), "interval": (2, 2), "cone": (1, MANY)}      # sets of reals by their arguments
SETS = {"rows", "ball", "box"} | set(SPACES)                                # functions whose value is a set
RESERVED = (set(FUNCTIONS) | SETS | QUANTIFIERS | set("all embed pos_embed unembed head mlp neuron bias edge if then else exists where in not "
            "and or forall last inf number total fraction value tokens at most within prove".split()))


class StatementError(Exception):
    """The text is no canonical statement; the message says the line."""


class E:
    def __init__(self, kind, *parts):
        self.kind, self.parts = kind, parts


class Statement:
    """models and data {name: sha256}, float32, forall (binds or None), where, kind (prove count average minimize maximize list),
    binds, body, at_most, within, prove, text, sha256. For kind prove: binds are those of forall, body the predicate."""


def literal(e):
    return e.parts[0] if e.kind == "num" else None


def bits(x):
    x = Fraction(x)
    return max(x.numerator.bit_length(), x.denominator.bit_length())


def whole(x):
    """An exact quotient as a literal: an integer when it is one."""
    return x.numerator if x.denominator == 1 else x


class Parser:
    def __init__(self, text, line):
        self.line, self.at, self.depth = line, 0, 0
        self.tokens = []
        at = 0
        while at < len(text):
            if text[at] == " ":
                at += 1
                continue
            found = TOKEN.match(text, at)
            if not found:
                self.fail("unexpected character '%s'" % text[at])
            self.tokens.append(found.group())
            at = found.end()

    def fail(self, message):
        raise StatementError("statement line %d: %s" % (self.line, message))

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self, *wanted):
        """The next token if it is one of those."""
        token = self.peek()
        if token and token in wanted:
            self.at += 1
            return token
        return None

    def need(self, token):
        if not self.take(token):
            self.fail("expected '%s', found '%s'" % (token, self.peek()))

    def name(self):
        token = self.peek()
        if not re.match(r"[A-Za-z_]", token) or token in RESERVED:
            self.fail("'%s' cannot be a name here" % token)
        self.at += 1
        return token

    def end(self):
        if self.peek():
            self.fail("unexpected '%s'" % self.peek())

    def number(self, x):
        if bits(x) > MAX_BITS:
            self.fail("a number of more than %d bits" % MAX_BITS)
        return E("num", x)

    # one method a level

    def expression(self):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("nested too deep")
        if self.take("if"):
            condition = self.expression()
            self.need("then")
            yes = self.expression()
            self.need("else")
            result = E("if", condition, yes, self.expression())
        elif self.take("exists"):
            binds, where = self.binds()
            self.need(":")
            result = E("exists", self.expression(), binds, where)
        else:
            result = self.equivalence()
        self.depth -= 1
        return result

    def chain(self, operators, operand):
        left = operand()
        while True:
            op = self.take(*operators)
            if not op:
                return left
            left = self.fold(op, left, operand())

    def equivalence(self):
        return self.chain(("<=>",), self.implication)

    def implication(self):
        left = self.disjunction()
        if self.take("=>"):
            return E("binary", "=>", left, self.implication())
        return left

    def disjunction(self):
        return self.chain(("or",), self.conjunction)

    def conjunction(self):
        return self.chain(("and",), self.negation)

    def negation(self):
        if self.take("not"):
            return E("not", self.negation())
        return self.comparison()

    def comparison(self):
        operands, operators = [self.sum()], []
        if self.take("in"):
            return E("member", operands[0], self.set(member=True))
        while True:
            op = self.take("<", "<=", ">", ">=", "==", "!=")
            if not op:
                return E("compare", operators, operands) if operators else operands[0]
            operators.append(op)
            operands.append(self.sum())

    def sum(self):
        return self.chain(("+", "-"), self.product)

    def product(self):
        return self.chain(("*", "/", "%", "@"), self.unary)

    def unary(self):
        if self.take("-"):
            operand = self.unary()
            return self.number(-literal(operand)) if operand.kind == "num" else E("neg", operand)
        base = self.postfix()
        if self.take("^"):
            return self.fold("^", base, self.unary())
        return base

    def fold(self, op, left, right):
        """left op right; a quotient or power of literals is a literal."""
        a, b = literal(left), literal(right)
        if a is not None and b is not None:
            if op == "/" and b != 0:
                return self.number(whole(Fraction(a) / b))
            if op == "^" and isinstance(b, int) and abs(b) <= MAX_POWER and (a != 0 or b >= 0):
                if bits(a) * abs(b) > 2 * MAX_BITS:
                    self.fail("a number of more than %d bits" % MAX_BITS)
                return self.number(whole(Fraction(a) ** b))
        return E("binary", op, left, right)

    def postfix(self):
        base = self.primary()
        while self.peek() in ("[", "."):
            if self.take("."):
                base = E("field", base, self.take("q", "k", "v") or self.fail("q, k or v is asked for"))
                continue
            self.need("[")
            indices = [self.index()]
            while self.take(","):
                indices.append(self.index())
            self.need("]")
            base = E("index", base, indices)
        return base

    def index(self):
        if self.take(".."):
            return E("slice", None, None if self.peek() in (",", "]") else self.sum())
        first = self.expression()
        if self.take(".."):
            return E("slice", first, None if self.peek() in (",", "]") else self.sum())
        return first

    def primary(self):
        token = self.peek()
        if self.take("("):
            inside = self.expression()
            self.need(")")
            return inside
        if self.take("{"):
            items = [] if self.peek() == "}" else self.items()
            if len(items) == 1 and self.take(":"):            # a set of components
                binds, where = self.binds()
                self.need("}")
                return E("image", items[0], binds, where)
            self.need("}")
            return E("list", items)
        self.at += 1
        if token[:1].isdigit():
            return self.number(int(token))
        if token[:1] == '"':
            return E("string", token[1:-1])
        if token in QUANTIFIERS and self.take("{"):
            body = self.expression()
            self.need(":")
            binds, where = self.binds()
            self.need("}")
            return E("quantifier", token, body, binds, where)
        if token in FUNCTIONS or (token in COMPONENTS and COMPONENTS[token]):
            self.need("(")
            arguments = [] if self.peek() == ")" else self.arguments()
            self.need(")")
            low, high = FUNCTIONS.get(token) or (COMPONENTS[token],) * 2
            if not low <= len(arguments) <= high:
                self.fail("wrong number of arguments of '%s'" % token)
            return E("call", token, arguments)
        if re.match(r"[A-Za-z_]", token) and (token not in RESERVED or token in COMPONENTS or token in
                                               ("last", "inf", "number", "total", "fraction", "value")):
            return E("name", token)
        self.at -= 1
        return self.fail("unexpected '%s'" % token)

    def items(self):
        items = [self.expression()]
        while self.take(","):
            items.append(self.expression())
        return items

    def arguments(self):
        arguments = []
        while True:
            left = self.expression()
            if self.take("="):
                if left.kind == "name" and left.parts[0] == "ln" and self.peek() == "frozen":
                    self.at += 1
                    arguments.append(E("set_to", E("key", "ln"), E("key", "frozen")))
                    if not self.take(","):
                        return arguments
                    continue
                if left.kind == "name" and left.parts[0] in ABLATE_KEYS:
                    left = E("key", left.parts[0])
                left = E("set_to", left, self.target() or self.expression())
            arguments.append(left)
            if not self.take(","):
                return arguments

    def target(self):
        """zero, value E, from E, mean over SET, any over SET, or None"""
        word, after = self.peek(), self.peek(1)
        name = re.match(r"[A-Za-z_]", after)
        if word == "zero" and after in (",", ")"):
            self.at += 1
            return E("target", word, None)
        if word in ("mean", "any") and after == "over":
            self.at += 2
            return E("target", word, self.set())
        if word == "from" and (name or after == "{") or word == "value" and (name or after[:1].isdigit() or after in ("(", "{", "-")):
            self.at += 1
            return E("target", word, self.expression())
        return None

    def binds(self):
        """BINDS [where PRED]"""
        binds = []
        while True:
            name = self.name()
            self.need("in")
            binds.append((name, self.set()))
            if not self.take(","):
                break
        return binds, self.expression() if self.take("where") else None

    def set(self, member=False):
        if not member and self.take("tokens"):
            if self.take("["):
                length = self.peek()
                self.at += 1
                if not re.match(r"[1-9][0-9]{0,8}\Z", length):
                    self.fail("tokens[] asks for a positive integer")
                self.need("]")
                if self.take("of"):
                    return E("power", int(length), self.set())
                self.fail("expected 'of'")
            self.need("(")
            sets = [self.set()]
            while self.take(","):
                sets.append(self.set())
            self.need(")")
            return E("product", sets)
        if self.take("rows"):
            self.need("(")
            name = self.name()
            self.need(")")
            return E("rows", name)
        if self.take("ball"):
            self.need("(")
            centre = self.expression()
            self.need(",")
            radius = self.expression()
            self.need(",")
            kind = "cube" if self.take("linf") else "ball"
            if kind == "ball":
                self.need("l2")
            self.need(")")
            return E(kind, centre, radius)
        if self.take("box"):
            self.need("(")
            low = self.expression()
            self.need(",")
            high = self.expression()
            self.need(")")
            return E("box", low, high)
        for name, (low, high) in SPACES.items():
            if self.take(name):
                self.need("(")
                parts = self.items()
                self.need(")")
                if not low <= len(parts) <= high:
                    self.fail("wrong number of arguments of '%s'" % name)
                return E(name, parts) if name == "cone" else E(name, *parts)
        if self.peek() == "{":
            return self.braces()
        start = self.sum()
        if self.take(".."):
            return E("range", start, self.sum())
        if member and start.kind == "call" and start.parts[0] == "argmaxes":
            return E("argmaxes", start.parts[1][0])
        return self.fail("not a set")

    def braces(self):
        self.need("{")
        if self.take("}"):
            return E("braces", [])
        first = self.expression()
        if self.take(":"):
            binds, where = self.binds()
            self.need("}")
            return E("image", first, binds, where)
        items = [first]
        while self.take(","):
            items.append(self.expression())
        self.need("}")
        return E("braces", items)


# names and depth

class Scope:
    """Every name is bound, none hides another, models and data are used in the order of their lines."""

    def __init__(self, models, data):
        self.models, self.data, self.used = models, data, []

    def binds(self, binds, where, bound):
        bound = set(bound)
        for name, s in binds:
            self.visit_set(s, bound)
            if name in bound or name in self.models or name in self.data:
                raise StatementError("the variable '%s' hides another name" % name)
            bound.add(name)
        if where is not None:
            self.visit(where, bound)
        return bound

    def visit_set(self, s, bound):
        if s.kind in ("range", "ball", "cube", "box", "reals", "orthant", "interval"):
            for x in s.parts:
                self.visit(x, bound)
        elif s.kind == "rows":
            if s.parts[0] not in self.data:
                raise StatementError("rows() is of a data array")
            self.see(s.parts[0], bound)
        elif s.kind in ("braces", "cone"):
            for x in s.parts[0]:
                self.visit(x, bound)
        elif s.kind == "power":
            self.visit_set(s.parts[1], bound)
        elif s.kind == "product":
            for x in s.parts[0]:
                self.visit_set(x, bound)
        elif s.kind == "image":
            self.visit(s.parts[0], self.binds(s.parts[1], s.parts[2], bound))
        else:
            self.visit(s.parts[0], bound)

    def visit(self, e, bound, depth=0):
        if depth > MAX_DEPTH:
            raise StatementError("nested too deep")
        kind, parts, deeper = e.kind, e.parts, depth + 1
        if kind == "name":
            self.see(parts[0], bound)
        elif kind in ("quantifier", "exists"):
            body, binds, where = parts[-3:]
            self.visit(body, self.binds(binds, where, bound), deeper)
        elif kind == "member":
            self.visit(parts[0], bound, deeper)
            self.visit_set(parts[1], bound)
        elif kind == "image":
            self.visit_set(e, bound)
        elif kind == "target" and parts[0] in ("mean", "any"):
            self.visit_set(parts[1], bound)
        elif kind not in ("num", "string"):
            for part in parts:
                for x in part if isinstance(part, list) else [part]:
                    if isinstance(x, E):
                        self.visit(x, bound, deeper)
                if kind == "index":
                    bound = bound | {"last"}

    def see(self, name, bound):
        if name in self.models or name in self.data:
            if name not in self.used:
                self.used.append(name)
        elif name not in bound and name not in COMPONENTS and name != "inf":
            raise StatementError("unknown name '%s'" % name)


def text_order(lines, models):
    """Models (or data arrays) in order of first use in the text of the claim."""
    order = []
    for word in re.findall(r'"[^"]*"|[A-Za-z_][A-Za-z0-9_]*', "\n".join(lines)):
        if word in models and word not in order:
            order.append(word)
    return order


def read_statement(text):
    """The Statement in a canonical text; StatementError otherwise."""
    s = parse_statement(text)
    if show_statement(s) != text:
        raise StatementError("the statement is not canonical")
    return s


def parse_statement(text):
    """The Statement in a text that may differ from the canonical one in spaces, parentheses and fractions."""
    if not text.endswith("\n") or not all(c == "\n" or " " <= c <= "~" for c in text):
        raise StatementError("not ASCII lines")
    lines = text[:-1].split("\n")
    s = Statement()
    s.text, s.sha256 = text, hashlib.sha256(text.encode("ascii")).hexdigest()
    at = 0

    def line(start):
        nonlocal at
        if at < len(lines) and lines[at].startswith(start):
            at += 1
            return lines[at - 1][len(start):]
        return None

    if line("weightproof-statement ") != "1":
        raise StatementError("statement line 1: expected 'weightproof-statement 1'")
    s.models, s.data = {}, {}
    for word, names in (("model ", s.models), ("data ", s.data)):
        rest = line(word)
        while rest is not None:
            found = re.match(r"([A-Za-z_][A-Za-z0-9_]*) ([0-9a-f]{64})\Z", rest)
            if not found or found.group(1) in RESERVED or found.group(1) in s.models or found.group(1) in s.data:
                raise StatementError("statement line %d: bad %sline" % (at, word))
            names[found.group(1)] = found.group(2)
            rest = line(word)
    first = at
    semantics = line("semantics ")
    if semantics not in ("real", "float32"):
        raise StatementError("statement line %d: expected 'semantics real' or 'semantics float32'" % (at + 1))
    s.float32 = semantics == "float32"
    read_claim(s, lines, line, lambda: at)
    if at != len(lines):
        raise StatementError("statement line %d: unexpected line" % (at + 1))
    names_ok(s, lines[first + 1:])
    return s


def read_claim(s, lines, line, at):
    s.forall = s.where = s.at_most = s.within = s.prove = None
    s.binds = []
    rest = line("forall ")
    if rest is not None:
        p = Parser(rest, at())
        s.binds, s.where = p.binds()
        s.forall = s.binds
        p.end()
    for kind in ("prove", "count", "average", "minimize", "maximize", "list"):
        rest = line(kind + " ") if kind == "prove" or s.forall is None else None
        if rest is not None:
            break
    if rest is None:
        raise StatementError("statement line %d: expected a claim" % (at() + 1))
    s.kind = kind
    p = Parser(rest, at())
    if kind != "prove":
        s.binds, s.where = p.binds()
        p.need(":")
    s.body = p.expression()
    if kind == "list" and p.take("at"):
        p.need("most")
        digits = p.peek()
        if not re.match(r"(0|[1-9][0-9]{0,17})\Z", digits):
            p.fail("at most asks for an integer")
        p.at += 1
        s.at_most = int(digits)
    p.end()
    if kind in ("count", "average", "minimize", "maximize"):
        rest = line("within ")
        if rest is not None:
            p = Parser(rest, at())
            s.within = p.expression()
            p.end()
            if s.within.kind != "num" or s.within.parts[0] < 0:
                raise StatementError("statement line %d: within asks for a number" % at())
        rest = line("prove ")
        if rest is not None:
            p = Parser(rest, at())
            s.prove = p.expression()
            p.end()


def names_ok(s, lines):
    scope = Scope(s.models, s.data)
    bound = scope.binds(s.binds, s.where, set())
    scope.visit(s.body, bound)
    if s.prove is not None:
        scope.visit(s.prove, {"number", "total", "fraction"} if s.kind == "count" else {"value"})
    if set(scope.used) != set(s.models) | set(s.data):
        raise StatementError("the models and data are not those of the claim")
    if text_order(lines, s.models) != list(s.models) or text_order(lines, s.data) != list(s.data):
        raise StatementError("the models or data are not in order of first use")
