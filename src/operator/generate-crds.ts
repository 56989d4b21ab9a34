import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../api/custom-resource-definition.ts';
import { RESOURCE_DEFINITIONS } from '../api/definitions.ts';

// Writes crds/ from the schemas of src/api; with --check writes nothing and fails where a file is not up to date.

const HEADER = '# Generated from src/api by `make generate`; do not edit.\n';
const directory = join(import.meta.dirname, '../../crds');

/** File name -> content of everything generated: the CRDs, and the kustomization that lists them. */
function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const definition of RESOURCE_DEFINITIONS) {
    const manifest = stringify(customResourceDefinition(definition), { lineWidth: 0, aliasDuplicateObjects: false });
    files.set(`${definition.type.plural}.yaml`, HEADER + manifest);
  }
  const resources = [...files.keys()];
  files.set(
    'kustomization.yaml',
    HEADER + stringify({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources }),
  );
  return files;
}

function differences(files: ReadonlyMap<string, string>): string[] {
  mkdirSync(directory, { recursive: true });
  const present = readdirSync(directory);
  const stale = present.filter((name) => !files.has(name)).map((name) => `crds/${name} is no longer generated`);
  const changed = [...files]
    .filter(([name, content]) => !present.includes(name) || readFileSync(join(directory, name), 'utf8') !== content)
    .map(([name]) => `crds/${name} is not what src/api says`);
  return [...stale, ...changed];
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const files = generatedFiles();
if (values.check) {
  const found = differences(files);
  if (found.length > 0) {
    process.stderr.write(`${found.join('\n')}\nrun \`make generate\` and commit the result\n`);
    process.exitCode = 1;
  }
} else {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(directory, name), content);
}
