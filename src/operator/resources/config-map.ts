import { ownedMetadata, type Ensemble } from './ensemble.ts';
import type { ConfigMap } from './kubernetes.ts';
import { configMapName } from './names.ts';
import { zooCfg } from './zoo-cfg.ts';

/** The ConfigMap that members made from now on read their zoo.cfg from. */
export function configMap(ensemble: Ensemble): ConfigMap {
  const { cluster } = ensemble;
  const text = zooCfg(ensemble);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(cluster, configMapName(cluster, text)),
    data: { 'zoo.cfg': text },
    immutable: true,
  };
}
