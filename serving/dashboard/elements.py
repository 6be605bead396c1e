"""The page's building blocks: Vue components in `browser/`, each shown one plain value that is replaced as a whole."""

from collections.abc import Callable
from typing import Any

from nicegui.element import Element
from nicegui.elements.echart import EChart  # noqa: F401 - registers ECharts as the module «nicegui-echart»
from nicegui.events import GenericEventArguments

View = dict[str, Any]


class Part(Element):
    """A part of a page that shows a view."""

    def __init__(self, view: View | None = None) -> None:
        super().__init__()
        self.show(view or {})

    def show(self, view: View) -> None:
        """Show another view; one that is equal costs nothing."""
        if self._props.get("view") != view:
            # Past NiceGUI's own way, which would wrap every value of a view that all viewers share.
            dict.__setitem__(self._props, "view", view)
            self.update()


class Top(Part, component="browser/hw_top.js"):
    """The banner."""

    def __init__(self, view: View, on_seen: Callable[[bool], None]) -> None:
        super().__init__(view)
        self.on("seen", lambda event: on_seen(bool(event.args)))


class Words(Part, component="browser/hw_words.js"):
    """Sentences."""


class Table(Part, component="browser/hw_table.js", dependencies=["browser/hw_spark.js"]):
    """A table."""


class Minutes(Part, component="browser/hw_minutes.js"):
    """The chart."""


class Tiles(Part, component="browser/hw_tiles.js", dependencies=["browser/hw_spark.js"]):
    """The market grid."""


class Sql(Part, component="browser/hw_sql.js"):
    """The question in SQL and its answer: it asks by itself, at the addresses that the view names."""


class Choosing(Part):
    """A part in which something is chosen: `on_choose` is told its name and value."""

    def __init__(self, view: View, on_choose: Callable[[str, str], None]) -> None:
        super().__init__(view)

        def chosen(event: GenericEventArguments) -> None:
            args = event.args if isinstance(event.args, dict) else {}
            on_choose(str(args.get("name", "")), str(args.get("value", "")))

        self.on("choose", chosen)


class Choices(Choosing, component="browser/hw_choices.js"):
    """The filters: `on_tick` is told a filter's name, one of its values, and whether it is chosen now."""

    def __init__(
        self, view: View, on_choose: Callable[[str, str], None], on_tick: Callable[[str, str, bool], None]
    ) -> None:
        super().__init__(view, on_choose)

        def ticked(event: GenericEventArguments) -> None:
            args = event.args if isinstance(event.args, dict) else {}
            on_tick(str(args.get("name", "")), str(args.get("value", "")), bool(args.get("on")))

        self.on("tick", ticked)


class Cards(Choosing, component="browser/hw_cards.js", dependencies=["browser/hw_spark.js"]):
    """A card for each measure."""

    def choose(self, measure: str) -> None:
        """Mark one as chosen."""
        if self._props.get("chosen") != measure:
            self._props["chosen"] = measure
            self.update()
