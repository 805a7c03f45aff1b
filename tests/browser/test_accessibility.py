"""What axe finds wrong with the page for people who use a screen reader, a keyboard, or see little colour."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.steps import fold, generate, set_up, settle, word

pytestmark = pytest.mark.browser

GRAVE = {"serious", "critical"}
AT_REST = """async () => {
  const passing = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < 1e9);
  await Promise.allSettled(passing.map((one) => one.finished));
}"""  # a colour on its way from one to the other has a contrast of its own


def found(page) -> list[str]:
    """Every grave finding as a line: which rule, where, and why."""
    page.evaluate(AT_REST)
    answer = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{violation['id']} ({violation['impact']}) at {node['target']}: {node['failureSummary']}\n    {node['html']}"
        for violation in answer["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def told(findings: list[str]) -> str:
    return "\n\n".join(findings)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_empty_page(open_page, scheme):
    page = open_page(color_scheme=scheme)
    settle(page)
    fold(page)
    assert not (wrong := found(page)), told(wrong)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_result_with_a_word_explained(open_page, scheme):
    page = open_page(color_scheme=scheme)
    set_up(page)
    generate(page)
    word(page, 2).hover()
    assert not (wrong := found(page)), told(wrong)
