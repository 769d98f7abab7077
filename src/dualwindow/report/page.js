(function () {
  "use strict";
  const charts = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 45rem)");

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
      data: { heatmap: [{ textfont: { color: colour("--text"), size: 12 } }] },
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

  function draw() {
    for (const chart of charts) {
      const layout = Object.assign({}, chart.layout, { template: look() });
      const options = { responsive: true, displaylogo: false, displayModeBar: false };
      Plotly.react(document.getElementById("chart-" + chart.key), chart.data, layout, options);
    }
  }

  draw();
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();
