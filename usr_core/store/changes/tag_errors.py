"""Errors of tags."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError, offered

__all__ = ["NothingToTag", "TagExists", "TagMissing", "TagNameInvalid"]


class TagNameInvalid(UsrError, ValueError):
    """A text can't be the name of a tag."""

    code = "USR-HISTORY-006"
    exit_code = ExitCode.USAGE
    template = "{name:quoted} can't be the name of a tag: {reason}."
    hint_template = "Give a name such as v1.0 or before-merge."


class TagExists(UsrError, FileExistsError):
    """A tag names another version already."""

    code = "USR-HISTORY-007"
    template = "The tag {name} of {dataset:visible} names version {version} already."
    hint_template = "Give another name, or take this one away first: usr tag remove {dataset:visible} {name}"


class TagMissing(UsrError, LookupError):
    """A dataset has no such tag."""

    code = "USR-HISTORY-016"
    exit_code = ExitCode.MISSING
    template = "{dataset:visible} has no tag {name:quoted}."
    hint_template = "Its tags: {offered}. `usr tag list {dataset:visible}` tells their versions."
    there: tuple[str, ...] = ()

    @property
    def offered(self) -> str:
        """The tags that it has."""
        return offered(self.there)


class NothingToTag(UsrError, LookupError):
    """A dataset has no event, and so no version that could be named."""

    code = "USR-HISTORY-017"
    exit_code = ExitCode.MISSING
    template = "{dataset:visible} has no version to name: its log has no event."
    hint_template = "Change the dataset, or `usr doctor {dataset:visible} --adopt`."
