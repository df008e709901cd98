"""Pictures of what models hold, as SVG text: heat maps, histograms, bars. Standard library only.

>>> open("map.svg", "w").write(heat_map(explanation["attributions"]["inputs"][0][0], title="what matters"))
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple
from xml.sax.saxutils import escape

_FONT = 'font-family="sans-serif" font-size="12" fill="#333"'
_WARM, _COLD, _MIDDLE = (178, 24, 43), (33, 102, 172), (247, 247, 247)


def heat_map(
    values: Any,
    *,
    title: str = "",
    rows: Optional[Sequence[str]] = None,
    columns: Optional[Sequence[str]] = None,
    cell: int = 24,
) -> str:
    """A matrix as coloured cells: blue below zero, red above, white at zero; a tone for values of one sign.

    values: rows of numbers: nested lists, a ``Tensor`` or a NumPy array, such as a saliency map or attention weights.
    """
    matrix = [[float(value) for value in row] for row in _nested(values)]
    width, height = max((len(row) for row in matrix), default=0), len(matrix)
    reach = max((abs(value) for row in matrix for value in row if value == value), default=0.0) or 1.0
    left = 12 + max((7 * len(name) for name in rows or []), default=0)
    top = 34 if title else 12
    cells = [
        f'<rect x="{left + x * cell}" y="{top + y * cell}" width="{cell}" height="{cell}" fill="{_colour(value / reach)}">'
        f"<title>{value:.4g}</title></rect>"
        for y, row in enumerate(matrix)
        for x, value in enumerate(row)
    ]
    names = [
        f'<text x="{left - 6}" y="{top + y * cell + cell * 0.68:.1f}" text-anchor="end">{escape(str(name))}</text>'
        for y, name in enumerate(rows or [])
    ]
    names += [
        f'<text x="{left + (x + 0.5) * cell:.1f}" y="{top + height * cell + 16}" text-anchor="middle">{escape(str(name))}</text>'
        for x, name in enumerate(columns or [])
    ]
    scale = f'<text x="{left}" y="{top + height * cell + (34 if columns else 18)}">\u00b1{reach:.3g}</text>'
    return _picture(left + width * cell + 12, top + height * cell + (44 if columns else 28), title, [*cells, *names, scale])


def histogram(statistics: Mapping[str, Any], *, title: str = "", width: int = 360, height: int = 160) -> str:
    """The ``histogram`` of a parameter's or layer's statistics, as ``Model.inspect`` gives them."""
    counts, edges = statistics["histogram"]["counts"], statistics["histogram"]["edges"]
    top, bottom, left = (34 if title else 12), 30, 12
    most = max(counts, default=0) or 1
    step = (width - 2 * left) / max(1, len(counts))
    room = height - top - bottom
    bars = [
        f'<rect x="{left + index * step:.2f}" y="{top + room * (1 - count / most):.2f}" width="{max(0.5, step - 1):.2f}" '
        f'height="{room * count / most:.2f}" fill="#2166ac"><title>{count}</title></rect>'
        for index, count in enumerate(counts)
    ]
    ends = [
        f'<text x="{left}" y="{height - 12}">{edges[0]:.3g}</text>',
        f'<text x="{width - left}" y="{height - 12}" text-anchor="end">{edges[-1]:.3g}</text>',
    ]
    return _picture(width, height, title, [*bars, *ends])


def bars(values: Mapping[str, float], *, title: str = "", width: int = 420) -> str:
    """A bar for each name, those of most weight first: attributions of one row by column, say."""
    ordered: List[Tuple[str, float]] = sorted(
        ((str(name), float(value)) for name, value in values.items()), key=lambda item: -abs(item[1])
    )
    top, line = (34 if title else 12), 22
    left = 16 + max((7 * len(name) for name, _ in ordered), default=0)
    reach = max((abs(value) for _, value in ordered), default=0.0) or 1.0
    has_negative = any(value < 0 for _, value in ordered)
    room = width - left - 70
    zero = left + (room / 2 if has_negative else 0)
    unit = (room / 2 if has_negative else room) / reach
    drawn = []
    for index, (name, value) in enumerate(ordered):
        y, length = top + index * line, abs(value) * unit
        start = zero if value >= 0 else zero - length
        drawn += [
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{start:.2f}" y="{y + 3}" width="{length:.2f}" height="{line - 7}" fill="{_colour(1 if value >= 0 else -1)}"/>',
            f'<text x="{width - 60}" y="{y + 14}">{value:.4g}</text>',
        ]
    axis = f'<line x1="{zero:.2f}" x2="{zero:.2f}" y1="{top}" y2="{top + len(ordered) * line}" stroke="#999"/>'
    return _picture(width, top + len(ordered) * line + 12, title, [*drawn, axis])


def _colour(share: float) -> str:
    """From -1, blue, over white to 1, red; what is no number is grey."""
    if share != share:
        return "#999"
    end = _WARM if share > 0 else _COLD
    part = min(1.0, abs(share))
    return "rgb({},{},{})".format(*(round(middle + (far - middle) * part) for middle, far in zip(_MIDDLE, end)))


def _nested(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else values


def _picture(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    head = [f'<text x="12" y="22" font-size="14">{escape(title)}</text>'] if title else []
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" {_FONT}>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *head,
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
