"""The lists of opens and clicks in Django's admin, to look at.

They are made for big tables: every query is answered from an index, and as few rows are
counted as will do. Only what is chosen to be looked at is counted whole.
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

from . import storable
from .chart import chart
from .days import first_of, start_of, summary
from .keys import indexable
from .models import Click, Hit, Open

if TYPE_CHECKING:
    AnyPaginator = Paginator[Any]
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyPaginator, AnyAdmin = Paginator, admin.ModelAdmin

DEFAULT = "30"
EVERYTHING = "all"
SHOWN = 100
"""Characters of what may be long; the page of a row shows it whole."""


class Period(admin.SimpleListFilter):
    """The last days: thirty, unless others are asked for, or somebody is looked for."""

    title = "period"
    parameter_name = "days"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        # All of one reader are few, and found by an index of their own.
        self._default = EVERYTHING if request.GET.get(SEARCH_VAR) else DEFAULT
        super().__init__(request, *args)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Give what can be chosen."""
        days = ("7", "30", "90", "365")
        some = [(count, f"The last {count} days") for count in days]
        return [("1", "Today"), *some, (EVERYTHING, "Everything")]

    def chosen(self) -> str:
        """Give what is chosen; anything else that is asked for is the default."""
        known = {str(value) for value, _ in self.lookup_choices}
        value = self.value()
        return value if value in known else self._default

    def choices(self, changelist: ChangeList) -> Any:
        """Give the links; there is none to no choice at all."""
        for value, title in self.lookup_choices:
            yield {
                "selected": self.chosen() == value,
                "query_string": changelist.get_query_string(
                    {self.parameter_name: value}
                ),
                "display": title,
            }

    def first(self) -> date | None:
        """Give the first day."""
        chosen = self.chosen()
        return None if chosen == EVERYTHING else first_of(int(chosen))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave what came since then."""
        first = self.first()
        return queryset if first is None else queryset.filter(at__gte=start_of(first))


class CappedPaginator(AnyPaginator):
    """Counts as far as anybody turns pages, and not through all of a big table."""

    most = 50_000

    @cached_property
    def count(self) -> int:
        """Give the number of rows, at most that."""
        rows: Any = self.object_list
        return int(rows.order_by()[: self.most].count())


class HitAdmin(AnyAdmin):
    """A list of hits, with what came a day."""

    actions = None
    list_display: tuple[str, ...] = ("at", "reader", "carried", "agent")
    list_filter = (Period, ("key", admin.EmptyFieldListFilter))
    paginator = CappedPaginator
    # Any other order would have all rows sorted.
    sortable_by = ("at",)
    show_full_result_count = False
    # Of Django 5.0 on: a count for each choice of each filter.
    show_facets: ClassVar[Any] = getattr(
        getattr(admin, "ShowFacets", None), "NEVER", None
    )
    # What is found is decided below; this shows the field for it.
    search_fields = ("key",)
    search_help_text = "A key, whole"

    class Media:
        """What the chart looks like."""

        css: ClassVar = {"all": ["ptrack_opens/days.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a row is what came."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a row is what came."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows go by their age, see `clear_opens`."""
        return False

    def get_list_display(self, request: HttpRequest) -> Any:
        """Give the columns: that of the address only where it is kept."""
        kept = conf.opens().ip is not None
        return [*self.list_display, "ip"] if kept else self.list_display

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the rows of one key: by its index, so the whole key and nothing else."""
        if not search_term:
            return queryset, False
        text = storable.text(search_term)
        # What stands in the list may have been cut already.
        return queryset.filter(key__in={text, indexable(text)}), False

    def changelist_view(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """Show the list, and above it what came a day."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            context.update(_days_of(context["cl"]))
        return response

    @admin.display(description="key", ordering="key", empty_value="–")
    def reader(self, row: Hit) -> str | None:
        """Show the key, as a link to all that has it."""
        if not row.key:
            # No search finds that one.
            return None if row.key is None else "(empty)"
        query = urlencode({SEARCH_VAR: row.key})
        return format_html('<a href="?{}">{}</a>', query, _short(row.key))

    @admin.display(description="carried")
    def carried(self, row: Hit) -> str:
        """Show what the pixel or link was made with."""
        parts = [*row.args, row.kwargs] if row.kwargs else row.args
        return _short(", ".join(json.dumps(part, ensure_ascii=False) for part in parts))

    @admin.display(description="user agent")
    def agent(self, row: Hit) -> str:
        """Show the start of the user agent."""
        return _short(row.user_agent)


@admin.register(Open)
class OpenAdmin(HitAdmin):
    """The opens."""


@admin.register(Click)
class ClickAdmin(HitAdmin):
    """The clicks."""

    list_display = ("at", "reader", "target", "carried", "agent")

    @admin.display(description="URL")
    def target(self, row: Click) -> str:
        """Show where it led, as text: nobody is to follow it by mistake."""
        return _short(row.url)


def _days_of(changes: ChangeList) -> dict[str, Any]:
    first = next(
        (each.first() for each in changes.filter_specs if isinstance(each, Period)),
        None,
    )
    found = summary(changes.queryset, first)
    return {
        "summary": found,
        "chart": chart(found.days) if found.days else None,
        "keyword": conf.opens().key,
    }


def _short(text: str) -> str:
    return Truncator(text).chars(SHOWN)
