import type * as Api from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanContext, Tracer } from '@opentelemetry/api';
import type { WorkListener } from './work.js';

/** The end of a process waits for its last spans so long. */
const EXPORT_MS_MAX = 2000;
/** Work that is done for several at once is linked to so many of them. */
const LINKS_MAX = 16;

/** Codes that are a fault of a server (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). */
const SERVER_FAULTS = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** What a call brought along from whoever made it. */
export interface RemoteParent {
  readonly traceId: string;
  readonly spanId: string;
  /** As hexadecimal digits. */
  readonly flags: string;
  readonly state: string | undefined;
}

/** A call, by the names in its contract. */
export interface TracedCall {
  readonly service: string;
  readonly method: string;
}

/** The span of one call. */
export interface CallSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** As hexadecimal digits: `01` for a trace that is recorded. */
  readonly flags: string;
  /** Hears of what is done for the call. */
  readonly work: WorkListener;
  /** Begins the span of a call that is made for this one. */
  beginOutgoing(call: TracedCall): CallSpan;
  /** Codes by name and number: `OK`, 0. */
  end(code: string, number: number): void;
}

/** Records what a process does as OpenTelemetry spans. */
export interface Tracing {
  beginCall(call: TracedCall, attributes: Attributes, parent: RemoteParent | undefined): CallSpan;
  /** Hears of work that no single call asked for. It belongs to those whose work is under way; without any it is not recorded. */
  readonly sharedWork: WorkListener;
  /** Sends what is recorded and not sent yet. */
  close(): Promise<void>;
}

export interface TracingOptions {
  /** The base URL of a collector, which takes OTLP over HTTP. */
  readonly endpoint: string;
  /** Which part of the traces that begin here is recorded, from 0 to 1. */
  readonly ratio: number;
  readonly version: string;
  readonly instance: string;
}

/** Loads OpenTelemetry, which a process that does not trace has no use for, and begins to record. */
export async function startTracing({ endpoint, ratio, version, instance }: TracingOptions): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ]);
  const { BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler } = sdk;
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_MS_MAX });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'keelson',
      'service.version': version,
      'service.instance.id': instance,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: EXPORT_MS_MAX })],
  });
  const tracer = provider.getTracer('keelson', version);
  const spans: Spans = { api, tracer, underWay: new Set() };
  return {
    beginCall: (call, attributes, parent) => beginCall(spans, { call, attributes, parent }),
    sharedWork: {
      begin(kind, name) {
        const [oldest, ...others] = spans.underWay;
        return oldest === undefined ? () => undefined : beginWork(spans, `${kind} ${name}`, { parent: oldest, others });
      },
    },
    close: () => provider.shutdown(),
  };
}

interface Spans {
  readonly api: typeof Api;
  readonly tracer: Tracer;
  /** The work of calls that is being done now. */
  readonly underWay: Set<Span>;
}

interface BegunCall {
  readonly call: TracedCall;
  readonly attributes: Attributes;
  readonly parent: RemoteParent | undefined;
}

function beginCall(spans: Spans, { call, attributes, parent }: BegunCall): CallSpan {
  const { api, tracer } = spans;
  const { ROOT_CONTEXT } = api;
  const remote = parent && api.trace.setSpanContext(ROOT_CONTEXT, toSpanContext(api, parent));
  const options = { kind: api.SpanKind.SERVER, attributes: { ...attributesOf(call), ...attributes } };
  const span = tracer.startSpan(nameOf(call), options, remote ?? ROOT_CONTEXT);
  return toCallSpan(spans, span, (code) => SERVER_FAULTS.has(code));
}

function toCallSpan(spans: Spans, span: Span, isFault: (code: string) => boolean): CallSpan {
  const { api, tracer } = spans;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceId,
    spanId,
    flags: traceFlags.toString(16).padStart(2, '0'),
    work: { begin: (kind, name) => beginWork(spans, `${kind} ${name}`, { parent: span, others: [] }) },
    beginOutgoing(call) {
      const options = { kind: api.SpanKind.CLIENT, attributes: attributesOf(call) };
      const made = tracer.startSpan(nameOf(call), options, below(api, span));
      return toCallSpan(spans, made, (code) => code !== 'OK');
    },
    end(code, number) {
      span.setAttribute('rpc.grpc.status_code', number);
      if (isFault(code)) span.setStatus({ code: api.SpanStatusCode.ERROR, message: code });
      span.end();
    },
  };
}

interface WorkFor {
  readonly parent: Span;
  /** What it is done for besides. */
  readonly others: readonly Span[];
}

function beginWork(
  { api, tracer, underWay }: Spans,
  name: string,
  { parent, others }: WorkFor,
): (err?: unknown) => void {
  const links = others.slice(0, LINKS_MAX).map((other) => ({ context: other.spanContext() }));
  const span = tracer.startSpan(name, { kind: api.SpanKind.INTERNAL, links }, below(api, parent));
  underWay.add(span);
  return (err) => {
    underWay.delete(span);
    // The text of an error may hold what must not be seen; the kind of it may not.
    if (err !== undefined) {
      span.setAttribute('error.type', err instanceof Error ? err.name : typeof err);
      span.setStatus({ code: api.SpanStatusCode.ERROR });
    }
    span.end();
  };
}

function below(api: typeof Api, span: Span): Context {
  return api.trace.setSpan(api.ROOT_CONTEXT, span);
}

function toSpanContext(api: typeof Api, { traceId, spanId, flags, state }: RemoteParent): SpanContext {
  const traceState = state === undefined ? undefined : api.createTraceState(state);
  const traceFlags = Number.parseInt(flags, 16);
  return { traceId, spanId, traceFlags, isRemote: true, ...(traceState && { traceState }) };
}

function nameOf({ service, method }: TracedCall): string {
  return `${service}/${method}`;
}

function attributesOf({ service, method }: TracedCall): Attributes {
  return { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method };
}
