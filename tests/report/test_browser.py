"""The page in a browser without a screen: everything drawn, nothing fetched, nothing too wide."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dualwindow.data.candles.frames import utc_seconds
from dualwindow.report.build import gather
from dualwindow.report.page import charts_of, page_of
from tests.conftest import IN_CI
from tests.makers.browser import found_by_probe
from tests.makers.reports import backtest_folder, write_candles
from tests.report.test_page import HOSTILE, evaluated, training, window
from tests.report.test_walked import facts

WIDTHS = {"desktop": 1280, "phone": 375}
#: Height of a phone of 390 pixels, whose screen is no narrower than the one here.
PHONE_HEIGHT = 844

#: Goes in front of every other script of the page, and tells the page around it what it saw.
_PROBE = """<script>
const seen = [];
for (const name of ["error", "warn"]) {
  console[name] = (...words) => seen.push(name + ": " + words.join(" "));
}
addEventListener("error", event => seen.push("error: " + event.message), true);
addEventListener("unhandledrejection", event => seen.push("rejected: " + event.reason));
document.addEventListener("securitypolicyviolation", event => {
  seen.push("fetched: " + event.blockedURI);
});
let patience = 100;
addEventListener("load", function tell() {
  // Charts are drawn when they come near the screen, or to be printed.
  if (patience === 100) dispatchEvent(new Event("beforeprint"));
  const drawn = {};
  for (const div of document.querySelectorAll(".chart")) {
    if (div.hidden) continue;
    const marks = [...div.querySelectorAll(".mlayer path, .mlayer image")];
    drawn[div.id.slice(6)] = marks.filter(each => {
      const box = each.getBoundingClientRect();
      return box.width + box.height > 0;
    }).length;
  }
  // Plotly draws when the browser comes to it.
  if (Object.values(drawn).includes(0) && patience--) return setTimeout(tell, 50);
  const wide = [...document.querySelectorAll("body *")].filter(each =>
    !each.closest(".scroll, svg") && each.getBoundingClientRect().right > innerWidth + 1);
  const tick = document.querySelector(".xtick text");
  parent.postMessage({
    name: window.name, seen, drawn, title: document.title,
    fetched: performance.getEntriesByType("resource").map(entry => entry.name),
    width: innerWidth, scrolls: document.documentElement.scrollWidth,
    first: [...document.querySelectorAll(".headline, .figure")].map(
      each => Math.ceil(each.getBoundingClientRect().bottom + scrollY)),
    more: window.lookCloser ? lookCloser() : null,
    wide: wide.map(each => each.outerHTML.slice(0, 80)),
    page: getComputedStyle(document.body).backgroundColor,
    text: tick ? getComputedStyle(tick).fill : "",
  }, "*");
});
</script>"""

# A frame that is out of sight is not drawn, so both stand beside one another.
_AROUND = """<!DOCTYPE html><style>
  body { margin: 0; display: flex } iframe { border: 0; flex: none; height: 900px }
  #found { display: none }
</style><pre id="found"></pre><script>
const found = {};
addEventListener("message", event => {
  found[event.data.name] = event.data;
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "no chromium here to open the report with (Debian: apt-get install chromium)"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def opened(chromium: str, page: str, folder: Path, *, dark: bool) -> dict[str, Any]:
    """What the page's probe saw at every width."""
    probed = page.replace("<head>", f"<head>{_PROBE}", 1)
    (folder / "report.html").write_text(probed, encoding="utf-8")
    frames = "".join(
        f'<iframe name="{name}" src="report.html" style="width:{width}px"></iframe>'
        for name, width in WIDTHS.items()
    )
    (folder / "around.html").write_text(_AROUND + frames, encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    return found_by_probe(chromium, folder / "around.html", sum(WIDTHS.values()), scheme)


def brightness(colour: str) -> float:
    return sum(float(each) for each in re.findall(r"[\d.]+", colour)[:3]) / 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_in_a_browser(dark: bool, chromium: str, tmp_path: Path) -> None:
    # By day a backtest, by night a training whose name would like to be a script.
    if dark:
        report = training(
            window(evaluated(), HOSTILE), window(evaluated(1), HOSTILE), title=HOSTILE
        )
    else:
        write_candles(tmp_path / "user_data", 3 * 1440)
        folder = backtest_folder(tmp_path / "user_data" / "models" / "identifier")
        report = gather(folder, walk=facts(folder))
    charts = charts_of(report)
    found = opened(chromium, page_of(report), tmp_path, dark=dark)
    assert set(found) == set(WIDTHS)
    for name, width in WIDTHS.items():
        page = found[name]
        assert page["seen"] == []
        assert page["fetched"] == []
        assert page["title"] != "taken"
        assert set(page["drawn"]) == {chart.key for chart in charts}
        assert [key for key, marks in page["drawn"].items() if not marks] == []
        assert page["width"] <= width
        # The headline and its three figures.
        assert len(page["first"]) == 4
        assert max(page["first"]) <= PHONE_HEIGHT
        assert page["wide"] == []
        assert page["scrolls"] <= page["width"]
        assert (brightness(page["page"]) < 128) is dark
        assert (brightness(page["text"]) > 128) is dark


#: Looks at the second day of the candles, then at the newest trade of all.
_LOOK = """<script>
function lookCloser() {
  const chart = document.getElementById("chart-candles-0");
  const seen = () => ({
    range: chart.layout.xaxis.range, kind: chart._fullLayout.xaxis.type,
    points: Object.fromEntries(
      chart.data.filter(trace => trace.meta).map(trace => [trace.meta, trace.x.length])),
    low: Math.min(...chart.data.find(trace => trace.meta === "close").y),
    rows: document.querySelectorAll("#trades tr").length - 1,
    told: document.getElementById("more").textContent,
  });
  const day = document.getElementById("day"), days = [...day.options].map(each => each.text);
  const whole = seen();
  day.value = day.options[2].value;
  day.dispatchEvent(new Event("change"));
  const chosen = seen();
  chart.emit("plotly_doubleclick");
  const again = seen();
  document.querySelector("#trades button.link").click();
  return { days, whole, chosen, again, visited: seen() };
}
</script>"""


def test_the_nearer_one_looks_the_more_is_shown(chromium: str, tmp_path: Path) -> None:
    write_candles(tmp_path / "user_data", 3 * 1440)
    folder = backtest_folder(tmp_path / "user_data" / "models" / "identifier")
    report = gather(folder, walk=facts(folder))
    (figures,) = report.candles
    page = page_of(report).replace("</body>", f"{_LOOK}</body>")
    found = opened(chromium, page, tmp_path, dark=False)["desktop"]
    assert found["seen"] == []
    more = found["more"]
    second = figures.begin[0] // 86_400 * 86_400 + 86_400
    entered = [trade.entered for trade in figures.trades]
    ofday = [at for at in entered if second <= at < second + 86_400]
    assert 0 < len(ofday) < len(entered)
    assert f": {len(ofday)} trades," in more["days"][2]

    def entries(seen: dict[str, Any]) -> int:
        return sum(count for name, count in seen["points"].items() if name.endswith("entry"))

    assert entries(more["whole"]) == len(entered)
    assert more["chosen"]["kind"] == more["visited"]["kind"] == "date"
    # A trade that is open at midnight is shown on both days.
    assert entries(more["chosen"]) - len(ofday) in {0, 1}
    assert more["chosen"]["rows"] == min(len(ofday), 15)
    assert more["chosen"]["told"].startswith(f"{min(len(ofday), 15)} of {len(ofday)}")
    # A double click shows the whole again.
    assert more["again"] == more["whole"]
    # Of the day's candles the lowest low is in the chart.
    frame = pd.read_feather(
        tmp_path / "user_data/data/binance/futures/BTC_USDT_USDT-1m-futures.feather"
    )
    seconds = utc_seconds(frame["date"])
    inside = frame[(seconds >= second) & (seconds < second + 86_400)]
    assert more["chosen"]["low"] == pytest.approx(inside["low"].min(), rel=1e-3)
    first, last = (
        datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp()
        for end in more["visited"]["range"]
    )
    assert first < max(entered) < last
    assert last - first < 86_400
