import { ownedMetadata, type Ensemble } from './ensemble.ts';
import type { ConfigMap } from './kubernetes.ts';
import { configMapName } from './names.ts';
import { zooCfg } from './zoo-cfg.ts';

/** The ConfigMap that the members read their zoo.cfg from. */
export function configMap(ensemble: Ensemble): ConfigMap {
  const { cluster } = ensemble;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMetadata(cluster, configMapName(cluster)),
    data: { 'zoo.cfg': zooCfg(ensemble) },
  };
}
