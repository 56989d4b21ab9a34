import { stringify } from 'yaml';
import { customResourceDefinition } from '../api/custom-resource-definition.ts';
import { RESOURCE_DEFINITIONS } from '../api/definitions.ts';
import { writeOrCheck } from './generated-files.ts';

// Writes crds/ from the schemas of src/api: the CRDs, and the kustomization that lists them.

const HEADER = '# Generated from src/api by `make generate`; do not edit.\n';

const manifests = RESOURCE_DEFINITIONS.map((definition) => ({
  name: `${definition.type.plural}.yaml`,
  text: stringify(customResourceDefinition(definition), { lineWidth: 0, aliasDuplicateObjects: false }),
}));
const resources = manifests.map(({ name }) => name);
const kustomization = stringify({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources });

const files = [...manifests, { name: 'kustomization.yaml', text: kustomization }];
writeOrCheck(new Map(files.map(({ name, text }) => [`crds/${name}`, HEADER + text])), ['crds']);
