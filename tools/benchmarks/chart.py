"""The chart of the README, as SVG: text and bars, which any browser draws alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .environments import PYTRACKING, THREE
from .goals import call, ours, rate

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
    """One of a panel.

    Attributes:
        label: Before it.
        value: Gives its length.
        kind: ``ours``, ``peer`` or ``limit``.
    """

    label: str
    value: Callable[[Results], float]
    kind: str


@dataclass(frozen=True)
class Panel:
    """Bars of one scale.

    Attributes:
        title: Above it.
        note: Below that.
        bars: From top to bottom.
        number: The format of the values.
    """

    title: str
    note: str
    bars: Sequence[Bar]
    number: str

    @property
    def height(self) -> int:
        """What it takes."""
        return TITLE + ROW * len(self.bars)


COST = Panel(
    "What a hit costs, in µs",
    "One process, no server; less is better",
    (
        Bar("decryption alone, the floor", ours("decrypt"), "limit"),
        Bar("ptrack, any WSGI app", ours("wsgi"), "ours"),
        Bar("ptrack, around Django", ours("around"), "ours"),
        Bar("ptrack, Django middleware", ours("django"), "ours"),
        Bar("django-ptrack 3.0.0, Django", call(THREE, "django"), "peer"),
        Bar("pytracking, Django", call(PYTRACKING, "django"), "peer"),
    ),
    "{:.1f}",
)
WIRE = Panel(
    "Requests per second, one core",
    "One worker, on loopback; more is better",
    (
        Bar("nginx empty_gif, records nothing", rate("nginx"), "limit"),
        Bar("bare callable, Granian", rate("granian/bare"), "limit"),
        Bar("ptrack mirror, Granian", rate("granian/mirror"), "ours"),
        Bar("ptrack mirror, uWSGI", rate("uwsgi/mirror"), "ours"),
        Bar("ptrack mirror, gunicorn", rate("gunicorn/mirror"), "ours"),
        Bar("ptrack, Django on Granian", rate("granian/django"), "ours"),
        Bar("3.0.0, Django on Granian", rate(f"granian/{THREE}"), "peer"),
        Bar("pytracking, Django on Granian", rate(f"granian/{PYTRACKING}"), "peer"),
    ),
    "{:,.0f}",
)


def svg(results: Results) -> str:
    """Draw what was measured."""
    panels = [COST, WIRE] if results["wire"] else [COST]
    height = (
        sum(panel.height for panel in panels) + GAP * (len(panels) - 1) + MARGIN * 2
    )
    parts = []
    top = MARGIN
    for panel in panels:
        parts.append(_drawn(panel, results, top))
        top += panel.height + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="about">\n'
        f'  <title id="about">{escape(_spoken(panels, results))}</title>\n'
        f"  <style>{STYLE}  </style>\n"
        f'  <rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" '
        f'height="{height - 1}" rx="8"/>\n' + "".join(parts) + "</svg>\n"
    )


def _drawn(panel: Panel, results: Results, top: int) -> str:
    values = [bar.value(results) for bar in panel.bars]
    start = MARGIN + LABELS
    scale = (WIDTH - MARGIN - VALUES - start) / max(values)
    lines = [
        _text("title", MARGIN, top + 14, panel.title),
        _text("soft", MARGIN, top + 33, panel.note),
    ]
    for number, (bar, value) in enumerate(zip(panel.bars, values, strict=True)):
        middle = top + TITLE + ROW * number + BAR / 2
        length = max(2, value * scale)
        lines += [
            _text("end", start - 10, middle + 4.5, bar.label),
            _rect(bar.kind, start, middle - BAR / 2, length),
            _text("value", start + length + 8, middle + 4.5, _shown(panel, value)),
        ]
    return "".join(f"  {line}\n" for line in lines)


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _rect(kind: str, x: float, y: float, width: float) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}"'
    return f'<rect class="{kind}" {place} rx="2"/>'


def _shown(panel: Panel, value: float) -> str:
    return panel.number.format(value)


def _spoken(panels: Sequence[Panel], results: Results) -> str:
    def one(panel: Panel) -> str:
        values = (
            f"{bar.label} {_shown(panel, bar.value(results))}" for bar in panel.bars
        )
        return f"{panel.title}: {'; '.join(values)}."

    return " ".join(map(one, panels))
