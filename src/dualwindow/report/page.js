(function () {
  "use strict";
  const content = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 45rem)");
  const charts = new Map(content.charts.map((chart) => [chart.key, restored(chart)]));
  const pairs = (content.pairs || []).map(restored);
  const names = restored(content.names || []); // Of entry tags and exit reasons.
  const drawn = new Set();
  const DAY = 86400;
  const EXTRA = new Set(["tag", "entry", "exit", "minutes"]); // For which a phone has no room.
  const PAGE = 15; // Trades that the table shows at a time.

  // A long list that stands in several places is written once.
  function restored(value) {
    if (Array.isArray(value)) return value.map(restored);
    if (value === null || typeof value !== "object") return value;
    if ("shared" in value) return content.shared[value.shared].map(restored);
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, restored(own)]));
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // Plotly's defaults for whatever a chart leaves open.
  function look() {
    const axis = {
      gridcolor: colour("--grid"),
      linecolor: colour("--line"),
      zeroline: false,
      automargin: true,
      fixedrange: narrow.matches, // On a phone a finger scrolls the page, not the chart.
      title: { standoff: 8 },
    };
    return {
      layout: {
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { color: colour("--text"), size: narrow.matches ? 11 : 12, family: "system-ui, sans-serif" },
        margin: { l: 48, r: 12, t: 12, b: 40 },
        xaxis: axis,
        yaxis: axis,
        legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
        hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--text") } },
        bargap: 0.15,
      },
    };
  }

  function box(key) {
    return document.getElementById("chart-" + key);
  }

  function draw(key) {
    const chart = charts.get(key), place = box(key);
    if (!chart || !place) return;
    const first = !drawn.has(key);
    drawn.add(key);
    const { data, layout } = key.startsWith("candles-") ? looked_at(Number(key.slice(8)), chart) : chart;
    const options = { responsive: true, displaylogo: false, displayModeBar: false };
    if (key.startsWith("candles-")) options.doubleClick = false;
    Plotly.react(place, data, Object.assign({}, layout, { template: look() }), options);
    if (first) listen(key, place);
  }

  function listen(key, place) {
    if (key.startsWith("candles-")) {
      const number = Number(key.slice(8));
      place.on("plotly_relayout", (change) => {
        if (!("xaxis.range[0]" in change)) return;
        views.set(number, [seconds(change["xaxis.range[0]"]), seconds(change["xaxis.range[1]"])]);
        draw(key);
      });
      place.on("plotly_doubleclick", () => choose("", false));
    }
    if (key === "profit-by-day") {
      place.on("plotly_click", (event) => choose(event.points[0].x.slice(0, 10), true));
    }
  }

  // A chart is drawn when the page scrolls near it.
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        draw(entry.target.id.slice(6));
      }
    },
    { rootMargin: "600px" },
  );

  function again() {
    drawn.forEach(draw);
  }

  // --- Prices: finer ones, and more trades, the nearer one looks. ---

  let shown = 0;
  const views = new Map(); // Of a pair, the seconds from and to which it is looked at.
  const visited = new Map(); // Of a pair, the lines at the trade that was chosen.

  function numbers(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Uint16Array(bytes.buffer);
  }

  function unpacked(pair) {
    const packed = pair.prices;
    if (packed && typeof packed.close === "string") {
      for (const name of ["low", "high", "close"]) packed[name] = numbers(packed[name]);
    }
    return packed;
  }

  // Closes within a part of the chart, each stretch with its lowest and highest price.
  function closes(pair, from, to) {
    const packed = unpacked(pair);
    if (!packed) return null;
    const price = (step) => packed.base + packed.step * step;
    const first = Math.max(Math.floor((from - packed.begin) / packed.seconds) - 1, 0);
    const stop = Math.min(Math.ceil((to - packed.begin) / packed.seconds) + 1, packed.close.length);
    const length = Math.max(Math.ceil((stop - first) / 600), 1);
    const x = [], y = [];
    for (let at = first; at < stop; at += length) {
      const end = Math.min(at + length, stop);
      let low = packed.low[at], high = packed.high[at];
      for (let row = at; row < end; row++) {
        low = Math.min(low, packed.low[row]);
        high = Math.max(high, packed.high[row]);
      }
      const time = 1000 * (packed.begin + packed.seconds * (at + (end - at) / 2));
      x.push(time, time, time);
      y.push(price(low), price(high), price(packed.close[end - 1]));
    }
    return { x, y };
  }

  // Trades within a part of the chart that its level of zoom has room for.
  function marks(pair, side, end, from, to) {
    const level = Math.floor(Math.log2((pair.end - pair.begin) / Math.max(to - from, 1)) + 1e-6);
    const x = [], y = [], customdata = [];
    for (let at = 0; at < pair.entered.length; at++) {
      const entered = pair.begin + pair.entered[at];
      if (pair.side[at] !== side || pair.level[at] > Math.max(level, 0)) continue;
      if (entered + pair.held[at] < from || entered > to) continue;
      x.push(1000 * (end === "entry" ? entered : entered + pair.held[at]));
      y.push(pair[end][at]);
      customdata.push([names[pair.reason[at]], pair.profit[at]]);
    }
    return { x, y, customdata };
  }

  // A pair's chart with the part of it that is looked at, all of it unless one was chosen.
  function looked_at(number, chart) {
    const pair = pairs[number], view = views.get(number);
    const [from, to] = view || [pair.begin, pair.end];
    const data = chart.data.map((trace) => {
      const [side, end] = (trace.meta || "").split(" ");
      const part = side === "close" ? closes(pair, from, to) : end ? marks(pair, side === "SHORT" ? 0 : 1, end, from, to) : null;
      return Object.assign({}, trace, part);
    });
    const price = pair.prices ? data.find((trace) => trace.meta === "close").y : [];
    const range = [from, to].map((when) => new Date(1000 * when).toISOString().slice(0, 19));
    const layout = Object.assign({}, chart.layout, {
      xaxis: Object.assign({}, chart.layout.xaxis, { range, autorange: false }),
      shapes: (chart.layout.shapes || []).concat(visited.get(number) || []),
    });
    if (view && price.length) {
      const low = price.reduce((one, other) => Math.min(one, other));
      const high = price.reduce((one, other) => Math.max(one, other));
      const room = 0.05 * (high - low) || 1;
      layout.yaxis = Object.assign({}, chart.layout.yaxis, { range: [low - room, high + room], autorange: false });
    }
    return { data, layout };
  }

  // Plotly's dates are texts without a zone, or numbers.
  function seconds(date) {
    return (typeof date === "number" ? date : Date.parse(String(date).replace(" ", "T") + (String(date).length > 10 ? "Z" : ""))) / 1000;
  }

  function look_at(number, from, to, shapes) {
    if (from === null) views.delete(number);
    else views.set(number, [from, to]);
    visited.set(number, shapes || []);
    draw("candles-" + number);
  }

  // --- The choice of a pair and a day, and the table of trades. ---

  const pairChoice = document.getElementById("pair");
  const dayChoice = document.getElementById("day");
  let last = PAGE;

  function text(day) {
    return new Date(1000 * day).toISOString().slice(0, 10);
  }

  function dates(second) {
    return new Date(1000 * second).toISOString().slice(0, 16).replace("T", " ");
  }

  function fillDays() {
    const pair = pairs[shown], kept = dayChoice.value, sums = new Map();
    for (let day = pair.begin - (pair.begin % DAY); day < pair.end; day += DAY) sums.set(text(day), [0, 0]);
    pair.entered.forEach((entered, at) => {
      const own = sums.get(text(pair.begin + entered));
      if (own) (own[0] += 1), (own[1] += pair.profit[at]);
    });
    dayChoice.replaceChildren(new Option("all", ""));
    for (const [day, [count, sum]] of sums) {
      const told = count ? `${day}: ${count} trade${count > 1 ? "s" : ""}, ${signed(sum, 2)} %` : day;
      dayChoice.add(new Option(told, day));
    }
    dayChoice.value = sums.has(kept) ? kept : "";
  }

  function signed(value, digits) {
    return (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(digits);
  }

  function choose(day, scrolls) {
    dayChoice.value = day;
    if (dayChoice.value !== day) dayChoice.value = "";
    chosen();
    if (scrolls) document.getElementById("prices").scrollIntoView();
  }

  function chosen() {
    const begin = Date.parse(dayChoice.value) / 1000;
    if (dayChoice.value) look_at(shown, begin, begin + DAY);
    else look_at(shown, null, null);
    last = PAGE;
    list();
  }

  function show(number) {
    shown = number;
    pairs.forEach((_, at) => {
      box("candles-" + at).hidden = at !== number;
      document.getElementById("note-candles-" + at).hidden = at !== number;
    });
    if (pairChoice) pairChoice.value = String(number);
    fillDays();
  }

  function list() {
    const table = document.getElementById("trades");
    if (!table) return;
    const rows = [], day = dayChoice.value;
    pairs.forEach((pair, number) => {
      pair.entered.forEach((entered, at) => {
        const when = pair.begin + entered;
        if (!day || (number === shown && text(when) === day)) rows.push([when, number, at]);
      });
    });
    rows.sort((one, other) => other[0] - one[0]);
    const heads = ["entered", ...(pairs.length > 1 ? ["pair"] : []), "side", "tag", "entry", "exit", "minutes", "exit reason", "profit"];
    const body = rows.slice(0, last).map(([when, number, at]) => {
      const pair = pairs[number];
      const cells = [
        dates(when),
        ...(pairs.length > 1 ? [pair.pair] : []),
        pair.side[at] ? "LONG" : "SHORT",
        names[pair.tag[at]] || "-",
        String(pair.entry[at]),
        String(pair.exit[at]),
        String(Math.round(pair.held[at] / 60)),
        names[pair.reason[at]],
        `${signed(pair.profit[at], 3)} %`,
      ];
      const row = document.createElement("tr");
      cells.forEach((cell, place) => {
        const own = row.insertCell();
        own.className = EXTRA.has(heads[place]) ? "extra" : "";
        if (place) return void (own.textContent = cell);
        const link = document.createElement("button");
        link.className = "link";
        link.textContent = cell;
        link.onclick = () => visit(number, at);
        own.append(link);
      });
      row.lastChild.className = pair.profit[at] > 0 ? "up" : "down";
      return row;
    });
    const head = document.createElement("tr");
    heads.forEach((name) => {
      const own = document.createElement("th");
      own.textContent = name;
      own.className = EXTRA.has(name) ? "extra" : "";
      head.append(own);
    });
    table.replaceChildren(head, ...body);
    const more = document.getElementById("more");
    more.textContent = `${Math.min(last, rows.length)} of ${rows.length}, newest first`;
    if (rows.length <= last) return;
    const button = document.createElement("button");
    button.textContent = "more";
    button.onclick = () => ((last += 4 * PAGE), list());
    more.append(" ", button);
  }

  // The chart around one trade.
  function visit(number, at) {
    const pair = pairs[number], entered = pair.begin + pair.entered[at];
    show(number);
    const around = Math.max(6 * pair.held[at], 40 * 60);
    const line = (when) => ({ type: "line", yref: "paper", y0: 0, y1: 1, x0: 1000 * when, x1: 1000 * when, line: { color: colour("--quiet"), width: 1, dash: "dash" } });
    look_at(number, entered - around / 2, entered + pair.held[at] + around / 2, [line(entered), line(entered + pair.held[at])]);
    document.getElementById("prices").scrollIntoView();
  }

  if (pairs.length && dayChoice) {
    show(0);
    list();
    dayChoice.addEventListener("change", chosen);
    if (pairChoice) {
      pairChoice.addEventListener("change", () => {
        show(Number(pairChoice.value));
        chosen();
      });
    }
  }
  for (const place of document.querySelectorAll(".chart")) watcher.observe(place);
  addEventListener("beforeprint", () => charts.forEach((_, key) => draw(key)));
  dark.addEventListener("change", again);
  narrow.addEventListener("change", again);
})();
