import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { parseCoordinationCluster } from '../../api/coordination-cluster.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { ConfigMap, PersistentVolumeClaim, Pod } from '../resources/kubernetes.ts';
import { DATA_CLAIM } from '../resources/names.ts';
import type { FakeContainers } from './fake-containers.ts';
import { configurationIn } from './fake-ensemble.ts';
import { FakeWorld } from './fake-world.ts';
import type { MemberReport, Observed } from './model.ts';

// For tests: worlds that an earlier version has made.

/** The objects in a file of `earlier-versions/`. */
export function leftBehind(file: string): KubeObject[] {
  const text = readFileSync(new URL(`earlier-versions/${file}`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** A world with these objects in it, whose servers tell as little as they did until their pods are made anew. */
export function worldOf(
  objects: readonly KubeObject[],
  tellsAsEver: (report: MemberReport) => MemberReport,
): FakeWorld {
  const world = new FakeWorld();
  for (const object of objects) {
    const { name } = object.metadata;
    if (object.kind === 'CoordinationCluster') world.cluster = parseCoordinationCluster(object);
    else if (object.kind === 'PersistentVolumeClaim') {
      world.claims.set(name, object as PersistentVolumeClaim);
      world.disks.set(name, { newest: 0, configuration: undefined, isDamaged: false });
    } else if (object.kind === 'Pod') adoptPod(world, object);
    else world.objects.set(`${object.kind}/${name}`, object);
  }
  world.kubernetes.nowMs = Date.parse(world.theCluster.status?.membersObservedAt ?? '');
  world.tick();
  const olds = new Set([...world.pods.values()].map(({ metadata }) => metadata.uid));
  const observe = world.observe.bind(world);
  world.observe = (): Observed => {
    const observed = observe();
    const isOld = (name: string): boolean => olds.has(world.pods.get(name)?.metadata.uid);
    const reports = [...observed.reports].map(
      ([name, report]) => [name, isOld(name) ? tellsAsEver(report) : report] as const,
    );
    return { ...observed, reports: new Map(reports) };
  };
  return world;
}

function adoptPod(world: FakeWorld, pod: Pod): void {
  const { name, creationTimestamp } = pod.metadata;
  const mounted = pod.spec?.volumes?.map(({ configMap }) => configMap?.name);
  const config = [...world.objects.values()].find(
    ({ kind, metadata }) => kind === 'ConfigMap' && mounted?.includes(metadata.name),
  ) as ConfigMap | undefined;
  assert.ok(config !== undefined && creationTimestamp !== undefined, `the file has what ${name} was made from`);
  const seeds = configurationIn(config.data['zoo.cfg'] ?? '');
  const claimName = `${DATA_CLAIM}-${name}`;
  const containers = pod.spec as FakeContainers;
  world.pods.set(name, { ...pod, claimName, fate: 'works', startedAt: creationTimestamp, containers, seeds });
}
