import type { KubeObject } from '../../api/objects.ts';
import { fingerprint } from '../resources/fingerprint.ts';

interface Applied {
  readonly uid: string | undefined;
  readonly fingerprint: string;
  /** The version that was observed before, and the one that the apply made. */
  readonly versions: readonly (string | undefined)[];
}

/**
 * Remembers what this process applied, so that an object that is as it should be costs no write. Whoever changes the
 * object meanwhile makes another version of it, and it is applied again.
 */
export class AppliedObjects {
  readonly #applied = new Map<string, Applied>();

  /** Whether applying the object again would change nothing. */
  isCurrent(desired: KubeObject, observed: KubeObject | undefined): boolean {
    const applied = this.#applied.get(keyOf(desired));
    if (applied === undefined || observed === undefined) return false;
    return (
      applied.uid === observed.metadata.uid &&
      applied.fingerprint === desiredFingerprint(desired) &&
      applied.versions.includes(versionOf(observed)) &&
      hasMetadata(observed, desired)
    );
  }

  /** Notes that `desired` was applied over `observed` and became `result`. */
  note(desired: KubeObject, observed: KubeObject | undefined, result: KubeObject): void {
    this.#applied.set(keyOf(desired), {
      uid: result.metadata.uid,
      fingerprint: desiredFingerprint(desired),
      // A cache may still show the object as it was before.
      versions: [versionOf(observed), versionOf(result)],
    });
  }

  /** Forgets the objects that belong to a cluster that is gone. */
  forget(ownerUid: string): void {
    for (const [key] of this.#applied) if (key.startsWith(`${ownerUid}/`)) this.#applied.delete(key);
  }
}

function keyOf({ kind, metadata }: KubeObject): string {
  return [metadata.ownerReferences?.[0]?.uid, kind, metadata.namespace, metadata.name].join('/');
}

/** Without the resource version, which only says on what condition it is to be applied. */
function desiredFingerprint(desired: KubeObject): string {
  return fingerprint({ ...desired, metadata: { ...desired.metadata, resourceVersion: undefined } });
}

/** No generation counts what somebody does to labels, annotations and owners. */
function hasMetadata({ metadata: observed }: KubeObject, { metadata: desired }: KubeObject): boolean {
  const hasAll = (name: 'labels' | 'annotations'): boolean =>
    Object.entries(desired[name] ?? {}).every(([key, value]) => observed[name]?.[key] === value);
  const owners = new Set(observed.ownerReferences?.map(({ uid }) => uid));
  const isOwned = (desired.ownerReferences ?? []).every(({ uid }) => owners.has(uid));
  return hasAll('labels') && hasAll('annotations') && isOwned;
}

/** The generation counts changes of what was asked for; where there is none, the resource version counts all changes. */
function versionOf(object: KubeObject | undefined): string | undefined {
  const { generation, resourceVersion } = object?.metadata ?? {};
  return generation === undefined ? resourceVersion : `generation ${generation}`;
}
