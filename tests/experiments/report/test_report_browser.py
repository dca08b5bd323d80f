"""The report in a real browser: it fits a phone, loads nothing, and shows every table; and it is correct HTML."""

import pytest

from experiments.report import page, sections, summary
from tests.experiments.report.report_page import Page


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """The page of the committed results."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MATREPRO_RESULTS", raising=False)
        page.write(sections.gather(), path)
    return path


def test_the_html_is_correct(committed):
    text = committed.read_text()
    found = Page(text)
    assert text.startswith("<!doctype html>") and found.wrong == []
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.labels) <= set(found.ids)
    assert all(link.removeprefix("#") in found.ids for link in found.links if link.startswith("#"))
    assert all(link.startswith(("#", "https://doi.org/")) for link in found.links)
    assert found.loads == ["data:,"] and "url(" not in text and "@import" not in text
    assert all(table["caption"] for table in found.tables)
    assert found.headings[0] == 1 and found.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(found.headings, found.headings[1:], strict=False))
    assert len(text) < 5_000_000


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_and_loads_nothing(committed, opened, width, dark):
    opened.open(committed, width, dark=dark)
    assert opened.requests == [committed.as_uri()] and opened.errors == []
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    shown = opened.evaluate("[...document.querySelectorAll('table')].filter(one => one.offsetHeight > 0).length")
    assert shown == len(Page(committed.read_text()).tables)
    # Nothing but the boxes of tables is wider than the window.
    wide = """[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1
        && !one.closest('.box')).map(one => one.outerHTML.slice(0, 200))"""
    assert opened.evaluate(wide) == []
    scrolls = "[...document.querySelectorAll('body *')].filter(one => one.scrollWidth > one.clientWidth + 1)"
    boxes = "one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)"
    assert opened.evaluate(f"{scrolls}.filter({boxes}).every(one => one.className == 'box')")


def test_on_a_phone_wide_tables_are_cards_that_need_no_scrolling(committed, opened):
    opened.open(committed, 390)
    cards = "[...document.querySelectorAll('table.cards')]"
    tables = [table for table in Page(committed.read_text()).tables if "Our error over" not in table["caption"]]
    wide = [t for t in tables if len(t["rows"][0]) > 3 or t["caption"].startswith("Tables and figures")]
    assert opened.evaluate(f"{cards}.length") == len(wide) > 5
    assert opened.evaluate(f"{cards}.filter(one => one.parentNode.scrollWidth > one.parentNode.clientWidth)") == []
    # Every cell that says something is shown, under its column's name.
    shown = "cell => (cell.offsetHeight > 0) == !['–', 'open'].includes(cell.textContent.trim())"
    named = "cell => !cell.offsetHeight || getComputedStyle(cell, '::before').content.length > 3"
    cells = f"{cards}.filter(one => one.offsetHeight).flatMap(one => [...one.querySelectorAll('td')])"
    assert opened.evaluate(f"{cells}.length") > 100
    assert opened.evaluate(f"{cells}.every({shown})") and opened.evaluate(f"{cells}.every({named})")
    opened.open(committed, 1200)
    assert opened.evaluate(f"{cells}.every(cell => getComputedStyle(cell, '::before').content == 'none')")


def test_nothing_scrolls_sideways_on_a_phone(committed, opened):
    opened.open(committed, 400)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 400
    wider = "[...document.querySelectorAll('.box')].filter(one => one.scrollWidth > one.clientWidth + 1)"
    assert opened.evaluate(f"{wider}.map(one => one.querySelector('caption').textContent.trim())") == []


@pytest.mark.parametrize("width", [400, 1200])
def test_results_are_filtered_by_paper_and_verdict(committed, opened, width):
    opened.open(committed, width)
    papers = "[...document.querySelectorAll('.paper')].filter(one => one.offsetHeight).map(one => one.id)"
    kinds = "[...document.querySelectorAll('[data-kind]')].filter(one => one.offsetHeight).map(one => one.dataset.kind)"
    every = opened.evaluate(papers)
    assert {"finder", "profitnet"} < set(every)
    opened.evaluate("document.querySelector('#only-finder').click()")
    assert opened.evaluate(papers) == ["finder"]
    assert {"near", "above"} < set(opened.evaluate(kinds))
    opened.evaluate("document.querySelector('#kind-near').click()")
    assert set(opened.evaluate(kinds)) == {"near"}
    opened.evaluate("document.querySelector('#only-all').click(); document.querySelector('#kind-all').click()")
    assert opened.evaluate(papers) == every


def test_coverage_and_learning_curves_have_a_sheet_each(committed):
    page = Page(committed.read_text())
    rows = page.table("Test targets inside")
    assert {"Finder"} <= {row["model"] for row in rows}
    inside = [[float(row[f"inside {level} %"].rstrip(" %")) for level in (50, 95)] for row in rows]
    assert all(half < most for half, most in inside)
    sheet = committed.read_text().partition('id="learning"')[2]
    assert sheet.count("<figure") == len(summary.own_results(sections.gather()))


def test_wide_tables_keep_their_last_column_in_a_window_of_1200_pixels(committed, opened):
    opened.open(committed, 1200)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    hidden = """[...document.querySelectorAll('.box')].filter(one => one.scrollWidth > one.clientWidth + 1)
        .map(one => one.querySelector('caption').textContent.trim() + ' ' + one.scrollWidth)"""
    assert opened.evaluate(hidden) == []


def test_words_of_pictures_stay_inside_and_apart(committed, opened):
    """Labels along short axes run into one another; so do those of ticks that are too near."""
    opened.open(committed, 1200)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate(OVERLAPS) == []


OVERLAPS = """[...document.querySelectorAll('svg.plot')].flatMap(plot => {
    const frame = plot.getBoundingClientRect();
    const all = [...plot.querySelectorAll('text')].map(one => [one.textContent, one.getBoundingClientRect()]);
    const out = all.filter(([, r]) => r.left < frame.left - 1 || r.right > frame.right + 1
        || r.top < frame.top - 1 || r.bottom > frame.bottom + 1).map(([t]) => t);
    const meet = (r, s) => r.left < s.right - 1 && s.left < r.right - 1 && r.top < s.bottom - 4 && s.top < r.bottom - 4;
    const met = all.flatMap(([t, r], k) => all.slice(k + 1).filter(([, s]) => meet(r, s)).map(([u]) => [t, u]));
    return [...out, ...met];
})"""


def test_text_is_read_on_light_and_dark(committed, opened):
    """Contrast of text to its ground, by the formula of WCAG; 4.5 is asked for."""
    for dark in (False, True):
        opened.open(committed, 1200, dark=dark)
        for selector in ("body", ".lede", "td.near", "td.above", "td.better", "tr.open td", "a", "thead th", ".notes"):
            ratio = opened.evaluate(CONTRAST.replace("SELECTOR", selector))
            assert ratio is None or ratio >= 4.5, (selector, dark, ratio)


CONTRAST = """(() => {
    const light = colour => {
        const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const one = document.querySelector('SELECTOR');
    if (!one) return null;
    let ground = one;
    while (getComputedStyle(ground).backgroundColor == 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    const pair = [light(getComputedStyle(one).color), light(getComputedStyle(ground).backgroundColor)].sort();
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
})()"""
