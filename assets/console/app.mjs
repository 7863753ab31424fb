// The console: what /console/feed says, drawn. Nothing is kept, and nothing is asked of the server but the stream.
import htm from 'htm';
import { h, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Chart } from './chart.mjs';
import { clock, count, duration, mebibytes, packageName, percent, rate, shortName, words } from './format.mjs';

const html = htm.bind(h);
const FEED = '/console/feed';
const POINTS_MAX = 300;
const REOPEN_MS = 2000;
/** Without a message for so long the connection is as good as lost, whatever the browser says. */
const SILENT_MS_MAX = 5000;

const CALL_SERIES = [
  { key: 'callsPerSecond', label: 'calls', stroke: '--accent', fill: '--accent-faint', swatch: 'is-accent' },
  { key: 'failedPerSecond', label: 'failed', stroke: '--bad', swatch: 'is-bad' },
];
const LATENCY_SERIES = [
  { key: 'p99Ms', label: 'p99', stroke: '--warm', swatch: 'is-warm' },
  { key: 'p50Ms', label: 'p50', stroke: '--accent', swatch: 'is-accent' },
];

function App() {
  const { view, points, isLive } = useFeed();
  const scheme = useScheme();
  if (view === undefined) return html`<${Waiting} isLive=${isLive} />`;
  return html`
    <${Header} view=${view} isLive=${isLive} />
    <main id="main" class=${isLive ? '' : 'is-stale'}>
      <${Notices} view=${view} isLive=${isLive} />
      <${Tiles} view=${view} />
      <div class="charts">
        <${Chart}
          title="Calls a second"
          points=${points}
          series=${CALL_SERIES}
          format=${rate}
          scheme=${scheme}
          summary="${rate(view.callsPerSecond)} a second, ${rate(view.failedPerSecond)} failed"
        />
        <${Chart}
          title="Latency"
          points=${points}
          series=${LATENCY_SERIES}
          format=${duration}
          scheme=${scheme}
          summary="p50 ${duration(view.p50Ms)}, p99 ${duration(view.p99Ms)}"
        />
      </div>
      <div class="columns">
        <div class="column">
          <${Methods} methods=${view.methods} />
          <${Slowest} calls=${view.slowest} />
        </div>
        <${Services} services=${view.services} />
      </div>
    </main>
  `;
}

function Waiting({ isLive }) {
  return html`<main id="main" class="waiting" aria-live="polite">
    <span class="mark" aria-hidden="true"></span>
    <h1>Keelson console</h1>
    <p>${isLive ? 'Waiting for the first figures …' : 'The server does not answer. Trying again …'}</p>
  </main>`;
}

function Header({ view, isLive }) {
  const state = !isLive ? 'is-off' : view.isReady ? 'is-good' : 'is-bad';
  const word = !isLive ? 'Connection lost' : view.isReady ? 'Ready' : 'Not ready';
  return html`<header>
    <a class="skip" href="#methods">Skip to the methods</a>
    <span class="mark" aria-hidden="true"></span>
    <h1>Keelson</h1>
    <span class="badge ${state}" role="status"><span class="dot"></span>${word}</span>
    ${isLive && html`<time datetime=${new Date(view.time).toISOString()}>${clock(view.time)}</time>`}
  </header>`;
}

function Notices({ view, isLive }) {
  const lines = [
    ...(isLive ? [] : [`These figures are from ${clock(view.time)}: the server does not answer. Trying again …`]),
    ...view.lost,
  ];
  return lines.map((line) => html`<p class="notice" role="alert" key=${line}>${line}</p>`);
}

function Tiles({ view }) {
  const listeners = Object.entries(view.connections).map(([listener, number]) => `${count(number)} ${listener}`);
  const connections = Object.values(view.connections).reduce((sum, number) => sum + number, 0);
  const tiles = [
    ['Calls a second', rate(view.callsPerSecond), `${rate(view.failedPerSecond)} failed`],
    ['Latency, p99', duration(view.p99Ms), `p50 ${duration(view.p50Ms)}`],
    ['Running', count(view.running), `loop ${duration(view.latenessMs)} late`],
    ['Connections', count(connections), listeners.join(', ')],
    ['Cache hits', percent(view.hitRate), view.hitRate === undefined ? 'no reads lately' : 'of the reads lately'],
    ['Ledger', count(view.revision), lagOf(view)],
    ['Memory', mebibytes(view.memoryBytes), 'resident'],
  ];
  return html`<dl class="tiles">
    ${tiles.map(
      ([name, value, note]) =>
        html`<div class="card tile" key=${name}>
          <dt>${name}</dt>
          <dd class="value">${value}</dd>
          <dd class="note">${note}</dd>
        </div>`,
    )}
  </dl>`;
}

function lagOf({ lagRevisions, lagMs }) {
  if (lagRevisions > 0) return `${count(lagRevisions)} behind`;
  return lagMs > 0 ? `seen ${duration(lagMs)} ago` : 'nothing behind';
}

function Services({ services }) {
  const serving = services.filter(({ isServing }) => isServing).length;
  return html`<section class="card services">
    <div class="card-head">
      <h2>Services</h2>
      <span class="note">${serving} of ${services.length} serve</span>
    </div>
    <ul>
      ${services.map(
        ({ name, isServing }) =>
          html`<li key=${name}>
            <span class="dot ${isServing ? 'is-good' : 'is-bad'}" aria-hidden="true"></span>
            <span class="name"><b>${shortName(name)}</b><small>${packageName(name)}</small></span>
            <span class="state">${isServing ? 'serving' : 'not serving'}</span>
          </li>`,
      )}
    </ul>
  </section>`;
}

const COLUMNS = [
  { key: 'name', label: 'Method', text: true },
  { key: 'callsPerSecond', label: 'Calls/s', show: rate },
  { key: 'failedPerSecond', label: 'Failed/s', show: rate },
  { key: 'p50Ms', label: 'p50', show: duration, isWide: true },
  { key: 'p99Ms', label: 'p99', show: duration },
];

function Methods({ methods }) {
  const [order, setOrder] = useState({ key: 'callsPerSecond', up: false });
  const choose = (key) => setOrder({ key, up: order.key === key ? !order.up : key === 'name' });
  const rows = methods.map((row) => ({ ...row, name: `${shortName(row.service)} ${row.method}` })).sort(by(order));
  return html`<section class="card" id="methods" tabindex="-1" aria-labelledby="methods-title">
    <div class="card-head">
      <h2 id="methods-title">Methods</h2>
      <span class="note">the last 10 seconds</span>
    </div>
    ${rows.length === 0 && html`<p class="empty">No call has ended yet. Make one, and it shows up here.</p>`}
    ${
      rows.length > 0 &&
      html`<table>
        <thead>
          <tr>
            ${COLUMNS.map((column) => html`<${HeadCell} key=${column.key} ...${{ column, order, choose }} />`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => html`<${MethodRow} key=${`${row.service}/${row.method}`} row=${row} />`)}
        </tbody>
      </table>`
    }
  </section>`;
}

function HeadCell({ column: { key, label, text, isWide }, order, choose }) {
  const sorted = order.key === key ? (order.up ? 'ascending' : 'descending') : 'none';
  const arrow = sorted === 'none' ? '' : order.up ? '↑' : '↓';
  return html`<th scope="col" aria-sort=${sorted} class="${text ? 'text' : 'number'} ${isWide ? 'wide' : ''}">
    <button type="button" onClick=${() => choose(key)}>${label}<span aria-hidden="true">${arrow}</span></button>
  </th>`;
}

function MethodRow({ row }) {
  return html`<tr class=${row.callsPerSecond === 0 ? 'is-idle' : ''}>
    <th scope="row" class="text"><${MethodName} ...${row} /></th>
    ${COLUMNS.slice(1).map(({ key, show, isWide }) => {
      const isBad = key === 'failedPerSecond' && row[key] > 0;
      return html`<td key=${key} class="number ${isWide ? 'wide' : ''} ${isBad ? 'is-bad' : ''}">
        ${show(row[key])}
      </td>`;
    })}
  </tr>`;
}

function MethodName({ service, method }) {
  return html`<b><${Breakable} name=${method} /></b><small><${Breakable} name=${shortName(service)} /></small>`;
}

/** A long name breaks between its words, and nowhere else. */
function Breakable({ name }) {
  return words(name).map((word, index) => [index > 0 && html`<wbr />`, word]);
}

function by({ key, up }) {
  const sign = up ? 1 : -1;
  return (a, b) => {
    const [one, other] = [a[key] ?? -1, b[key] ?? -1];
    if (one === other) return a.name < b.name ? -1 : 1;
    return one < other ? -sign : sign;
  };
}

function Slowest({ calls }) {
  return html`<section class="card">
    <div class="card-head">
      <h2>Slowest calls</h2>
      <span class="note">the last five minutes, without streams</span>
    </div>
    ${calls.length === 0 && html`<p class="empty">None yet.</p>`}
    ${
      calls.length > 0 &&
      html`<table class="slowest">
        <thead>
          <tr>
            <th scope="col" class="text">Method</th>
            <th scope="col" class="text">Code</th>
            <th scope="col" class="text wide">Request id</th>
            <th scope="col" class="number">Took</th>
            <th scope="col" class="number wide">Ended</th>
          </tr>
        </thead>
        <tbody>
          ${calls.slice(0, 10).map(
            (call) =>
              html`<tr key=${call.requestId}>
                <th scope="row" class="text"><${MethodName} ...${call} /></th>
                <td class="text ${call.code === 'OK' ? '' : 'is-bad'}">${call.code}</td>
                <td class="text wide"><code>${call.requestId}</code></td>
                <td class="number">${duration(call.durationMs)}</td>
                <td class="number wide">${clock(call.endTime)}</td>
              </tr>`,
          )}
        </tbody>
      </table>`
    }
  </section>`;
}

/** The newest view, all points, and whether they still come. */
function useFeed() {
  const [state, setState] = useState({ view: undefined, points: [], isLive: true });
  useEffect(() => openFeed(setState), []);
  return state;
}

function openFeed(setState) {
  let source;
  let reopening;
  let silence;
  const lose = () => setState((state) => ({ ...state, isLive: false }));
  const open = () => {
    source = new EventSource(FEED);
    source.onmessage = ({ data }) => {
      clearTimeout(silence);
      silence = setTimeout(lose, SILENT_MS_MAX);
      const { view, points } = JSON.parse(data);
      setState((state) => ({ view, points: join(state.points, points), isLive: true }));
    };
    source.onerror = () => {
      lose();
      // A browser tries again by itself, but not after an answer that was no stream.
      if (source.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_MS);
    };
  };
  open();
  return () => {
    clearTimeout(reopening);
    clearTimeout(silence);
    source.close();
  };
}

/** After a break the server begins with all the points that it has. */
function join(known, fresh) {
  const newest = known.at(-1)?.time ?? 0;
  return [...known, ...fresh.filter(({ time }) => time > newest)].slice(-POINTS_MAX);
}

function useScheme() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const [scheme, setScheme] = useState(dark.matches ? 'dark' : 'light');
  useEffect(() => {
    const follow = () => setScheme(dark.matches ? 'dark' : 'light');
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, []);
  return scheme;
}

render(html`<${App} />`, document.getElementById('console'));
