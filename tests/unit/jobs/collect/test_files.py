"""Which files a source names in a real folder: globs, .gitignore files, links, and names that are no text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.config.sources import Source
from studio.jobs.collect.files import Named, find, wanted
from studio.jobs.collect.globs import GlobError, excluder, glob
from studio.jobs.collect.pieces import Skipped
from studio.jobs.collect.survey import Survey


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x\n")


def named(
    root: Path,
    *include: str,
    exclude: tuple[str, ...] = (),
    gitignore: bool = True,
    never: frozenset[str] = frozenset(),
) -> list[str]:
    return [
        each.path
        for each in listed(root, *include, exclude=exclude, gitignore=gitignore, never=never)
        if isinstance(each, Named)
    ]


def listed(
    root: Path,
    *include: str,
    exclude: tuple[str, ...] = (),
    gitignore: bool = True,
    never: frozenset[str] = frozenset(),
) -> list[Named | Skipped]:
    source = Source(category="technical", include=include, exclude=exclude, gitignore=gitignore)
    globs, told = wanted(source)
    return [*told, *find(".", root, [globs], never)]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.md", ["a.md", ".md", "ö [x].md"], ["b/a.md", "a.mdx"]),
        ("**/*.rs", ["a.rs", "b/a.rs", "b/c/a.rs"], ["a.rs/b"]),
        ("src/**/*.rs", ["src/a.rs", "src/b/c/a.rs"], ["a.rs", "xsrc/a.rs", "b/src/a.rs"]),
        ("src/**", ["src/a", "src/b/c"], ["src", "srcx/a"]),
        ("a?c/[x-z].t", ["abc/y.t"], ["a/c/y.t", "abc/w.t"]),
        ("[!a].md", ["b.md"], ["a.md", "/.md"]),
        ("./docs//a.md", ["docs/a.md"], ["a.md"]),
        ("[.md", ["[.md"], ["x.md"]),
        ("a.b", ["a.b"], ["axb", "a.b\n"]),
    ],
)
def test_a_glob_names_what_its_letters_say(pattern: str, yes: list[str], no: list[str]) -> None:
    made = glob(pattern)
    assert [path for path in yes if not made.names(path)] == []
    assert [path for path in no if made.names(path)] == []
    # A file that is named is in folders that may hold it.
    assert all(made.may_hold(path.split("/")[:depth]) for path in yes for depth in range(path.count("/") + 1))


def test_folders_that_cannot_hold_a_file_are_not_entered() -> None:
    made = glob("src/*/x/*.rs")
    assert made.may_hold(["src"])
    assert made.may_hold(["src", "a", "x"])
    assert not made.may_hold(["docs"])
    assert not made.may_hold(["src", "a", "y"])
    assert not made.may_hold(["src", "a", "x", "deeper"])


@pytest.mark.parametrize("pattern", ["/etc/*", "~/x", "C:/x", "", "./", "a/../b", "a**/b", "[z-a]"])
def test_a_glob_that_cannot_be_used_is_refused(pattern: str) -> None:
    with pytest.raises(GlobError):
        glob(pattern)


def test_excludes_hold_at_any_depth_for_files_and_whole_folders(tmp_path: Path) -> None:
    put(
        tmp_path,
        "a.py",
        "vendor/b.py",
        "x/vendor/deep/c.py",
        "x/skip_d.py",
        "x/e.py",
        "training/turkish_a.py",
    )
    assert named(tmp_path, "**/*.py", exclude=("vendor", "skip_*.py", "training/turkish_*.py")) == [
        "a.py",
        "x/e.py",
    ]
    assert excluder(()) is None


def test_gitignore_files_are_obeyed_as_git_does(tmp_path: Path) -> None:
    put(
        tmp_path,
        "keep.md",
        "a.log.md",
        "sub/a.log.md",
        "sub/keep.md",
        "build/x.md",
        "sub/build/x.md",
        "sub/root.md",
    )
    put(tmp_path, "target/deep/x.md", "notes/private.md", "notes/public.md", "root.md")
    (tmp_path / ".gitignore").write_text(
        "# a comment\n*.log.md\n/build\ntarget/\n/root.md\nnotes/*\n!notes/public.md\n[z-a\n!\n"
    )
    (tmp_path / "sub" / ".gitignore").write_text("!a.log.md\n")
    assert named(tmp_path, "**/*.md") == [
        "keep.md", "notes/public.md", "sub/a.log.md", "sub/keep.md", "sub/root.md", "sub/build/x.md",
    ]  # fmt: skip
    skipped = {each.path: each.reason for each in listed(tmp_path, "**/*.md") if isinstance(each, Skipped)}
    assert skipped == dict.fromkeys(("a.log.md", "notes/private.md", "root.md"), "a .gitignore leaves it out")
    assert len(named(tmp_path, "**/*.md", gitignore=False)) == 11


def test_a_root_inside_a_repository_obeys_the_files_above_it(tmp_path: Path) -> None:
    put(tmp_path, "repo/part/docs/a.md", "repo/part/docs/secret.md", "repo/part/out/b.md", "repo/part/c.md")
    (tmp_path / ".gitignore").write_text("*.md\n")
    (tmp_path / "repo" / ".git" / "info").mkdir(parents=True)
    (tmp_path / "repo" / ".git" / "info" / "exclude").write_text("secret.md\n")
    (tmp_path / "repo" / ".gitignore").write_text("/part/out\n")
    # What stands above the repository is another one's.
    assert named(tmp_path / "repo" / "part", "**/*.md") == ["c.md", "docs/a.md"]


@pytest.mark.parametrize("line", [".demo/", ".demo", "*", "/.demo/**"])
def test_a_root_that_is_left_out_itself_was_named_all_the_same(tmp_path: Path, line: str) -> None:
    """`make run` makes its demo in a folder that the checkout's own .gitignore leaves out."""
    put(tmp_path, ".demo/sources/a.md", ".demo/sources/b.md", "c.md")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text(f"{line}\n")
    (tmp_path / ".demo" / ".gitignore").write_text("b.md\n")
    assert named(tmp_path / ".demo", "**/*.md") == ["sources/a.md"]
    assert named(tmp_path / ".demo" / "sources", "*.md") == ["a.md", "b.md"]


def test_links_and_places_of_the_studio_are_not_entered(tmp_path: Path) -> None:
    put(tmp_path, "a/b/x.md", "a/db/y.md", ".git/z.md", ".github/w.md")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "b" / "up").symlink_to("..")
    found = listed(tmp_path, "**/*.md", never=frozenset({os.path.realpath(tmp_path / "a" / "db")}))
    assert [each.path for each in found if isinstance(each, Named)] == [".github/w.md", "a/b/x.md"]
    assert {each.path for each in found if isinstance(each, Skipped)} == {"a/loop", "a/b/up"}


def test_a_name_that_is_no_text_is_left_out_by_a_name_that_is(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    (tmp_path / "[red]\x1b[31m.md").write_text("x")
    found = listed(tmp_path, "*.md")
    assert [each.path for each in found] == ["[red]\x1b[31m.md", "caf\ufffd.md"]
    assert isinstance(found[1], Skipped)


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    source, _ = wanted(Source(category="technical", include=("**/*.md",)))
    walk = find(".", tmp_path, [source], frozenset())
    (tmp_path / "gone").mkdir()
    assert isinstance(next(walk), Named)
    (tmp_path / "gone").rmdir()
    (last,) = walk
    assert isinstance(last, Skipped)
    assert last.path == "gone/"


def test_what_is_out_of_reach_is_not_taken_for_gone() -> None:
    survey = Survey(away={"~/usb"}, unread={(".", "a/locked.md"), (".", "b/locked/"), ("x", "/")})
    for key in (("~/usb", "any.md"), (".", "a/locked.md"), (".", "b/locked/deep/c.md"), ("x", "any/d.md")):
        assert survey.may_come_back(("technical", *key)), key
    for key in ((".", "a/other.md"), (".", "b/lock/c.md"), (".", "b/locked.md"), ("y", "any/d.md")):
        assert not survey.may_come_back(("technical", *key)), key
