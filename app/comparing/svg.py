"""SVG elements, made as a tree: whatever text is put into them comes out as text."""

import re
from xml.etree import ElementTree as ET

Element = ET.Element

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+|\\s+")
"""Runs of characters that XML cannot hold, and of white space."""
STYLE = """
text { font-family: system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; font-size: 13px }
.paper { fill: #ffffff } .ink { fill: #1d2433 } .faint { fill: #667085 }
.grid { stroke: #e4e7ee } .axis { stroke: #98a1b3 } .whisker { stroke: #1d2433 }
.whisker { stroke-width: 1.5px } .bar { fill: #a9b6cc } .best { fill: #2a9d8f }
.title { font-size: 20px; font-weight: 650 } .name { font-weight: 600 } .small { font-size: 11px }
@media (prefers-color-scheme: dark) {
.paper { fill: #14181f } .ink { fill: #eceff5 } .faint { fill: #9aa4b6 }
.grid { stroke: #2a313d } .axis { stroke: #5d687b } .whisker { stroke: #eceff5 }
.bar { fill: #56647d } .best { fill: #35b3a3 } }
"""


def picture(width: float, height: float, title: str, description: str) -> Element:
    """An empty picture with its style, and its words for those who do not see it."""
    svg = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
    )
    ET.SubElement(svg, "title").text = clean(title)
    ET.SubElement(svg, "desc").text = clean(description)
    ET.SubElement(svg, "style").text = STYLE
    rectangle(svg, (0, 0, width, height), "paper", radius=12)
    return svg


def rectangle(
    parent: Element, box: tuple[float, float, float, float], kind: str, radius: float = 3
) -> None:
    """``box``: x, y, width, height."""
    named = dict(zip(("x", "y", "width", "height", "rx"), (*box, radius), strict=True))
    ET.SubElement(parent, "rect", {k: f"{v:.6g}" for k, v in named.items()} | {"class": kind})


def line(parent: Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    ET.SubElement(parent, "line", {k: f"{v:.6g}" for k, v in ends.items()} | {"class": kind})


def write(
    parent: Element, x: float, y: float, words: str, kind: str, anchor: str = "start"
) -> None:
    if words:
        place = {"x": f"{x:.6g}", "y": f"{y:.6g}", "class": kind, "text-anchor": anchor}
        ET.SubElement(parent, "text", place).text = clean(words)


def clean(words: str) -> str:
    """The text in one line, without what XML cannot hold."""
    return NO_XML.sub(" ", words).strip()


def shortened(words: str, limit: int) -> str:
    """At most so many characters."""
    kept = clean(words)
    return kept if len(kept) <= limit else f"{kept[: limit - 1].rstrip()}…"


def encoded(svg: Element) -> bytes:
    found: bytes = ET.tostring(svg, encoding="utf-8", xml_declaration=True)
    return found
