import type { Metric } from './metric.ts';
import { quantilesOf, type SummaryReading } from './summary.ts';

/** Those that ZooKeeper's own Prometheus exporter shows. */
const QUANTILES = [0.5, 0.9, 0.99];

/**
 * Metrics in Prometheus' text format.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics.map(family).join('');
}

function family(metric: Metric): string {
  const { name, type, help } = metric;
  if (type === 'text') return '';
  const samples =
    type === 'summary' ? metric.series.flatMap((one) => summaryLines(name, one)) : [`${name} ${number(metric.value)}`];
  // A family without a sample says nothing.
  return samples.length === 0 ? '' : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples, ''].join('\n');
}

function summaryLines(name: string, { key, reading }: { key?: string; reading: SummaryReading }): string[] {
  const label = key === undefined ? [] : [`key="${key}"`];
  const labels = label.length === 0 ? '' : `{${label.join(',')}}`;
  const quantiles = quantilesOf(reading, QUANTILES);
  return [
    ...QUANTILES.map(
      (part, at) => `${name}{${[...label, `quantile="${part}"`].join(',')}} ${number(quantiles[at] ?? Number.NaN)}`,
    ),
    `${name}_count${labels} ${number(reading.count)}`,
    `${name}_sum${labels} ${number(reading.sum)}`,
  ];
}

/** Durations are measured to microseconds at best. */
function number(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 1000) / 1000) : 'NaN';
}
