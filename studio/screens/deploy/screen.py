"""Deploy: the stages of the newest deployment, what it proved, and the tags there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from studio.screens.dialogs.reading import Page, ReadingScreen
from studio.screens.job_screen import JobScreen
from widgets.format import ago
from widgets.line_list import LineList
from widgets.safe import safe_line
from widgets.stage_list import StageList, StageRow

if TYPE_CHECKING:
    from store.database import Store
    from store.models import Deployment, JobRecord
    from studio.jobs.view import JobView
    from studio.session import Session

_STAGES = ("preflight", "fuse", "gguf", "import", "quantize", "proof", "smoke", "tag")


class DeployScreen(JobScreen):
    """The newest deploy job and the deployments."""

    CSS_PATH = "screen.tcss"
    MODE = "deploy"
    FOLLOWS = "deploy"
    TABLES = frozenset({"deployments"})
    AUTO_FOCUS = "#tags"
    BINDING_GROUP_TITLE = "Deploy"
    EMPTY = "Nothing was deployed yet. g Start"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__()
        self._deployments: dict[str, Deployment] = {}

    def compose_body(self) -> ComposeResult:
        yield Static(id="status", markup=False)
        yield StageList()
        yield Static("Tags", id="tags-title", classes="heading", markup=False)
        yield LineList("Tags show here when one was proven.", id="tags")

    async def reload(self, session: Session) -> None:
        found = await session.store.run(_newest_first)
        self._deployments = {item.id: item for item in found}
        rows = self.query_one("#tags", LineList)
        rows.show(list(self._deployments), keep_lines=False)
        rows.supply({item.id: _line(item) for item in found})

    def another(self, record: JobRecord) -> None:
        self.query_one(StageList).rows = ()

    def draw(self, view: JobView) -> None:
        seen = {stage.name: stage for stage in view.stages}
        waiting = () if view.over else tuple(name for name in _STAGES if name not in seen)
        self.query_one(StageList).rows = (
            *(StageRow(stage.name, self._state(view, stage.state), stage.detail) for stage in view.stages),
            *(StageRow(name, "waiting") for name in waiting),
        )

    @staticmethod
    def _state(view: JobView, state: str) -> str:
        # The stage at which a job failed or was killed never got its end.
        return "failed" if state == "running" and view.state in {"failed", "killed"} else state

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        item = self._deployments.get(event.row_id)
        if item is not None:
            proofs = tuple(f"{name}: {proof}" for name, proof in item.proofs.items())
            facts = (f"digest {item.digest or '—'}", f"checkpoint {item.checkpoint_id}", *proofs)
            self.app.push_screen(ReadingScreen((Page(item.tag, (), facts),)))


def _newest_first(store: Store) -> list[Deployment]:
    return sorted(store.deployments, key=lambda item: item.created_at, reverse=True)


def _line(item: Deployment) -> Content:
    from store.models import now

    sign, colour = ("✓", "$success") if item.current else ("·", "$text-muted")
    return Content.assemble(
        (f"{sign} ", colour),
        f"{safe_line(item.tag, 60):<34}",
        (f"{safe_line(item.quantization, 10):<8}", "$text-muted"),
        (f"{len(item.proofs)} proofs  {ago(item.created_at, now())}", "$text-muted"),
        ("  current" if item.current else "", "$success"),
    )
