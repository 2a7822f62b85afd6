"""Verdicts as typed objects."""
from __future__ import annotations

import html
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Union

import numpy as np

from ._errors import NotProved

Binding = Dict[str, Union[int, np.ndarray]]


class Verdict(str, Enum):
    PROVED = "proved"
    BOUNDED = "bounded"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    VACUOUS = "vacuous"
    ERROR = "error"

    def __str__(self) -> str:
        return self.value


def _binding(b: Optional[Mapping[str, Any]]) -> Optional[Binding]:
    return None if b is None else {k: _array(v) if isinstance(v, list) else v for k, v in b.items()}


def _array(v: List[Any]) -> np.ndarray:
    """A sequence of integers, or a real vector, whose entries are exact."""
    return np.array([Fraction(x) for x in v], dtype=object) if any(isinstance(x, str) for x in v) else np.array(v)


def _fraction(text: Optional[str]) -> Optional[Fraction]:
    return None if text is None else Fraction(text)


@dataclass(frozen=True)
class Claim:
    """One claim (and one `foreach` value) with its verdict. `lo` and `hi` are exact rationals that enclose the value: of an average or
    optimum, of the fraction of a count, of the slack of a `prove` claim; None where an end is not known."""

    name: str
    kind: str
    verdict: Verdict
    evidence: str
    result: str
    semantics: str
    lo: Optional[Fraction]
    hi: Optional[Fraction]
    number: Optional[Tuple[int, int]]
    total: Optional[Tuple[int, int]]
    counterexample: Optional[Binding]
    witness: Optional[Binding]
    attains: Optional[Binding]
    items: Optional[List[Binding]]
    items_complete: Optional[bool]
    expected: bool
    engine: Optional[str]
    reason: Optional[str]
    statement: Optional[str]
    certificate: Optional[str]
    seconds_prove: float
    seconds_check: float
    json: Mapping[str, Any] = field(repr=False)

    @property
    def proved(self) -> bool:
        return self.verdict is Verdict.PROVED

    def __str__(self) -> str:
        return f"{self.verdict.value:9}  {self.name}: {self.result}"


def claim_of(j: Mapping[str, Any], name: str, result: str) -> Claim:
    count = ((int(j["number_lo"]), int(j["number_hi"])) if "number_lo" in j else None)
    total = ((int(j.get("total", j.get("total_lo", 0))), int(j.get("total", j.get("total_hi", 0)))) if count else None)
    verdict = Verdict(j["verdict"])
    expect = j.get("expect")
    return Claim(
        name=name, kind=j["kind"], verdict=verdict, evidence=j["evidence"], result=result, semantics=j["semantics"],
        lo=_fraction(j.get("lo_exact")), hi=_fraction(j.get("hi_exact")), number=count, total=total,
        counterexample=_binding(j.get("counterexample")), witness=_binding(j.get("witness")), attains=_binding(j.get("attains")),
        items=[_binding(b) for b in j["items"]] if "items" in j else None, items_complete=j.get("items_complete"),
        expected=verdict.value == expect if expect else verdict in (Verdict.PROVED, Verdict.BOUNDED),
        engine=j.get("engine"), reason=j.get("reason"), statement=j.get("statement"), certificate=j.get("certificate"),
        seconds_prove=j["seconds_prove"], seconds_check=j["seconds_check"], json=j)


_COLOURS = {Verdict.PROVED: "#1a7f37", Verdict.BOUNDED: "#0969da", Verdict.REFUTED: "#cf222e", Verdict.UNDECIDED: "#9a6700",
            Verdict.VACUOUS: "#9a6700", Verdict.ERROR: "#82071e"}


@dataclass(frozen=True)
class Results:
    """All verdicts of one run, in the order of the file; results["name"] is the claim of that name."""

    claims: List[Claim]
    status: int
    interrupted: bool
    seconds: float
    messages: str
    json: Mapping[str, Any] = field(repr=False)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def __getitem__(self, key: Union[str, int]) -> Claim:
        if isinstance(key, int):
            return self.claims[key]
        for claim in self.claims:
            if claim.name == key:
                return claim
        raise KeyError(f"no claim '{key}'; there are {', '.join(c.name for c in self.claims)}")

    @property
    def proved(self) -> bool:
        """Is every claim proved or bounded, and none left?"""
        return not self.interrupted and self.status == 0

    def raise_if_not_proved(self) -> "Results":
        """For tests: NotProved (an AssertionError) unless every claim is proved (or bounded, for a claim that asks for a number)."""
        return self._raise([c for c in self.claims if c.verdict not in (Verdict.PROVED, Verdict.BOUNDED)], "not proved")

    def raise_if_unexpected(self) -> "Results":
        """NotProved unless every verdict is the one that the claim's `expect` line names (proved or bounded without one)."""
        return self._raise([c for c in self.claims if not c.expected], "not as expected")

    def _raise(self, bad: List[Claim], what: str) -> "Results":
        if bad or self.interrupted or not self.claims:
            lines = [f"{len(bad)} of {len(self.claims)} claims {what}"] + [f"  {c}" for c in bad]
            if self.interrupted:
                lines.append("  the run was interrupted")
            raise NotProved("\n".join(lines), bad)
        return self

    def __str__(self) -> str:
        return "\n".join(map(str, self.claims)) + ("\ninterrupted" if self.interrupted else "")

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='color:{_COLOURS[c.verdict]};font-weight:bold'>{c.verdict.value}</td><td>{html.escape(c.name)}</td>"
            f"<td style='text-align:left'>{html.escape(c.result)}</td><td>{html.escape(c.semantics)}</td><td>{html.escape(c.evidence)}</td>"
            f"<td>{html.escape(c.engine or '')}</td><td>{c.seconds_prove:.2f} s + {c.seconds_check:.2f} s</td></tr>" for c in self.claims)
        note = "<p>interrupted: what is not listed was not decided</p>" if self.interrupted else ""
        return ("<table><tr><th>verdict</th><th>claim</th><th>result</th><th>semantics</th><th>evidence</th><th>engine</th><th>prove + check</th></tr>"
                f"{rows}</table>{note}")
