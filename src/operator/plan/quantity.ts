const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * The number that a Kubernetes quantity stands for, in bytes for storage.
 *
 * @returns NaN where it is not a quantity; the API server refuses those, and NaN compares as not larger
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function quantityBytes(quantity: string): number {
  const exponent = /^([+-]?[0-9.]+[eE][+-]?[0-9]+)$/.exec(quantity);
  if (exponent !== null) return Number(quantity);
  const match = /^([+-]?[0-9.]+)([A-Za-z]*)$/.exec(quantity);
  const factor = FACTORS[match?.[2] ?? ''];
  return match === null || factor === undefined ? Number.NaN : Number(match[1]) * factor;
}

/** Kubernetes writes amounts in its own way, `2.3Gi` as `2469606195200m`; what is lost in between is less than this share. */
const TOLERANCE = 1e-9;

/** Whether the one amount is larger than the other; never, where one of them is no amount. */
export function isMore(a: string, b: string): boolean {
  return quantityBytes(a) > quantityBytes(b) * (1 + TOLERANCE);
}
