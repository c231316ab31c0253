"""The page of `usr explore`, served by a process of its own while Python goes on."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Self

from usr_core.errors import ExitCode, UsrError, visible

__all__ = ["ExplorePage", "PageNotServed"]

_MAIN = "from usr_core.cli.main import main; raise SystemExit(main())"
_STOP_SECONDS = 10
_REPORT_SECONDS = 120
_FRAME = "width:100%;height:720px;border:1px solid #8884"


class PageNotServed(UsrError, RuntimeError):
    """The page about a dataset could not be served."""

    code = "USR-EXPLORE-001"
    exit_code = ExitCode.PLUGIN
    template = "The page could not be served: {reason:visible 400}"
    hint_template = "Run `usr explore {name:visible}` in a terminal, which tells the whole reason."
    shown = ("value={name:visible}",)


class ExplorePage:
    """A page that is served until `stop`, the end of a ``with`` block, or the end of this process.

    Attributes:
        url: The address; whoever has it sees the dataset and may mark records.

    Raises:
        PageNotServed: It can't be served.
    """

    def __init__(
        self, root: Path, name: str, *, at: int | None = None, port: int | None = None, browser: bool = True
    ) -> None:
        self._command = [sys.executable, "-c", _MAIN, "--root", str(root), "explore", name]
        self._command += [] if at is None else ["--at", str(at)]
        self._report: str | None = None
        words = [*self._command, "--quiet"]
        words += ["--no-browser"] if not browser else []
        words += ["--port", str(port)] if port is not None else []
        with tempfile.TemporaryFile() as told:  # a pipe that nobody reads would fill
            self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=told, stdin=subprocess.DEVNULL)
            atexit.register(self.stop)
            assert self._process.stdout is not None
            self.url = self._process.stdout.readline().decode().strip()
            if not self.url:
                self.stop()
                told.seek(0)
                first = told.read().decode(errors="replace").strip().partition("\n")[0]
                raise PageNotServed(name=name, reason=first.partition("]: ")[2] or visible(first) or "it ended")

    def __repr__(self) -> str:
        return f"ExplorePage({self.url!r})"

    def _repr_html_(self) -> str:
        """Return the address, and the panels as they are now: those of `usr explore --html`, without the live parts."""
        if self._report is None:
            self._report = self._static_panels()
        url = escape(self.url)
        return f'<a href="{url}" target="_blank" rel="noreferrer">{url}</a>{self._report}'

    def _static_panels(self) -> str:
        with tempfile.TemporaryDirectory(prefix="usr-report-") as folder:
            file = Path(folder) / "report.html"
            words = [*self._command, "--html", str(file)]
            try:
                done = subprocess.run(
                    words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_REPORT_SECONDS, check=False
                )
            except subprocess.TimeoutExpired:
                return ""
            if done.returncode:
                first = done.stderr.decode(errors="replace").strip().partition("\n")[0]
                told = first.partition("]: ")[2] or "It could not be written."
                return f"<p>The panels can't be shown here: {escape(visible(told))}</p>"
            # In a frame of its own, which reaches neither the notebook nor the network.
            inner = escape(file.read_text(encoding="utf-8"))
        return f'<iframe sandbox="allow-scripts" srcdoc="{inner}" style="{_FRAME}"></iframe>'

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the page; a second time does nothing."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
