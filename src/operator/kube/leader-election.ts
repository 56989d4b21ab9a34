import type { KubeObject, ResourceType } from '../../api/objects.ts';
import { CodedError } from '../../common/errors.ts';
import type { Logger } from '../../common/types.ts';
import type { KubeClient } from './client.ts';
import { delay } from './delay.ts';
import { isConflict } from './errors.ts';

const LEASE: ResourceType = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' };

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** How the lease is kept. */
export interface LeaseTiming {
  /** How long after its last renewal others may take the lease. */
  readonly durationMs: number;
  /** How long after its last renewal the holder itself stops to write; well before the others may. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** As in Kubernetes' own controllers. */
export const DEFAULT_LEASE_TIMING: LeaseTiming = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** What a {@link LeaderElection} needs. */
export interface LeaderElectionOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly timing: LeaseTiming;
  readonly logger: Logger;
  /** The work of the leader. Must end soon after the signal aborts. */
  readonly lead: (stop: AbortSignal) => Promise<void>;
}

/**
 * One of several replicas leads, by a Lease. Nobody's clock is trusted: a lease counts as abandoned when this process
 * has seen it unchanged for its whole duration. The holder stops before that, measured from when it asked for its last
 * renewal.
 *
 * @see https://kubernetes.io/docs/concepts/architecture/leases/
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  #renewedAtMs = -Infinity;
  #seen: { readonly version: string; readonly atMs: number } | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  /** Whether this process may write now. */
  get isLeading(): boolean {
    return performance.now() - this.#renewedAtMs < this.#options.timing.renewDeadlineMs;
  }

  /** @throws CodedError ZK_NOT_LEADING unless this process may write now */
  readonly guard = (): void => {
    if (this.isLeading) return;
    throw new CodedError('ZK_NOT_LEADING', `${this.#options.identity} does not hold the lease ${this.#options.name}`);
  };

  /** Waits for the lease, leads while it holds it, and again, until the signal aborts; then it lets the lease go. */
  async run(stop: AbortSignal): Promise<void> {
    const { timing, logger, identity, name } = this.#options;
    while (!stop.aborted) {
      if (!(await this.#tryToHold())) {
        await delay(timing.retryMs * (0.8 + Math.random() * 0.4), stop);
        continue;
      }
      logger.info('leading', { lease: name, identity });
      await this.#leadWhileHolding(stop);
      logger.info('no longer leading', { lease: name, identity });
    }
    await this.#release();
  }

  async #leadWhileHolding(stop: AbortSignal): Promise<void> {
    const lost = new AbortController();
    const work = this.#options.lead(AbortSignal.any([stop, lost.signal]));
    const renewal = this.#renewUntil(AbortSignal.any([stop, lost.signal]));
    // Whatever ends first ends the other: a lost lease the work, a failed work the holding of the lease.
    const ended = await Promise.race([work.catch((error: unknown) => error), renewal]);
    lost.abort();
    const [outcome] = await Promise.allSettled([work, renewal]);
    if (outcome.status === 'rejected')
      this.#options.logger.error('the work of the leader failed', { error: String(ended) });
  }

  /** Returns once the lease could not be renewed in time. */
  async #renewUntil(stop: AbortSignal): Promise<void> {
    for (;;) {
      await delay(this.#options.timing.retryMs, stop);
      if (stop.aborted) return;
      await this.#tryToHold();
      if (!this.isLeading) return;
    }
  }

  /** Takes or renews the lease if that is possible. Never rejects: whoever waits for a lease tries again. */
  async #tryToHold(): Promise<boolean> {
    const { client, namespace, name, identity, logger } = this.#options;
    const askedAtMs = performance.now();
    try {
      const lease = await client.get<Lease>(LEASE, namespace, name);
      if (lease === undefined) await client.create<Lease>(LEASE, this.#lease(undefined));
      else if (this.#mayTake(lease)) await client.replace<Lease>(LEASE, this.#lease(lease));
      else {
        this.#renewedAtMs = -Infinity;
        return false;
      }
      this.#renewedAtMs = askedAtMs;
      return this.isLeading;
    } catch (error) {
      // Somebody else was faster; who holds it shows at the next try.
      if (!isConflict(error)) logger.warn(`lease ${name} not renewed`, { identity, error: String(error) });
      return false;
    }
  }

  #mayTake(lease: Lease): boolean {
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity) return true;
    const version = lease.metadata.resourceVersion ?? '';
    const nowMs = performance.now();
    if (this.#seen?.version !== version) this.#seen = { version, atMs: nowMs };
    const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000;
    return nowMs - this.#seen.atMs > durationMs;
  }

  #lease(before: Lease | undefined): Lease {
    const { namespace, name, identity, timing } = this.#options;
    const now = microTime();
    const isNew = before?.spec?.holderIdentity !== identity;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: before?.metadata ?? { name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(timing.durationMs / 1000),
        acquireTime: isNew ? now : (before.spec?.acquireTime ?? now),
        renewTime: now,
        leaseTransitions: (before?.spec?.leaseTransitions ?? 0) + (isNew && before !== undefined ? 1 : 0),
      },
    };
  }

  /** Lets the others take the lease at once instead of after its duration. */
  async #release(): Promise<void> {
    const { client, namespace, name, identity, logger } = this.#options;
    this.#renewedAtMs = -Infinity;
    try {
      const lease = await client.get<Lease>(LEASE, namespace, name);
      if (lease?.spec?.holderIdentity !== identity) return;
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() };
      await client.replace<Lease>(LEASE, { ...lease, spec });
    } catch (error) {
      logger.warn(`lease ${name} not released; it expires by itself`, { error: String(error) });
    }
  }
}

/** Now, as Kubernetes' MicroTime wants it: RFC 3339 with six decimals. */
export function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
