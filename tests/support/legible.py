"""What a browser makes of a mail: whether it fits, whether its texts can be read and its buttons touched."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

WIDTHS = (1000, 640, 360, 320)  # pixels: a desktop, a tablet, two phones
WIDEST = 600  # pixels of the sheet
TOUCHED = 44  # pixels that a finger needs, either way (WCAG 2.5.5)


def faults_of(browser: Browser, html: str) -> list[str]:
    """Return what is wrong with a mail in light and dark at all widths: too wide, too faint, too small to touch."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page = browser.new_page(viewport={"width": 1000, "height": 800}, color_scheme=scheme)
        try:
            page.set_content(html)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                found += [f"{scheme} {width}: {fault}" for fault in _faults_at(page, width)]
            found += [f"{scheme}: {fault}" for fault in page.evaluate(_FAINT)]
        finally:
            page.close()
    return found


def _faults_at(page: Page, width: int) -> list[str]:
    found = []
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        found.append(f"{wide} pixels wide")
    sheet = page.locator("table.sheet").bounding_box()
    if sheet is None or sheet["width"] > WIDEST:
        found.append(f"a sheet of {sheet and sheet['width']} pixels")
    for touched in page.locator("a.button-link, a.small-button").all():
        box = touched.bounding_box()
        if box is None or min(box["height"], box["width"]) < TOUCHED:
            found.append(f"a button of {box and (box['width'], box['height'])} pixels")
    return found


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
    const unseen = node.closest('.preheader') || node.closest('[aria-hidden=true]') || style.fontSize === '0px';
    if (!text.data.trim() || unseen) continue;
    const [dark, bright] = [light(parts(style.color)), light(behind(node))].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), wanted = size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < wanted) found.push(`${text.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return found;
}"""
