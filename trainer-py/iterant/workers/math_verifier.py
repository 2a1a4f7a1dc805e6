"""Is this response's answer the gold answer? math-verify in a helper process.

Knows neither tasks nor rewards. Says what happened rather than yes or no: math-verify answers False for a wrong
answer and for one it could not read or compare in time, and those must not earn the same zero.
Runs on the main thread, because its time limit is an alarm (alarm.py, in place of math-verify's, which rings but once);
what an alarm cannot interrupt (one huge integer power) ends with the process, killed by the parent at the deadline.
"""

import contextlib
import resource
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import product
from typing import Any, Literal

from iterant.workers.alarm import OutOfTime, within
from iterant.workers.ndjson import Helper, serve

Verdict = Literal["correct", "wrong", "unparsed_gold", "unparsed_response", "timeout", "error"]

# The budget for one reading and for one comparison, in seconds: math-verify's own.
STEP_LIMIT_S = 5.0
# A tower of powers asks for more memory than any machine has: it gets a MemoryError, not the machine.
MAX_ADDRESS_BYTES = 4 * 1024**3
MAX_GOLDS = 65_536
MAX_EXTRACTED_CHARACTERS = 200

# What math-verify's priorities stand for, best first: the phrase that decided what was taken for the answer.
RULES = {0: "final_answer", 50: "box", 100: "answer_colon", 200: "answer", 300: "anywhere"}


@dataclass
class Reading:
    """What was taken for the answer in one text.

    values  SymPy objects, and last the text they were read from; a text alone if nothing could be parsed
    rule    which kind of place it stood in, a value of RULES; None if nothing was parsed
    """

    values: list[Any]
    rule: str | None

    @property
    def is_parsed(self) -> bool:
        """True if at least one value is a SymPy object rather than a text."""
        return any(not isinstance(value, str) for value in self.values)

    @property
    def extracted(self) -> str | None:
        """The text that was taken for the answer, cut to a length that fits a record; None if there was none."""
        texts = [value for value in self.values if isinstance(value, str)]
        return texts[-1][:MAX_EXTRACTED_CHARACTERS] if texts else None


@dataclass
class MathVerifier:
    """math-verify with its defaults, golds read once, and a verdict that tells infrastructure from mathematics."""

    golds: "OrderedDict[str, Reading]" = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig, get_extraction_regexes

        targets = get_extraction_regexes([LatexExtractionConfig(), ExprExtractionConfig()])
        priorities = sorted({priority for patterns, _ in targets for _, priority in patterns})
        self.stages = [
            (RULES[priority], [([p for p in patterns if p[1] == priority], target) for patterns, target in targets])
            for priority in priorities
        ]

    def check_gold(self, params: dict[str, Any]) -> dict[str, Any]:
        """{gold} → {verdict, extracted}; `correct` here means that the gold can be compared with."""
        try:
            gold = self._gold(params["gold"])
        except OutOfTime:
            return {"verdict": "timeout", "extracted": None}
        return {"verdict": "correct" if gold.is_parsed else "unparsed_gold", "extracted": gold.extracted}

    def verify(self, params: dict[str, Any]) -> dict[str, Any]:
        """{gold, response} → {verdict, rule, extracted, ms}.

        The verdict is `correct` exactly where `math_verify.verify(parse(gold), parse(response))` is True, with a
        gold that has no delimiter of its own set between dollars.
        """
        began = time.perf_counter()
        verdict, reading = self._judge(params["gold"], params["response"])
        wall_ms = round((time.perf_counter() - began) * 1000, 3)
        rule, extracted = (reading.rule, reading.extracted) if reading else (None, None)
        return {"verdict": verdict, "rule": rule, "extracted": extracted, "ms": wall_ms}

    def read(self, text: str) -> Reading:
        """What math-verify's `parse` reads in a text, and where.

        `parse` goes through the same stages in the same order but does not say which of them matched.
        Raises OutOfTime after STEP_LIMIT_S.
        """
        return within(STEP_LIMIT_S, lambda: self._read(text))

    def _read(self, text: str) -> Reading:
        from math_verify.parser import extract_target_from_pred

        fallback: list[str] = []
        for rule, targets in self.stages:
            found = extract_target_from_pred(text, targets, fallback_mode="first_match", extraction_mode="any_match")
            fallback = fallback or [value for value in found if isinstance(value, str)]
            parsed = [value for value in found if not isinstance(value, str)]
            if parsed:
                return Reading(parsed + fallback, rule)
        return Reading(list(fallback), None)

    def _gold(self, gold: str) -> Reading:
        if gold in self.golds:
            self.golds.move_to_end(gold)
            return self.golds[gold]
        reading = self.read(with_delimiters(gold))
        self.golds[gold] = reading
        if len(self.golds) > MAX_GOLDS:
            self.golds.popitem(last=False)
        return reading

    def _judge(self, gold_text: str, response: str) -> tuple[Verdict, Reading | None]:
        try:
            gold = self._gold(gold_text)
            if not gold.is_parsed:
                return "unparsed_gold", None
            reading = self.read(response)
        except OutOfTime:
            return "timeout", None
        if not reading.values:
            return "unparsed_response", reading
        return self._compare(gold, reading), reading

    def _compare(self, gold: Reading, reading: Reading) -> Verdict:
        """math-verify's rule, one equal pair is enough, but a pair that could not be compared is not an unequal one."""
        from math_verify import verify

        verdict: Verdict = "wrong" if reading.is_parsed else "unparsed_response"
        for gold_value, value in product(gold.values, reading.values):
            try:
                if within(STEP_LIMIT_S, partial(verify, gold_value, value, timeout_seconds=None, raise_on_error=True)):
                    return "correct"
            except OutOfTime:
                verdict = "timeout"
            except Exception:
                # What SymPy raises on odd input is without bound; a pair that timed out already says more.
                verdict = "timeout" if verdict == "timeout" else "error"
        return verdict


def with_delimiters(gold: str) -> str:
    """A gold as math-verify can read it: `\\sqrt{17}` alone would be read as nothing, or as 17.

    Anything that brings its own delimiter or box is left as it is; the rest is set between dollars, on one line.
    """
    bare = gold.replace("\\$", "")
    if any(mark in bare for mark in ("$", "\\(", "\\[", "\\boxed", "\\fbox")):
        return gold
    return f"${' '.join(gold.split())}$"


def load() -> Helper:
    """Imports math-verify (a second on a fast machine, half a minute on a slow one) and runs it once to warm it up."""
    _limit_memory()
    verifier = MathVerifier()
    warm = verifier.verify({"gold": "\\frac{1}{2}", "response": "so it is \\boxed{0.5}"})
    if warm["verdict"] != "correct":
        raise RuntimeError(f"the verifier finds 1/2 and 0.5 {warm['verdict']} - math-verify {version('math-verify')}")
    packages = ("math-verify", "latex2sympy2_extended", "sympy", "antlr4-python3-runtime")
    return Helper(
        name="math-verifier",
        versions={package: version(package) for package in packages},
        methods={"verify": verifier.verify, "check_gold": verifier.check_gold},
    )


def _limit_memory() -> None:
    # A system without this limit, or with a lower one already set, keeps what it has.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))


if __name__ == "__main__":
    serve(load)
