"""The pages for readers: every link works, the README's also outside the repository, and excerpts are in the code."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
OURS = re.compile(re.escape(REPOSITORY) + r"/(?:blob|tree)/main/")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.S | re.M)
EXCERPT = re.compile(r"<!-- in: (\S+) -->\n```\w+\n(.*?)```", re.S)


def tracked(*patterns):
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(name for name in names.split("\0") if name and (ROOT / name).is_file())


PAGES = tracked("*.md")
LINKS = [
    (page, link)
    for page in PAGES
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", (ROOT / page).read_text())))
]
EXCERPTS = [(page, *found) for page in PAGES for found in EXCERPT.findall((ROOT / page).read_text())]


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub and myst-parser create them."""
    text = FENCE.sub("", page.read_text())
    made: set[str] = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in made:
            number += 1
        made.add(name)
    return made


def wrong(page: str, link: str) -> str:
    """Returns the reason why a link is broken, or an empty text."""
    ours = OURS.match(link)
    if not ours and re.match(r"\w+:", link):
        return ""
    path, _, anchor = (link[ours.end() :] if ours else link).partition("#")
    there = ROOT / path if ours else (ROOT / page).parent / path if path else ROOT / page
    if not there.exists():
        return f"{page} links to {link}, which does not exist"
    if anchor and anchor not in anchors(there):
        return f"{page} links to {link}, and there is no such heading"
    return ""


def test_every_link_leads_somewhere():
    assert len(LINKS) > 100
    assert [text for text in (wrong(*each) for each in LINKS) if text] == []


def test_a_wrong_link_is_seen():
    assert wrong("README.md", "docs/none.md") and wrong("README.md", "docs/style.md#none")
    assert wrong("README.md", f"{REPOSITORY}/blob/main/docs/none.md")
    assert not wrong("docs/style.md", "glossary.md#glossary")


def test_the_readme_can_be_read_outside_the_repository():
    """Galaxy shows a README alone, also that of a role, so a relative link would lead to a page of Galaxy's."""
    shown = re.compile(r"(?:roles/\w+/)?README\.md$")
    relative = [link for page, link in LINKS if shown.match(page) and not re.match(r"#|https://", link)]
    assert relative == []


@pytest.mark.parametrize(("page", "name", "text"), EXCERPTS)
def test_an_excerpt_is_in_its_file(page, name, text):
    assert text in (ROOT / name).read_text(), f"{page} shows lines that are no longer in {name}"


def test_there_are_excerpts():
    assert len(EXCERPTS) > 5


#: File and -k of each command or mention that selects tests.
SELECTED = re.compile(r"(test_\w+\.py)(?: -s)? -k (\"[\w ]+\"|\w+)")


@pytest.mark.parametrize("page", [page for page in PAGES if SELECTED.search((ROOT / page).read_text())])
def test_a_selection_of_tests_selects_some(page):
    for name, words in SELECTED.findall((ROOT / page).read_text()):
        sources = [(ROOT / path).read_text() for path in tracked(f"tests/*/{name}")]
        for word in words.strip('"').split(" or "):
            found = any(re.search(rf"def test_\w*{word}", source) for source in sources)
            assert found, f"{page}: {name} has no test for -k {word}"


#: Phrases that docs/style.md replaces.
TRANSLATED = re.compile(
    r"\bonce an? (?:cluster|stack|node|service|host)\b|\bstands? (?:in|there|at|beside|in the way)\b"
    r"|(?<!there )\bis no (?!longer|more)[a-z]+ (?:of|name)\b|\bmend(?:s|ed)?\b|\banew\b"
    r"|\bbut for\b|\ball but\b|\bborne\b|\bin vain\b|\bsomebody\b",
    re.I,
)
READ_FIRST = [page for page in PAGES if re.match(r"[A-Z]+\.md$|docs/(?!style|keys)", page)]


@pytest.mark.parametrize("page", READ_FIRST)
def test_a_page_is_plain_english(page):
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", (ROOT / page).read_text()))
    assert TRANSLATED.findall(prose) == [], "docs/style.md has better words"
