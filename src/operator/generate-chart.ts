import { parse, parseAllDocuments, stringify } from 'yaml';
import { namesIn, read, writeOrCheck } from './generated-files.ts';

// Writes the templates of the Helm chart that are the kustomize bases over again: with the release's namespace, the chart's
// labels, and the conditions of values.yaml. The Deployment has too many values for that and is written by hand.

const CHART = 'config/helm/zabkeeper-operator';
const NAMESPACE = 'zabkeeper-system';
const LABELS_LINE = '{{- include "zabkeeper.labels" . | nindent 4 }}';
const LABELS_KEY = 'x-labels';

interface Manifest {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The objects of a kustomize base, file by file as its kustomization lists them. */
function objectsOf(base: string): Manifest[] {
  const { resources } = parse(read(`${base}/kustomization.yaml`)) as { resources: string[] };
  return resources.flatMap((file) =>
    parseAllDocuments(read(`${base}/${file}`)).map((document) => document.toJS() as Manifest),
  );
}

/** An object as a template: whatever the bases say in braces is meant for somebody else, such as Prometheus. */
function template(manifest: Manifest, annotations: Readonly<Record<string, string>> = {}): string {
  const { labels = {}, annotations: own = {}, ...metadata } = manifest.metadata as Record<string, object>;
  const allAnnotations = { ...own, ...annotations };
  const text = stringify(
    {
      ...manifest,
      metadata: {
        ...metadata,
        ...(Object.keys(allAnnotations).length === 0 ? {} : { annotations: allAnnotations }),
        labels: { ...labels, [LABELS_KEY]: '' },
      },
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
  return text
    .replaceAll(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`)
    .replaceAll(`namespace: ${NAMESPACE}`, 'namespace: {{ .Release.Namespace }}')
    .replace(`${LABELS_KEY}: ""`, LABELS_LINE);
}

function documents(...parts: readonly string[]): string {
  return parts.join('---\n');
}

function onlyIf(condition: string, text: string): string {
  return `{{- if ${condition} }}\n${text}{{- end }}\n`;
}

/** With a namespace to look at, the same rules hold in that namespace only, and nothing is made outside of it and the release's own. */
function rbac(): string {
  return documents(
    ...objectsOf('config/rbac').map((object) => {
      const text = template(object);
      if (!object.kind.startsWith('Cluster')) return text;
      const kind = '{{ if .Values.watchNamespace }}Role{{ else }}ClusterRole{{ end }}';
      const name = '  name: zabkeeper-operator\n';
      return text
        .replaceAll('kind: ClusterRole', `kind: ${kind}`)
        .replace(
          `metadata:\n${name}`,
          `metadata:\n${name}  {{- with .Values.watchNamespace }}\n  namespace: {{ . }}\n  {{- end }}\n`,
        );
    }),
  );
}

const crds = objectsOf('crds').map((object) => template(object, { 'helm.sh/resource-policy': 'keep' }));
const dashboards = namesIn('config/grafana').filter((name) => name.endsWith('.json'));
const dashboardMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: zabkeeper-dashboards
  namespace: {{ .Release.Namespace }}
  labels:
    grafana_dashboard: "1"
    ${LABELS_LINE}
data:
${dashboards.map((name) => `  ${name}: {{ .Files.Get "files/${name}" | quote }}\n`).join('')}`;

const templates = {
  'crds.yaml': onlyIf('.Values.crds.install', documents(...crds)),
  'rbac.yaml': rbac(),
  'monitoring.yaml': onlyIf(
    '.Values.monitoring.enabled',
    documents(...objectsOf('config/prometheus').map((object) => template(object)), dashboardMap),
  ),
  'network-policy.yaml': onlyIf(
    '.Values.networkPolicy.enabled',
    documents(...objectsOf('config/network-policy').map((object) => template(object))),
  ),
};

const HEADER = '{{- /* Generated from the kustomize bases by `make generate`; do not edit. */}}\n';
const files = new Map<string, string>(
  Object.entries(templates).map(([name, text]) => [`${CHART}/templates/${name}`, HEADER + text]),
);
for (const name of dashboards) files.set(`${CHART}/files/${name}`, read(`config/grafana/${name}`));
writeOrCheck(files, [`${CHART}/files`]);
