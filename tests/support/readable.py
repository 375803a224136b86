"""Whether a mail holds together in a browser: at each width, in the light and in the dark."""

from __future__ import annotations

from typing import Literal

from playwright.sync_api import Browser

WIDTHS = (1000, 360, 320)
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


def assert_readable(browser: Browser, html: str) -> None:
    """Hold a mail to this: nothing runs over the edge, buttons can be touched, no text is faint."""
    for scheme in SCHEMES:
        page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
        try:
            page.set_content(html)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                sheet = page.locator("table.sheet").bounding_box()
                assert sheet is not None
                assert sheet["width"] <= 600
            for touched in page.locator("a.button-link, a.small-button").all():
                box = touched.bounding_box()
                assert box is not None
                assert min(box["height"], box["width"]) >= 44
            faint = page.evaluate(_FAINT)
            assert not faint, f"{scheme}: {faint}"
        finally:
            page.close()


# Texts that differ too little from what is behind them: WCAG 2.2 asks for 4.5, and 3 for large ones.
_FAINT = """() => {
  const parts = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (let n = node; n; n = n.parentElement) {
      const colour = parts(getComputedStyle(n).backgroundColor);
      if (colour.length && (colour.length < 4 || colour[3] > 0)) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walk.nextNode(); text; text = walk.nextNode()) {
    const node = text.parentElement, style = getComputedStyle(node);
    if (!text.data.trim() || node.closest('.preheader') || style.fontSize === '0px') continue;
    const [dark, bright] = [light(parts(style.color)), light(behind(node))].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), wanted = size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < wanted) found.push(`${text.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return found;
}"""
