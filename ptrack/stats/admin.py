"""The lists of opens and clicks in Django's admin, for reading only.

They are made for big tables: every query is answered from an index, and a page counts
only the rows that its filters select.
"""

import json
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import Truncator

from ptrack import conf

from . import storage
from .chart import draw_chart
from .keys import fit_column
from .models import Click, Open, Row
from .report import find_first_day, find_start, make_report

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyPaginator, AnyAdmin = Paginator, admin.ModelAdmin

DEFAULT = "30"
EVERYTHING = "all"
MAX_LENGTH = 100
"""Characters of a text in the list; the page of a row shows it whole."""


class Period(admin.SimpleListFilter):
    """The last days: thirty by default, or everything in a search for a key."""

    title = "period"
    parameter_name = "days"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        # The rows of one key are few, and have an index of their own.
        self._default = EVERYTHING if request.GET.get(SEARCH_VAR) else DEFAULT
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        days = ("7", "30", "90", "365")
        some = [(count, f"The last {count} days") for count in days]
        return [("1", "Today"), *some, (EVERYTHING, "Everything")]

    def find_choice(self) -> str:
        """Return the choice in force: the default one in place of an unknown one."""
        known = {str(value) for value, _ in self.lookup_choices}
        value = self.value()
        return value if value in known else self._default

    def choices(self, changelist: ChangeList) -> Any:
        """Yield a link for each choice, and none for "no choice"."""
        for value, title in self.lookup_choices:
            yield {
                "selected": self.find_choice() == value,
                "query_string": changelist.get_query_string(
                    {self.parameter_name: value}
                ),
                "display": title,
            }

    def find_first(self) -> date | None:
        """Return the first day of the period; ``None`` for everything."""
        choice = self.find_choice()
        return None if choice == EVERYTHING else find_first_day(int(choice))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the period."""
        first = self.find_first()
        return queryset if first is None else queryset.filter(at__gte=find_start(first))


LOOKUPS = {Period.parameter_name, "key__isempty"}


class CappedPaginator(AnyPaginator):
    """Counts only the first rows of a big table: nobody reads more pages.

    Attributes:
        max_rows: Their number.
    """

    max_rows = 50_000

    @cached_property
    def count(self) -> int:
        """The number of rows, at most `max_rows`."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.max_rows].count())


class RowAdmin(AnyAdmin):
    """A list of rows below a report of their days."""

    actions = None
    list_display: tuple[str, ...] = ("at", "reader", "arguments", "agent")
    list_filter = (Period, ("key", admin.EmptyFieldListFilter))
    paginator = CappedPaginator
    # For any other order, the database would sort all rows.
    sortable_by = ("at",)
    show_full_result_count = False
    # From Django 5.0 on: a count for each choice of each filter.
    show_facets: ClassVar[Any] = getattr(
        getattr(admin, "ShowFacets", None), "NEVER", None
    )
    # For the search field alone; `get_search_results` does the search.
    search_fields = ("key",)
    search_help_text = "A whole key"

    class Media:
        """The style sheet of the report."""

        css: ClassVar = {"all": ["ptrack_stats/report.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: only a hit makes a row."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a hit doesn't change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: `clear_stats` deletes rows by their age."""
        return False

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        """Allow only the filters of the page.

        Django takes any lookup of the model's own fields from a URL: values that
        the database refuses, and regular expressions, which may run for hours.
        """
        return lookup in LOOKUPS

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, with the address only if it is kept."""
        kept = bool(conf.get("PTRACK_STATS_IP"))
        return [*self.list_display, "ip"] if kept else self.list_display

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the rows of one whole key, by its index."""
        if not search_term:
            return queryset, False
        text = storage.clean_text(search_term)
        # A key that was copied from the list may be cut already.
        return queryset.filter(key__in={text, fit_column(text)}), False

    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """Show the list, and the report above it."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            context.update(_make_context(context["cl"]))
        return response

    @admin.display(description="key", ordering="key", empty_value="–")
    def reader(self, row: Row) -> str | None:
        """Show the key, as a link to all rows that have it."""
        if not row.key:
            # There is no search for an empty text.
            return None if row.key is None else "(empty)"
        query = urlencode({SEARCH_VAR: row.key})
        return format_html('<a href="?{}">{}</a>', query, _shorten(row.key))

    @admin.display(description="arguments")
    def arguments(self, row: Row) -> str:
        """Show the arguments that the pixel or link was made with."""
        parts = [*row.args, row.kwargs] if row.kwargs else row.args
        texts = [json.dumps(part, ensure_ascii=False) for part in parts]
        return _shorten(", ".join(texts))

    @admin.display(description="user agent")
    def agent(self, row: Row) -> str:
        """Show the start of the user agent."""
        return _shorten(row.user_agent)


@admin.register(Open)
class OpenAdmin(RowAdmin):
    """The opens."""


@admin.register(Click)
class ClickAdmin(RowAdmin):
    """The clicks."""

    list_display = ("at", "reader", "target", "arguments", "agent")

    @admin.display(description="URL")
    def target(self, row: Click) -> str:
        """Show the target as text, so that nobody follows it by mistake."""
        return _shorten(row.url)


def _make_context(changes: ChangeList) -> dict[str, Any]:
    """Return the variables of the report's template."""
    periods = [each for each in changes.filter_specs if isinstance(each, Period)]
    report = make_report(changes.queryset, periods[0].find_first() if periods else None)
    return {
        "report": report,
        "chart": draw_chart(report.days) if report.days else None,
        "keyword": conf.get("PTRACK_STATS_KEY"),
    }


def _shorten(text: str) -> str:
    return Truncator(text).chars(MAX_LENGTH)
