// A chart of the last minutes, drawn by uPlot in the colours of the page.
import { useEffect, useRef } from 'preact/hooks';
import htm from 'htm';
import { h } from 'preact';
import uPlot from 'uplot';

const html = htm.bind(h);
const HEIGHT = 168;
const SPAN_SECONDS = 300;
const MS_PER_SECOND = 1000;

/** `series` are `{ key, label, color, fill }`, where a colour is the name of a custom property of the style sheet. */
export function Chart({ title, summary, points, series, format, scheme }) {
  const place = useRef(null);
  const plot = useRef(null);

  useEffect(() => {
    const made = new uPlot(optionsOf(place.current, series, format), dataOf(points, series), place.current);
    plot.current = made;
    const watch = new ResizeObserver(([entry]) => {
      made.setSize({ width: Math.floor(entry.contentRect.width), height: HEIGHT });
    });
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [scheme]);

  useEffect(() => plot.current?.setData(dataOf(points, series)), [points]);

  return html`<section class="card chart">
    <div class="card-head">
      <h2>${title}</h2>
      <ul class="legend">
        ${series.map(({ key, label, swatch }) => html`<li key=${key}><span class="swatch ${swatch}"></span>${label}</li>`)}
      </ul>
    </div>
    <div class="plot" role="img" aria-label="${title}, the last five minutes: ${summary}" ref=${place}></div>
  </section>`;
}

function dataOf(points, series) {
  const times = points.map(({ time }) => time / MS_PER_SECOND);
  return [times, ...series.map(({ key }) => points.map((point) => point[key] ?? null))];
}

function optionsOf(element, series, format) {
  const style = getComputedStyle(element);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--muted'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.floor(element.clientWidth),
    height: HEIGHT,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: (_plot, _min, max) => [(max ?? 0) - SPAN_SECONDS, max ?? 0] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.15 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 80, values: '{HH}:{mm}' },
      { ...axis, size: 60, space: 36, values: (_plot, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {},
      ...series.map(({ stroke, fill }) => ({
        stroke: color(stroke),
        width: 1.75,
        points: { show: false },
        spanGaps: false,
        ...(fill && { fill: color(fill) }),
      })),
    ],
  };
}
