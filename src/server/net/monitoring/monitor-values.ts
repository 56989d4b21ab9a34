import type { Metric } from './metric.ts';
import { averageOf, type SummaryReading } from './summary.ts';

type MonitorValue = readonly [name: string, value: number | string];

/** What `mntr` shows of the metrics, without its prefix `zk_`; a summary becomes five values, named as ZooKeeper names them. */
export function monitorValues(metrics: readonly Metric[]): readonly MonitorValue[] {
  return metrics.flatMap((metric): readonly MonitorValue[] => {
    if (metric.type === 'text') return [[metric.name, metric.value]];
    if (metric.type !== 'summary') return [[metric.name, rounded(metric.value)]];
    return metric.series.flatMap(({ key, reading }) =>
      summaryValues(key === undefined ? metric.name : `${key}_${metric.name}`, reading),
    );
  });
}

function summaryValues(name: string, reading: SummaryReading): readonly MonitorValue[] {
  const { count, sum, min, max } = reading;
  return [
    [`avg_${name}`, rounded(averageOf(reading))],
    [`min_${name}`, rounded(min)],
    [`max_${name}`, rounded(max)],
    [`cnt_${name}`, count],
    [`sum_${name}`, rounded(sum)],
  ];
}

/** To thousandths: of a millisecond where it is a duration. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
