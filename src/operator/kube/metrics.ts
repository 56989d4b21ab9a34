import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ApiRequest } from './transport.ts';

/** A gauge as {@link Metrics.addGauge} takes it. */
export interface ObservedGauge<Label extends string> {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly observe: () => readonly { readonly labels: Partial<Record<Label, string>>; readonly value: number }[];
}

/** The operator's metrics; all names begin with `zabkeeper_operator_`. */
export class Metrics {
  readonly registry = new Registry();

  readonly reconciliations = new Counter({
    name: 'zabkeeper_operator_reconciliations_total',
    help: 'Looks at a resource, by kind and result (success, error).',
    labelNames: ['kind', 'result'],
    registers: [this.registry],
  });

  readonly reconcileSeconds = new Histogram({
    name: 'zabkeeper_operator_reconcile_seconds',
    help: 'How long one look at a resource took.',
    labelNames: ['kind'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  readonly apiRequests = new Counter({
    name: 'zabkeeper_operator_api_requests_total',
    help: 'Requests to the Kubernetes API server, by method and status (0: no answer).',
    labelNames: ['method', 'status'],
    registers: [this.registry],
  });

  readonly apiSeconds = new Histogram({
    name: 'zabkeeper_operator_api_request_seconds',
    help: 'How long the Kubernetes API server took to begin its answer.',
    labelNames: ['method'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 10],
    registers: [this.registry],
  });

  readonly watchFailures = new Counter({
    name: 'zabkeeper_operator_watch_failures_total',
    help: 'Watches and lists that broke off and were started again, by resource.',
    labelNames: ['resource'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Adds a gauge whose value is looked up when somebody asks for it. */
  addGauge<Label extends string>(options: ObservedGauge<Label>): void {
    const { name, help, labelNames, observe } = options;
    const gauge = new Gauge({
      name: `zabkeeper_operator_${name}`,
      help,
      labelNames,
      collect() {
        this.reset();
        for (const { labels, value } of observe()) this.set(labels, value);
      },
      registers: [],
    });
    this.registry.registerMetric(gauge);
  }

  /** Counts a request to the API server. */
  readonly observeRequest = ({ method }: ApiRequest, status: number, durationMs: number): void => {
    this.apiRequests.inc({ method, status: String(status) });
    this.apiSeconds.observe({ method }, durationMs / 1000);
  };
}
