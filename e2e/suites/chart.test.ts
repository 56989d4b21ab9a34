import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kubectl } from './support/kubectl.ts';
import { charted, kustomized, type Manifest } from './support/manifests.ts';

/** The image that kustomize's base names. */
const AS_IN_KUSTOMIZE = ['image.tag=dev'];

/** What Helm adds to every object, and the keys in their order: the rest must be the same. */
function comparable(manifests: readonly Manifest[]): Map<string, unknown> {
  return new Map(
    manifests
      .map(({ metadata, ...rest }) => {
        const { 'helm.sh/chart': _, 'app.kubernetes.io/managed-by': __, ...labels } = metadata.labels ?? {};
        const { 'helm.sh/resource-policy': ___, ...annotations } = metadata.annotations ?? {};
        const object = { ...rest, metadata: { ...metadata, labels, annotations } };
        return [`${rest.kind} ${metadata.name}`, object] as const;
      })
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

describe('the Helm chart installs what kustomize installs', () => {
  test('by default', async () => {
    const kustomize = (await kustomized('default')).filter(({ kind }) => kind !== 'Namespace');
    assert.deepEqual(comparable(await charted(AS_IN_KUSTOMIZE)), comparable(kustomize));
  });

  test('with monitoring and the network policy', async () => {
    const bases = ['default', 'prometheus', 'grafana', 'network-policy'];
    const kustomize = (await Promise.all(bases.map(kustomized))).flat().filter(({ kind }) => kind !== 'Namespace');
    const chart = await charted([...AS_IN_KUSTOMIZE, 'monitoring.enabled=true', 'networkPolicy.enabled=true']);
    assert.deepEqual(comparable(chart), comparable(kustomize));
  });
});

test('the CRDs stay when the chart is uninstalled, and can be left out', async () => {
  const crds = (await charted()).filter(({ kind }) => kind === 'CustomResourceDefinition');
  assert.ok(crds.length > 0);
  for (const { metadata } of crds) assert.equal(metadata.annotations?.['helm.sh/resource-policy'], 'keep');
  const without = await charted(['crds.install=false']);
  assert.deepEqual(
    without.filter(({ kind }) => kind === 'CustomResourceDefinition'),
    [],
  );
});

test('with one namespace to look at, the operator has no rights elsewhere', async () => {
  const chart = await charted(['watchNamespace=books']);
  assert.ok(!chart.some(({ kind }) => kind === 'ClusterRoleBinding'));
  const namespaces = chart.filter(({ kind }) => kind === 'RoleBinding').map(({ metadata }) => metadata.namespace);
  assert.deepEqual(new Set(namespaces), new Set(['books', 'zabkeeper-system']));
});

test('a value that the chart does not know is refused', async () => {
  await assert.rejects(charted(['replica=3']), /additional properties 'replica' not allowed/);
});

test('the API server accepts the chart', async () => {
  const chart = await charted(['networkPolicy.enabled=true', 'replicas=3', 'podAnnotations.team=books']);
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: chart });
  const answer = await kubectl(
    ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--field-manager=helm', '-f', '-'],
    { input },
  );
  assert.match(answer, /deployment\.apps\/zabkeeper-operator serverside-applied \(server dry run\)/);
});
