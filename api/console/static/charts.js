// Draws the charts of a function's page of what its `data-series` address answers.
"use strict";

const HEIGHT = 200;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const CHARTS = {
  outcomes: {
    title: "How many ended",
    unit: "",
    series: [
      ["succeeded", "succeeded", "--good", []],
      ["failed", "failed", "--bad", []],
      ["timed_out", "timed out", "--warn", [6, 3]],
      ["cancelled", "cancelled", "--muted", [2, 3]],
    ],
  },
  durations: {
    title: "Seconds",
    unit: " s",
    series: [
      ["waited_most", "95% waited at most", "--warn", [6, 3]],
      ["ran_median", "half ran at most", "--text", [2, 3]],
      ["ran_most", "95% ran at most", "--live", []],
    ],
  },
};

function options(chart, place, span, step) {
  const line = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const time = (second) => new Date(second * 1000).toLocaleTimeString("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" });
  return {
    tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "Etc/UTC"),
    title: `${chart.title}, by ${step >= 60 ? `${Math.round(step / 60)} min` : `${step} s`} of their creation, UTC`,
    width: Math.max(place.clientWidth, 200),
    height: HEIGHT,
    axes: [{ ...line, values: (_, seconds) => seconds.map(time) }, { ...line, size: 60 }],
    scales: { x: { range: span }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
    series: [
      { label: "from", value: (_, second) => (second == null ? "–" : time(second)) },
      ...chart.series.map(([, label, stroke, dash]) => ({
        label,
        stroke: colour(stroke),
        dash,
        width: 1.5,
        points: { show: true, size: 5 },
        value: (_, value) => (value == null ? "–" : value.toLocaleString("en") + chart.unit),
      })),
    ],
  };
}

function draw(place, columns) {
  const chart = CHARTS[place.dataset.chart];
  const data = [columns.start, ...chart.series.map(([name]) => columns[name])];
  place.replaceChildren();
  return new uPlot(options(chart, place, columns.span, columns.step[0]), data, place);
}

async function show(charts) {
  const places = [...charts.querySelectorAll("[data-chart]")];
  let drawn = [];
  let columns;
  try {
    const answer = await fetch(charts.dataset.series, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    columns = await answer.json();
  } catch (error) {
    places[0].textContent = `The charts cannot be drawn: ${error.message}`;
    return;
  }
  if (columns.start.length === 0) {
    places[0].textContent = "None has ended.";
    return;
  }
  const drawAll = () => {
    drawn.forEach((plot) => plot.destroy());
    drawn = places.map((place) => draw(place, columns));
  };
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new ResizeObserver(() => {
    drawn.forEach((plot, index) => plot.setSize({ width: Math.max(places[index].clientWidth, 200), height: HEIGHT }));
  }).observe(charts);
}

document.querySelectorAll("[data-series]").forEach(show);
