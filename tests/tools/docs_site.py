"""Collects the pages of the documentation site in a folder: docs/, the playbooks and the changelog.

.cache/venv/bin/python tests/tools/docs_site.py FOLDER
"""

import re
import shutil
import sys
from pathlib import Path, PurePosixPath

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Pages of the repository's root, and their names on the site.
OF_THE_ROOT = {"CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md", "CHANGELOG.rst": "changelog.rst"}
LINK = re.compile(r"(\[[^\]]*\]\()([^)\s]+)(\))")
PLAYBOOKS = """\
# Playbooks

Run a playbook by its full name, such as `ansible-playbook stackwright.swarm.deploy`, or import it. An empty variable
counts as not set, so all of them can be [answers of an AWX survey](guides/awx.md).
"""


def repository() -> str:
    """Returns the address of the repository from galaxy.yml."""
    return yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]


def target(link: str, page: Path) -> str:
    """Returns the target of a page's link on the site.

    A page of the site stays relative. Any other file becomes an address of the repository.
    Raises LookupError if there is no such file.
    """
    path, _, anchor = link.partition("#")
    start = f"{repository()}/blob/main/"
    if link.startswith(start):
        path = path[len(start) :]
        there = ROOT / path
    elif not path or ":" in path:
        return link
    else:
        there = (page.parent / path).resolve()
    if not there.exists():
        raise LookupError(f"{page.relative_to(ROOT)} links to {link}, which does not exist")
    inside = there.relative_to(ROOT)
    name = OF_THE_ROOT.get(str(inside)) or (
        str(there.relative_to(DOCS)) if there.suffix == ".md" and DOCS in there.parents else None
    )
    if name is None:
        return f"{repository()}/{'tree' if there.is_dir() else 'blob'}/main/{inside}"
    home = place(page).parent
    up = "../" * len(home.parts)
    return f"{up}{name}" + (f"#{anchor}" if anchor else "")


def place(page: Path) -> PurePosixPath:
    """Returns the path of a page on the site."""
    name = OF_THE_ROOT.get(str(page.relative_to(ROOT)))
    return PurePosixPath(name) if name else PurePosixPath(page.relative_to(DOCS))


def moved(page: Path) -> str:
    """Returns a page's text, with its links for the site."""
    text = page.read_text(encoding="utf-8")
    return LINK.sub(lambda found: found[1] + target(found[2], page) + found[3], text)


def pages() -> list:
    """Returns all pages of the repository that are on the site."""
    return [*sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("*/*.md"))] + [
        ROOT / name for name in OF_THE_ROOT if (ROOT / name).exists()
    ]


def playbook(path: Path) -> str:
    """Returns the section about a playbook, from its first comment."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("#"):
            break
        lines.append(line[2:])
    parts = [f"\n## {path.stem}\n"]
    for block in "\n".join(lines).split("\n\n"):
        if block.startswith("  "):
            commands = "\n".join(f"$ {line.strip()}" for line in block.splitlines())
            parts.append(f"```console\n{commands}\n```\n")
        elif "\n  " in block:
            head, _, rest = block.partition("\n")
            parts.append(f"{head}\n\n```text\n{rest}\n```\n")
        else:
            parts.append(block + "\n")
    return "\n".join(parts)


def decisions() -> str:
    """Returns an index of the decisions."""
    names = "\n".join(path.stem for path in sorted(DOCS.glob("decisions/*.md")))
    return f"# Decisions\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"


def main(folder: Path) -> None:
    """Writes all pages."""
    shutil.copytree(DOCS / "docsite" / "sphinx", folder, dirs_exist_ok=True)
    for page in pages():
        there = folder / place(page)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(moved(page), encoding="utf-8")
    books = "".join(playbook(path) for path in sorted((ROOT / "playbooks").glob("*.yml")))
    (folder / "playbooks.md").write_text(PLAYBOOKS + books, encoding="utf-8")
    (folder / "decisions" / "index.md").write_text(decisions(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
