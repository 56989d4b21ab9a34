// The layers of the project, as a check that fails. Folder -> what of ours it may import (see README, Architecture).
const layers = {
  'src/api': [],
  'src/common': [],
  'src/server/protocol': ['src/common'],
  'src/server/zab': ['src/common', 'src/server/protocol'],
  'src/server/database': ['src/common', 'src/server/protocol'],
  'src/server/pipeline': ['src/common', 'src/server/protocol', 'src/server/zab', 'src/server/database'],
  'src/server/storage': ['src/common', 'src/server/protocol', 'src/server/database'],
  'src/server/backup': ['src/common', 'src/server/protocol', 'src/server/database', 'src/server/storage/formats'],
  'src/server/config': ['src/common', 'src/server/zab'],
  'src/server/net': ['src/common', 'src/server'],
  'src/simulation': [
    'src/common',
    'src/server/config',
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
  'src/cli': ['src/api', 'src/common', 'src/client', 'src/server/backup', 'src/server/storage'],
};
const pure = [
  'src/api',
  'src/common',
  'src/server/protocol',
  'src/server/zab',
  'src/server/database',
  'src/server/pipeline',
  'src/server/config',
  'src/server/backup',
  'src/server/storage',
  'src/operator/resources',
  'src/operator/plan',
];
// What of the storage is real files and threads; the rest of it runs in the simulator.
const storageOfNode =
  '^src/server/storage/(instance-lock|log-worker|node-disk|open|snapshot-save|worker-storage)\\.ts$';
// Tests, and what only tests and the simulator use: they may import what their folder may not, and the programs may not import them.
const testing = '(\\.test\\.ts$|/testing(/|\\.ts$)|/fake-[^/]+\\.ts$)';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'programs-without-tests',
      severity: 'error',
      from: { pathNot: [testing, '^src/simulation/', '^e2e/'] },
      to: { path: testing },
    },
    ...Object.entries(layers).map(([folder, allowed]) => ({
      name: `layer:${folder}`,
      severity: 'error',
      from: { path: `^${folder}/`, pathNot: testing },
      to: { path: '^(src|e2e)/', pathNot: [`^${folder}/`, ...allowed.map((a) => `^${a}/`)] },
    })),
    {
      name: 'pure-folders-stay-pure',
      comment:
        'No Node module and no package (but zod, in src/api) in the pure folders: the simulator must own every effect.',
      severity: 'error',
      from: { path: pure.map((p) => `^${p}/`), pathNot: [testing, storageOfNode] },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: ['node_modules/zod/'] },
    },
    {
      name: 'suites-that-run-together',
      comment: 'What all suites share is only touched by those that run alone.',
      severity: 'error',
      from: { path: '^e2e/', pathNot: ['^e2e/suites/[^/]+\\.alone\\.test\\.ts$', '^e2e/suites/support/alone/'] },
      to: { path: '^e2e/suites/support/alone/' },
    },
    {
      name: 'suites-that-measure',
      comment: 'What goes into the table of timings is measured while nothing else runs.',
      severity: 'error',
      from: { path: '^e2e/suites/', pathNot: '\\.timed\\.test\\.ts$' },
      to: { path: '^e2e/suites/support/timings\\.ts$' },
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
