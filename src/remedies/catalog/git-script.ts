/**
 * A program that runs git in a folder, also where one that was killed left it half done: locks,
 * drafts, a repository without a head, submodules that were cloned or checked out in part. What is
 * whole is gone on with; what is not is fetched again.
 */
export const gitScript = `"""Runs git in a folder, also where a killed one left it half done."""

import os
import pathlib
import shutil
import subprocess
import sys

folder = pathlib.Path(sys.argv[1]).resolve()
repository = folder / ".git"
removed = repository / "rekindle-removed"
# Where the folder is no repository, none above it is meant.
os.environ["GIT_CEILING_DIRECTORIES"] = str(folder.parent)


def succeeds(*arguments):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.call(["git", *arguments], **quiet) == 0


def remove(path):
    """All of it at once, as seen from outside: this program may be killed as well."""
    removed.mkdir(parents=True, exist_ok=True)
    away = removed / str(len(os.listdir(removed)))
    path.rename(away)
    if away.is_dir():
        shutil.rmtree(away)


def remove_drafts():
    if removed.is_dir():
        shutil.rmtree(removed)
    for pattern in ("*.lock", "objects/**/tmp_*", "modules/**/objects/**/tmp_*"):
        for path in list(repository.rglob(pattern)):
            if path.exists():
                remove(path)


def mend_index(git_dir, *git):
    index = git_dir / "index"
    if index.exists() and not succeeds(*git, "ls-files"):
        index.unlink()
        succeeds(*git, "read-tree", "HEAD")


def keep_whole(path):
    """Removes repositories without a head below a folder; tells whether any is left."""
    git = ("--git-dir", str(path), "--work-tree", str(folder))
    is_clone = succeeds("config", "--file", str(path / "config"), "remote.origin.url")
    if is_clone and succeeds(*git, "cat-file", "-e", "HEAD^{tree}"):
        mend_index(path, *git)
        if (path / "modules").is_dir():
            keep_whole(path / "modules")
        return True
    is_part = any((path / name).exists() for name in ("HEAD", "config", "objects", "refs"))
    within = [] if is_part else sorted(each for each in path.iterdir() if each.is_dir())
    is_needed = any([keep_whole(each) for each in within])
    if not is_needed:
        remove(path)
    return is_needed


def is_linked(link):
    """Whether a submodule's .git leads to a repository that is there."""
    word, _, target = link.read_text().strip().partition(" ")
    place = (link.parent / target).resolve()
    return word == "gitdir:" and place.is_dir() and repository / "modules" in place.parents


def mend():
    git = ("--git-dir", str(repository), "--work-tree", str(folder))
    if not succeeds(*git, "rev-parse", "--git-dir"):
        if repository.exists():
            shutil.rmtree(repository)
        subprocess.check_call(["git", "init", "--quiet", str(folder)])
    remove_drafts()
    mend_index(repository, *git)
    if (repository / "modules").is_dir():
        keep_whole(repository / "modules")
    for place, folders, files in os.walk(folder):
        if pathlib.Path(place) == folder:
            folders.remove(".git")
        elif ".git" in files and not is_linked(pathlib.Path(place, ".git")):
            folders.clear()
            remove(pathlib.Path(place))


mend()
sys.exit(subprocess.call(["git", "-C", str(folder), *sys.argv[2:]]))
`;
