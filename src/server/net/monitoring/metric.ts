import type { SummaryReading } from './summary.ts';

/** A metric: its name and, by type, what it shows. */
export type Metric = NumberMetric | SummaryMetric | TextMetric;

interface Named {
  /** ZooKeeper's own where it has one: existing dashboards and scripts read it. */
  readonly name: string;
  /** What it counts, and in what unit. */
  readonly help: string;
}

export interface NumberMetric extends Named {
  /** A counter only grows, until the process starts anew. */
  readonly type: 'gauge' | 'counter';
  readonly value: number;
}

export interface SummaryMetric extends Named {
  readonly type: 'summary';
  /** One for each value of the label `key`; a single one without a key where the metric has no labels. */
  readonly series: readonly { readonly key?: string; readonly reading: SummaryReading }[];
}

/** Words: they are in `mntr` and no metric of Prometheus. */
export interface TextMetric extends Named {
  readonly type: 'text';
  readonly value: string;
}

/** A list of metrics in the making. */
export class MetricList {
  readonly metrics: Metric[] = [];

  gauge(name: string, value: number, help: string): void {
    this.metrics.push({ type: 'gauge', name, value, help });
  }

  counter(name: string, value: number, help: string): void {
    this.metrics.push({ type: 'counter', name, value, help });
  }

  text(name: string, value: string, help: string): void {
    this.metrics.push({ type: 'text', name, value, help });
  }

  summary(name: string, reading: SummaryReading, help: string): void {
    this.metrics.push({ type: 'summary', name, series: [{ reading }], help });
  }

  /** A summary for each value of the label `key`. */
  summaries(name: string, readings: Iterable<readonly [string, SummaryReading]>, help: string): void {
    const series = [...readings].map(([key, reading]) => ({ key, reading }));
    this.metrics.push({ type: 'summary', name, series, help });
  }
}
