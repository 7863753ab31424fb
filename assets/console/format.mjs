// Numbers as people read them. Each gives a dash for what is not known.
const DASH = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function count(value) {
  return value === undefined ? DASH : whole.format(value);
}

/** A rate: with a tenth where it is small. */
export function rate(value) {
  if (value === undefined) return DASH;
  if (value > 0 && value < 0.1) return '<0.1';
  return (value < 100 ? tenth : whole).format(value);
}

export function duration(ms) {
  if (ms === undefined) return DASH;
  if (ms >= 60_000) return `${tenth.format(ms / 60_000)} min`;
  if (ms >= 1000) return `${tenth.format(ms / 1000)} s`;
  if (ms >= 10) return `${whole.format(ms)} ms`;
  return `${tenth.format(ms)} ms`;
}

export function percent(part) {
  return part === undefined ? DASH : `${tenth.format(part * 100)} %`;
}

export function mebibytes(bytes) {
  return `${whole.format(bytes / 1024 / 1024)} MiB`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** The places in a name where a line may break: before each of its words. */
export function words(name) {
  return name.split(/(?<=[a-z0-9])(?=[A-Z])/);
}

/** What stands before the last part of a full name, such as `keelson.documents.v1`. */
export function packageName(name) {
  return name.slice(0, name.lastIndexOf('.'));
}

/** The last part of a full name, such as `DocumentService`. */
export function shortName(name) {
  return name.slice(name.lastIndexOf('.') + 1);
}
