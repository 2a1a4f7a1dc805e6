"""The verifier against math-verify itself, and on inputs that hang it, crash it or say nothing."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from math_verify import parse, verify

from iterant.workers.math_verifier import MathVerifier, with_delimiters

VERIFIER = MathVerifier()


def judge(gold: str, response: str) -> dict[str, Any]:
    return VERIFIER.verify({"gold": gold, "response": response})


# Answers of the kinds that sets of problems hold, and a few that are none.
ANSWERS = st.sampled_from(
    [
        *("5", "-5", "1,000", "0.5", ".5", "033", "5.0", "12345678901234567890", "50%", "5\\%", "\\$5", "5 km"),
        *(
            "\\frac{1}{2}",
            "\\frac12",
            "1/2",
            "\\sqrt{17}",
            "2\\sqrt{3}",
            "x^2+1",
            "x=5",
            "\\pi",
            "e^{i\\pi}",
            "\\infty",
        ),
        *("(1,2)", "[0,1)", "\\{1,2\\}", "1,2", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "5\\text{ meters}", "x > 3"),
        *("\\text{east}", "\\text{(A)}", "Evelyn", "", " ", "\\frac{1}{", "}{", "@@", "answer 7", "\\frac{1}{2} @@"),
    ]
)
WORDS = ["So ", "the answer is ", "Answer: ", "final answer is ", "The final answer is: ", "I hope it is correct.", "."]
PIECES = st.one_of(
    st.sampled_from([*WORDS, "\n", " and ", " or ", ", ", " = ", "}", "{", "[", "]", "$", "**", "7", " 8 ", "%"]),
    ANSWERS,
    ANSWERS.map(lambda answer: f"\\boxed{{{answer}}}"),
    ANSWERS.map(lambda answer: f"\\fbox{{{answer}}}"),
    ANSWERS.map(lambda answer: f"${answer}$"),
    ANSWERS.map(lambda answer: f"\\[{answer}\\]"),
    ANSWERS.map(lambda answer: f"\\({answer}\\)"),
    ANSWERS.map(lambda answer: f" [{answer}] "),
)
RESPONSES = st.lists(PIECES, max_size=8).map("".join)


@settings(max_examples=300, deadline=None)
@given(RESPONSES)
def test_a_text_is_read_as_math_verify_reads_it(text: str) -> None:
    assert VERIFIER.read(text).values == parse(text)


@settings(max_examples=200, deadline=None)
@given(ANSWERS, RESPONSES)
@example("10^8!", "\\boxed{10^8!}")
def test_a_response_is_correct_exactly_where_math_verify_says_so(gold: str, response: str) -> None:
    read_gold = parse(with_delimiters(gold))
    is_gold_read = any(not isinstance(value, str) for value in read_gold)
    verdict = judge(gold, response)["verdict"]
    assert (verdict == "unparsed_gold") == (not is_gold_read)
    if is_gold_read and verdict not in ("timeout", "error"):
        assert (verdict == "correct") == verify(read_gold, parse(response))


@pytest.mark.parametrize(
    ("gold", "response", "verdict", "rule", "extracted"),
    [
        ("72", "She sold \\boxed{72} clips.", "correct", "box", "72"),
        ("1,000", "\\boxed{1000}", "correct", "box", "1000"),
        ("72", "She sold 72 clips.", "correct", "anywhere", "72"),
        ("72", "The answer is 71, as 72 is even.", "wrong", "answer", "71"),
        ("72", "Answer: 72", "correct", "answer_colon", "72"),
        ("72", "So the final answer is $72$. I hope it is correct.", "correct", "final_answer", "72"),
        ("5", "\\boxed{5} or \\boxed{6}", "wrong", "box", "5,6"),
        ("5", "\\boxed{4} is what I found at first but it is: \\boxed{5}", "correct", "box", "5"),
        ("5", "I do not know", "unparsed_response", None, None),
        ("5", "", "unparsed_response", None, None),
        ("5", "\\boxed{\\frac{1}{}}", "unparsed_response", None, "\\frac{1}{}"),
        ("\\frac{1}{", "\\boxed{5}", "unparsed_gold", None, None),
        ("\\frac{1}{2}", "\\boxed{0.5}", "correct", "box", "\\frac{1}{2}"),
        ("\\sqrt{17}", "$\\sqrt{17}$", "correct", "anywhere", "\\sqrt{17}"),
        ("5\\%", "0.05", "correct", "anywhere", "0.05"),
        ("5", "\\boxed{5 \\text{ meters}}", "correct", "box", "5"),
        ("(1,2)", "\\boxed{(1,2)}", "correct", "box", "(1,2)"),
        ("[0,1)", "\\boxed{(0,1]}", "wrong", "box", "(0,1]"),
        ("\\{1,2\\}", "\\boxed{\\{2,1\\}}", "correct", "box", "\\{2,1\\}"),
        ("1, 2", "$1$ and $2$", "correct", "anywhere", "1 and 2"),
        (
            "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
            "\\boxed{\\begin{pmatrix}1\\\\2\\end{pmatrix}}",
            "correct",
            "box",
            "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
        ),
        ("5", "\ud800 \\boxed{5} \udfff", "correct", "box", "5"),
        ("\\text{east}", "\\boxed{\\text{east}}", "correct", "box", "\\text{east}"),
    ],
)
def test_a_verdict_says_what_was_taken_for_the_answer_and_where(
    gold: str, response: str, verdict: str, rule: str | None, extracted: str | None
) -> None:
    said = judge(gold, response)
    assert said.pop("ms") >= 0
    assert said == {"verdict": verdict, "rule": rule, "extracted": extracted}


@pytest.mark.parametrize(
    "answer", ["9^{9^9}", "10^8!", "\\sum_{k=1}^{10^9} \\frac{1}{k}"], ids=["tower", "factorial", "sum"]
)
def test_a_comparison_that_hangs_is_a_timeout_not_a_wrong_answer(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iterant.workers.math_verifier.STEP_LIMIT_S", 1)
    assert judge("4", f"\\boxed{{{answer}}}")["verdict"] == "timeout"
    assert judge("4", "\\boxed{4}")["verdict"] == "correct"


def test_a_comparison_that_raises_is_an_error_not_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: object, **__: object) -> bool:
        raise RecursionError("too deep")

    monkeypatch.setattr("math_verify.verify", raises)
    assert judge("4", "\\boxed{5}")["verdict"] == "error"


@pytest.mark.parametrize(
    "response", ["x " * 35_000, "$1$ " * 17_500, "(" * 300 + "1" + ")" * 300, "1+10^" * 14_000, "\\boxed{" * 10_000]
)
def test_a_huge_or_nested_response_is_judged(response: str) -> None:
    assert judge("4", response)["verdict"] in ("wrong", "unparsed_response")


def test_a_gold_is_read_once() -> None:
    verifier = MathVerifier()
    for answer in ("1", "2", "3"):
        verifier.verify({"gold": "\\frac{7}{3}", "response": f"\\boxed{{{answer}}}"})
    assert list(verifier.golds) == ["\\frac{7}{3}"]


@pytest.mark.parametrize(
    ("gold", "verdict"), [("72", "correct"), ("\\text{east}", "correct"), ("\\frac{1}{", "unparsed_gold")]
)
def test_a_gold_can_be_checked_before_a_run(gold: str, verdict: str) -> None:
    assert VERIFIER.check_gold({"gold": gold})["verdict"] == verdict


@pytest.mark.parametrize(
    ("gold", "delimited"),
    [
        ("\\sqrt{17}", "$\\sqrt{17}$"),
        ("$5$", "$5$"),
        ("\\$5", "$\\$5$"),
        ("\\boxed{5}", "\\boxed{5}"),
        ("\\(5\\)", "\\(5\\)"),
        ("1,\n 2", "$1, 2$"),
    ],
)
def test_a_gold_gets_delimiters_unless_it_has_some(gold: str, delimited: str) -> None:
    assert with_delimiters(gold) == delimited
