// The layers of the project, as a check that fails. Folder -> what of ours it may import (see README, Architecture).
const layers = {
  'src/api': [],
  'src/common': [],
  'src/server/protocol': ['src/common'],
  'src/server/zab': ['src/common', 'src/server/protocol'],
  'src/server/database': ['src/common', 'src/server/protocol'],
  'src/server/pipeline': ['src/common', 'src/server/protocol', 'src/server/zab', 'src/server/database'],
  'src/server/storage': ['src/common', 'src/server/protocol', 'src/server/database'],
  'src/server/config': ['src/common', 'src/server/zab'],
  'src/server/net': ['src/common', 'src/server'],
  'src/simulation': [
    'src/common',
    'src/server/protocol',
    'src/server/zab',
    'src/server/database',
    'src/server/pipeline',
    'src/server/storage',
  ],
  'src/client': ['src/common', 'src/server/protocol'],
  'src/operator/resources': ['src/api', 'src/common'],
  'src/operator/plan': ['src/api', 'src/common', 'src/operator/resources'],
  'src/operator/kube': ['src/api', 'src/common'],
  'src/operator/controllers': ['src/api', 'src/common', 'src/client', 'src/operator'],
  'src/cli': ['src/api', 'src/common', 'src/client'],
};
const pure = [
  'src/api',
  'src/common',
  'src/server/protocol',
  'src/server/zab',
  'src/server/database',
  'src/server/pipeline',
  'src/server/config',
  'src/operator/resources',
  'src/operator/plan',
];
const notTest = '\\.test\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans-from-tests', severity: 'error', from: { pathNot: notTest }, to: { path: notTest } },
    ...Object.entries(layers).map(([folder, allowed]) => ({
      name: `layer:${folder}`,
      severity: 'error',
      from: { path: `^${folder}/`, pathNot: notTest },
      to: { path: '^(src|e2e)/', pathNot: [`^${folder}/`, ...allowed.map((a) => `^${a}/`)] },
    })),
    {
      name: 'pure-folders-stay-pure',
      comment:
        'No Node module and no package (but zod, in src/api) in the pure folders: the simulator must own every effect.',
      severity: 'error',
      from: { path: pure.map((p) => `^${p}/`), pathNot: [notTest] },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: ['node_modules/zod/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};
