"""What can be found out by a program about how usable a page is by keyboard, by screen reader and by poor eyes."""

from __future__ import annotations

from typing import Any

from .browser import Page

#: Roles of what is operated: each needs a name.
OPERATED = {"button", "textbox", "searchbox", "combobox", "checkbox", "link", "dialog", "grid", "table", "listbox"}

#: WCAG 2.2, 1.4.3: the contrast of text, of large text.
CONTRAST, LARGE = 4.5, 3.0

_TEXTS = """(() => {
  const parse = colour => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return {r, g, b, a};
  };
  const over = (top, ground) => ({
    r: top.r * top.a + ground.r * (1 - top.a), g: top.g * top.a + ground.g * (1 - top.a),
    b: top.b * top.a + ground.b * (1 - top.a), a: 1,
  });
  const light = ({r, g, b}) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), {r: 255, g: 255, b: 255, a: 1});
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (element.closest(".hidden, script, style, svg, option, :disabled")) continue;
    const style = getComputedStyle(element), behind = ground(element);
    const [a, b] = [light(over(parse(style.color), behind)), light(behind)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    found.push({text: node.data.trim().slice(0, 40), ratio: (a + 0.05) / (b + 0.05), large});
  }
  return found;
})()"""


def contrast_problems(page: Page) -> list[str]:
    """Texts that stand out too little from what is behind them."""
    texts = page.value(_TEXTS)
    assert texts, "the page has no text"
    return [
        f"{one['text']!r}: {one['ratio']:.2f}"
        for one in texts
        if one["ratio"] < (LARGE if one["large"] else CONTRAST)
    ]


def tree(page: Page) -> list[dict[str, Any]]:
    """Roles and names as a screen reader gets them."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    return [
        {"role": node["role"]["value"], "name": node.get("name", {}).get("value", "")}
        for node in nodes
        if not node.get("ignored")
    ]


def unnamed(page: Page) -> list[str]:
    return [node["role"] for node in tree(page) if node["role"] in OPERATED and not node["name"].strip()]


def tab_stops(page: Page, most: int = 60) -> list[str]:
    """Where the tab key leads from the top of the page, once around; each is visible and outlined."""
    page.value(
        "document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), scrollTo(0, 0)"
    )
    stops: list[str] = []
    for _ in range(most):
        page.press("Tab")
        stop = page.value(
            "(e => e === document.body || !e ? '' : [e.id || e.dataset.state || e.textContent.trim().slice(0, 30) || e.tagName,"
            " e.checkVisibility(), getComputedStyle(e).outlineStyle].join('|'))(document.activeElement)"
        )
        if not stop or stop.split("|")[0] in stops:
            break
        name, visible, outline = stop.rsplit("|", 2)
        assert visible == "true" and outline != "none", stop
        stops.append(name)
    return stops
