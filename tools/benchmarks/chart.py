"""The chart of the README, as SVG: text and bars, which any browser draws alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .environments import PYTRACKING, THREE
from .goals import Number, find_our_time, find_rate, find_time

Results = dict[str, Any]

WIDTH, LABELS, VALUES, MARGIN = 760, 268, 76, 24
ROW, BAR, TITLE, GAP = 26, 15, 56, 26

# Its own background: the page's need not be of the scheme that the system prefers.
STYLE = """
    svg { --back: #ffffff; --edge: #d0d7de; --text: #1f2328; --soft: #59636e;
          --ours: #0b6e99; --peer: #b4530a; --limit: #818b98; }
    @media (prefers-color-scheme: dark) {
      svg { --back: #0d1117; --edge: #3d444d; --text: #f0f6fc; --soft: #9198a1;
            --ours: #58b5e1; --peer: #e8964f; --limit: #767e88; }
    }
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif;
           fill: var(--text); }
    .title { font-size: 15px; font-weight: 600; }
    .soft { font-size: 12px; fill: var(--soft); }
    .end { text-anchor: end; }
    .back { fill: var(--back); stroke: var(--edge); }
    .ours { fill: var(--ours); } .peer { fill: var(--peer); }
    .limit { fill: var(--limit); }
"""


@dataclass(frozen=True)
class Bar:
    """A bar of a panel.

    Attributes:
        label: The text before it.
        compute: Returns its length.
        kind: ``ours``, ``peer`` or ``limit``.
    """

    label: str
    compute: Number
    kind: str


@dataclass(frozen=True)
class Panel:
    """Bars of one scale.

    Attributes:
        title: The text above it.
        note: The text below the title.
        bars: The bars, from top to bottom.
        number: The format of the values.
    """

    title: str
    note: str
    bars: Sequence[Bar]
    number: str

    @property
    def height(self) -> int:
        """The height that it takes."""
        return TITLE + ROW * len(self.bars)


COST = Panel(
    "What a hit costs, in µs",
    "One process, no server; less is better",
    (
        Bar("decryption alone, the floor", find_our_time("decrypt"), "limit"),
        Bar("ptrack, any WSGI app", find_our_time("wsgi"), "ours"),
        Bar("ptrack, around Django", find_our_time("around"), "ours"),
        Bar("ptrack, Django middleware", find_our_time("django"), "ours"),
        Bar("django-ptrack 3.0.0, Django", find_time(THREE, "django"), "peer"),
        Bar("pytracking, Django", find_time(PYTRACKING, "django"), "peer"),
    ),
    "{:.1f}",
)
WIRE = Panel(
    "Requests per second, one core",
    "One worker, on loopback; more is better",
    (
        Bar("nginx empty_gif, records nothing", find_rate("nginx"), "limit"),
        Bar("bare callable, Granian", find_rate("granian/bare"), "limit"),
        Bar("ptrack mirror, Granian", find_rate("granian/mirror"), "ours"),
        Bar("ptrack mirror, uWSGI", find_rate("uwsgi/mirror"), "ours"),
        Bar("ptrack mirror, gunicorn", find_rate("gunicorn/mirror"), "ours"),
        Bar("ptrack, Django on Granian", find_rate("granian/django"), "ours"),
        Bar("3.0.0, Django on Granian", find_rate(f"granian/{THREE}"), "peer"),
        Bar(
            "pytracking, Django on Granian", find_rate(f"granian/{PYTRACKING}"), "peer"
        ),
    ),
    "{:,.0f}",
)


def draw(results: Results) -> str:
    """Draw the results."""
    panels = [COST, WIRE] if results["wire"] else [COST]
    height = (
        sum(panel.height for panel in panels) + GAP * (len(panels) - 1) + MARGIN * 2
    )
    parts = []
    top = MARGIN
    for panel in panels:
        parts.append(_draw_panel(panel, results, top))
        top += panel.height + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="about">\n'
        f'  <title id="about">{escape(_describe(panels, results))}</title>\n'
        f"  <style>{STYLE}  </style>\n"
        f'  <rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" '
        f'height="{height - 1}" rx="8"/>\n' + "".join(parts) + "</svg>\n"
    )


def _draw_panel(panel: Panel, results: Results, top: int) -> str:
    values = [bar.compute(results) for bar in panel.bars]
    start = MARGIN + LABELS
    scale = (WIDTH - MARGIN - VALUES - start) / max(values)
    lines = [
        _draw_text("title", MARGIN, top + 14, panel.title),
        _draw_text("soft", MARGIN, top + 33, panel.note),
    ]
    for number, (bar, value) in enumerate(zip(panel.bars, values, strict=True)):
        middle = top + TITLE + ROW * number + BAR / 2
        length = max(2, value * scale)
        lines += [
            _draw_text("end", start - 10, middle + 4.5, bar.label),
            _draw_bar(bar.kind, start, middle - BAR / 2, length),
            _draw_text(
                "value", start + length + 8, middle + 4.5, _format(panel, value)
            ),
        ]
    return "".join(f"  {line}\n" for line in lines)


def _draw_text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _draw_bar(kind: str, x: float, y: float, width: float) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}"'
    return f'<rect class="{kind}" {place} rx="2"/>'


def _format(panel: Panel, value: float) -> str:
    return panel.number.format(value)


def _describe(panels: Sequence[Panel], results: Results) -> str:
    def describe(panel: Panel) -> str:
        values = (
            f"{bar.label} {_format(panel, bar.compute(results))}" for bar in panel.bars
        )
        return f"{panel.title}: {'; '.join(values)}."

    return " ".join(map(describe, panels))
