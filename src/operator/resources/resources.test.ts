import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseCoordinationCluster } from '../../api/coordination-cluster.ts';
import { parseStopDelayMs } from '../../server/config/stop-delay.ts';
import { parseZooCfg } from '../../server/config/zoo-cfg.ts';
import { mayBegin, withoutRestore, withRestore } from './backup/restore.ts';
import { configMap } from './config-map.ts';
import { disruptionBudget } from './disruption-budget.ts';
import type { Ensemble } from './ensemble.ts';
import { canonicalJson, fingerprint } from './fingerprint.ts';
import { formedConfigMap } from './formed.ts';
import type { EnvVar, StatefulSet } from './kubernetes.ts';
import { memberSlots, ordinalOfClaim, TEMPLATE_ANNOTATION } from './names.ts';
import { operatorSecret, superUser } from './operator-secret.ts';
import { podTemplate, templateFingerprint } from './pod-template.ts';
import { clientService, peerService } from './services.ts';
import { statefulSet } from './stateful-set.ts';
import { zooCfg } from './zoo-cfg.ts';

function ensemble(spec: object = {}, voters = 3): Ensemble {
  const cluster = parseCoordinationCluster({
    apiVersion: 'zabkeeper.dev/v1alpha1',
    kind: 'CoordinationCluster',
    metadata: { name: 'books', namespace: 'library', uid: 'uid-1' },
    spec,
  });
  const sizes = { participant: voters, observer: cluster.spec.observers.replicas };
  return { cluster, sizes, image: cluster.spec.image ?? 'zabkeeper:test', superDigest: superUser('secret').digest };
}

describe('zoo.cfg', () => {
  test('is the same for all members and names each by its own address', () => {
    assert.equal(
      zooCfg(ensemble({ config: { snapCount: 1000, 'autopurge.snapRetainCount': '5' } })),
      [
        '4lw.commands.whitelist=ruok, srvr, mntr',
        // echo -n super:secret | openssl dgst -binary -sha1 | openssl base64
        'DigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=',
        'admin.serverPort=8080',
        'autopurge.purgeInterval=1',
        'autopurge.snapRetainCount=5',
        'clientPort=2181',
        'dataDir=/data',
        'db.autocreate=false',
        'initLimit=10',
        'metricsProvider.httpPort=7000',
        'quorumListenOnAllIPs=true',
        'reconfigEnabled=true',
        'snapCount=1000',
        'standaloneEnabled=false',
        'syncLimit=5',
        'tickTime=2000',
        'server.1=books-0.books-peers.library.svc.cluster.local:2888:3888:participant;2181',
        'server.2=books-1.books-peers.library.svc.cluster.local:2888:3888:participant;2181',
        'server.3=books-2.books-peers.library.svc.cluster.local:2888:3888:participant;2181',
        '',
      ].join('\n'),
    );
  });

  for (const voters of [1, 3, 9]) {
    test(`of ${voters} is read by the server without a warning`, () => {
      const { config, warnings } = parseZooCfg(zooCfg(ensemble({}, voters)), 'zoo.cfg', () => '');
      assert.deepEqual(warnings, []);
      assert.equal(config.standalone, false);
      assert.equal(config.votesWithoutData, false);
      assert.equal(config.ensemble.servers.length, voters);
    });
  }
});

describe('members', () => {
  test('have ids that follow from their host names', () => {
    const slots = memberSlots(ensemble({ serverIdOffset: 10 }).cluster, { participant: 2, observer: 0 });
    assert.deepEqual(
      slots.map(({ podName, claimName, serverId }) => [podName, claimName, serverId]),
      [
        ['books-10', 'data-books-10', 11],
        ['books-11', 'data-books-11', 12],
      ],
    );
    assert.deepEqual(
      statefulSet(ensemble({ serverIdOffset: 10 }), 'participant', { initialize: false, claims: { size: '1Gi' } }).spec
        .ordinals,
      {
        start: 10,
      },
    );
  });

  test('that observe have ids of their own, whatever the number of voters', () => {
    const { cluster } = ensemble({ serverIdOffset: 10 });
    assert.deepEqual(
      memberSlots(cluster, { participant: 1, observer: 2 }).map(({ podName, serverId, role }) => [
        podName,
        serverId,
        role,
      ]),
      [
        ['books-10', 11, 'participant'],
        ['books-observer-19', 20, 'observer'],
        ['books-observer-20', 21, 'observer'],
      ],
    );
  });

  test('claims of other clusters are not taken for their own', () => {
    const { cluster } = ensemble();
    assert.equal(ordinalOfClaim(cluster, 'data-books-12'), 12);
    for (const name of ['data-books-old-1', 'data-book-1', 'data-books-', 'books-1', 'data-books-1a']) {
      assert.equal(ordinalOfClaim(cluster, name), undefined, name);
    }
  });
});

describe('pods', () => {
  test('of the bootstrap have the same fingerprint as those after it', () => {
    const during = podTemplate(ensemble(), 'participant', true);
    const after = podTemplate(ensemble(), 'participant', false);
    assert.deepEqual(during.spec.containers[0]?.args, [
      'server',
      '--my-id-from-hostname',
      '--initialize',
      '/etc/zabkeeper/zoo.cfg',
    ]);
    assert.deepEqual(after.spec.containers[0]?.args, ['server', '--my-id-from-hostname', '/etc/zabkeeper/zoo.cfg']);
    assert.equal(during.metadata.annotations?.[TEMPLATE_ANNOTATION], after.metadata.annotations?.[TEMPLATE_ANNOTATION]);
    assert.equal(during.metadata.annotations?.[TEMPLATE_ANNOTATION], templateFingerprint(ensemble(), 'participant'));
  });

  const stopDelay = { name: 'ZABKEEPER_STOP_DELAY_MS', value: '3000' };
  const formed: EnvVar = {
    name: 'ZABKEEPER_FORMED',
    valueFrom: { configMapKeyRef: { name: 'books-formed', key: 'uid-1', optional: true } },
  };

  test('of the bootstrap are told when it is over, those after it begin nothing, and all serve on for a moment', () => {
    const environment = (initialize: boolean) => {
      const [server] = podTemplate(ensemble(), 'participant', initialize).spec.containers;
      return server?.env.filter(({ name }) => name !== 'POD_UID');
    };
    assert.deepEqual(environment(true), [stopDelay, formed]);
    assert.deepEqual(environment(false), [stopDelay]);
    assert.equal(parseStopDelayMs(stopDelay.value), 3000);
    const { metadata, data, immutable } = formedConfigMap(ensemble().cluster);
    assert.deepEqual([metadata.name, data, immutable], ['books-formed', { 'uid-1': 'true' }, true]);
  });

  test('that restore are told so too, both of their containers, and nothing of it outdates them', () => {
    const source = { s3: { bucket: 'backups', key: 'today.gz', credentialsSecretRef: { name: 'keys' } } };
    const made = statefulSet(ensemble(), 'participant', { initialize: false, claims: { size: '1Gi' } });
    const during = withRestore(made, source, ensemble());
    const isTold = ({ spec: { template } }: StatefulSet) =>
      [...(template.spec.initContainers ?? []), ...template.spec.containers].map(({ env }) =>
        env.some((variable) => canonicalJson(variable) === canonicalJson(formed)),
      );
    const after = withoutRestore(made, source);
    assert.deepEqual([isTold(during), isTold(after)], [[true, true], [false]]);
    assert.deepEqual(
      [during, after].map(({ spec }) => mayBegin(spec.template)),
      [true, false],
    );
    assert.deepEqual(during.spec.template.metadata, after.spec.template.metadata);
  });

  test('are not outdated by members that come or go', () => {
    for (const role of ['participant', 'observer'] as const) {
      const [three, five] = [ensemble({}, 3), ensemble({ observers: { replicas: 2 } }, 5)];
      assert.equal(templateFingerprint(three, role), templateFingerprint(five, role));
      assert.notEqual(
        podTemplate(three, role, false).spec.volumes[0]?.configMap?.name,
        podTemplate(five, role, false).spec.volumes[0]?.configMap?.name,
      );
    }
  });

  test('have another one after any change that they must be restarted for', () => {
    const changes = [
      {},
      { image: 'zabkeeper:other' },
      { config: { snapCount: 7 } },
      { tickTimeMs: 1000 },
      { resources: { requests: { cpu: '1' } } },
      { podLabels: { team: 'a' } },
      { scheduling: { nodeSelector: { disk: 'ssd' } } },
    ];
    const fingerprints = changes.map((spec) => templateFingerprint(ensemble(spec), 'participant'));
    assert.equal(new Set(fingerprints).size, changes.length);
    assert.equal(
      templateFingerprint(ensemble({ paused: true, storage: { size: '5Gi' } }), 'participant'),
      fingerprints[0],
    );
  });

  test('may do nothing that they need not', () => {
    const { spec } = podTemplate(ensemble(), 'participant', false);
    assert.equal(spec.automountServiceAccountToken, false);
    assert.deepEqual(spec.securityContext, {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    assert.deepEqual(spec.containers[0]?.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('get the scheduling of the manifest instead of the default', () => {
    const constraints = [{ maxSkew: 2, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' as const }];
    const { spec } = podTemplate(
      ensemble({ scheduling: { affinity: {}, topologySpreadConstraints: constraints } }),
      'participant',
      false,
    );
    assert.deepEqual(spec.affinity, {});
    assert.deepEqual(spec.topologySpreadConstraints, constraints);
  });

  test('labels of the manifest do not replace those that select them', () => {
    const labels = podTemplate(
      ensemble({ podLabels: { 'app.kubernetes.io/name': 'other', team: 'a' } }),
      'participant',
      false,
    ).metadata.labels;
    assert.equal(labels?.['app.kubernetes.io/name'], 'zabkeeper');
    assert.equal(labels['team'], 'a');
  });
});

test('everything belongs to the cluster and says who made it', () => {
  const of = ensemble();
  const objects = [
    peerService(of.cluster),
    clientService(of.cluster),
    configMap(of),
    formedConfigMap(of.cluster),
    disruptionBudget(of.cluster),
    operatorSecret(of.cluster, superUser('secret')),
    statefulSet(of, 'participant', { initialize: false, claims: { size: '1Gi' } }),
  ];
  assert.deepEqual(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    [
      'Service library/books-peers',
      'Service library/books-client',
      `ConfigMap library/books-config-${fingerprint(zooCfg(of))}`,
      'ConfigMap library/books-formed',
      'PodDisruptionBudget library/books',
      'Secret library/books-operator',
      'StatefulSet library/books',
    ],
  );
  for (const { metadata } of objects) {
    assert.equal(metadata.ownerReferences?.[0]?.uid, 'uid-1');
    assert.equal(metadata.labels?.['app.kubernetes.io/managed-by'], 'zabkeeper-operator');
  }
});

test('a fingerprint does not depend on the order of keys, and tells values apart', () => {
  assert.equal(fingerprint({ a: 1, b: { c: [1, 2] } }), fingerprint({ b: { c: [1, 2] }, a: 1, d: undefined }));
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      assert.match(fingerprint(a), /^[0-9a-f]{16}$/);
      assert.equal(fingerprint(a) === fingerprint(b), canonicalJson(a) === canonicalJson(b));
    }),
  );
});
