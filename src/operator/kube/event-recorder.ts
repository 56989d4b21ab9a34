import { createHash } from 'node:crypto';
import { apiVersionOf, type KubeObject, type ResourceType } from '../../api/objects.ts';
import type { Logger } from '../../common/types.ts';
import type { KubeClient } from './client.ts';
import { isConflict, isNotFound } from './errors.ts';
import { microTime } from './leader-election.ts';

const EVENT: ResourceType = { group: '', version: 'v1', plural: 'events', kind: 'Event' };

/** The same Event again within this time, in milliseconds, about a newer version of the object, counts up the one there is. */
const SAME_EVENT_MS = 600_000;

/** How many Events are remembered for that. */
const REMEMBERED_MAX = 1_000;

/** What is to be told. */
export interface EventContent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

interface Remembered {
  readonly name: string;
  /** Of the object that it was about. */
  readonly version: string | undefined;
  readonly atMs: number;
  readonly count: number;
}

/**
 * Records Events that `kubectl describe` shows. Best effort: an Event that cannot be written stops nothing. What is told
 * again about the same version of an object, after a crash for instance, is the same Event: its name is made of both.
 */
export class EventRecorder {
  readonly #client: Pick<KubeClient, 'create' | 'mergePatch'>;
  readonly #component: string;
  readonly #instance: string;
  readonly #logger: Logger;
  readonly #remembered = new Map<string, Remembered>();

  constructor(client: Pick<KubeClient, 'create' | 'mergePatch'>, component: string, instance: string, logger: Logger) {
    this.#client = client;
    this.#component = component;
    this.#instance = instance;
    this.#logger = logger;
  }

  /** Tells it about an object. Never rejects. */
  async record(type: ResourceType, about: KubeObject, content: EventContent): Promise<void> {
    const key = JSON.stringify([about.metadata.uid, content.type, content.reason, content.message]);
    try {
      await this.#write(key, type, about, content);
    } catch (error) {
      this.#logger.warn('event not recorded', { reason: content.reason, error: String(error) });
    }
  }

  async #write(key: string, type: ResourceType, about: KubeObject, content: EventContent): Promise<void> {
    const namespace = about.metadata.namespace ?? 'default';
    const before = this.#remembered.get(key);
    const version = about.metadata.resourceVersion;
    if (before !== undefined && before.version === version) return;
    const nowMs = performance.now();
    if (before !== undefined && nowMs - before.atMs < SAME_EVENT_MS) {
      const count = before.count + 1;
      try {
        await this.#client.mergePatch(EVENT, namespace, before.name, { count, lastTimestamp: wholeSeconds() });
        this.#remember(key, { name: before.name, version, atMs: nowMs, count });
        return;
      } catch (error) {
        // Kubernetes forgets Events after an hour.
        if (!isNotFound(error)) throw error;
      }
    }
    const name = eventName(about, key);
    try {
      await this.#client.create(EVENT, this.#event(name, namespace, type, about, content));
    } catch (error) {
      // Told by a life of this operator that ended right after.
      if (!isConflict(error)) throw error;
    }
    this.#remember(key, { name, version, atMs: nowMs, count: 1 });
  }

  #event(name: string, namespace: string, type: ResourceType, about: KubeObject, content: EventContent): KubeObject {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: apiVersionOf(type),
        kind: type.kind,
        name: about.metadata.name,
        namespace,
        uid: about.metadata.uid,
        resourceVersion: about.metadata.resourceVersion,
      },
      type: content.type,
      reason: content.reason,
      message: content.message.slice(0, 1024),
      source: { component: this.#component },
      reportingComponent: this.#component,
      reportingInstance: this.#instance,
      action: content.reason,
      eventTime: microTime(),
      firstTimestamp: wholeSeconds(),
      lastTimestamp: wholeSeconds(),
      count: 1,
    };
    return event;
  }

  #remember(key: string, event: Remembered): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, event);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function eventName(about: KubeObject, key: string): string {
  const unique = createHash('sha256').update(`${key}${about.metadata.resourceVersion}`).digest('hex').slice(0, 16);
  return `${about.metadata.name}.${unique}`;
}

function wholeSeconds(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
