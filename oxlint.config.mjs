// The linter's rules. Each ban says what to do instead. What a linter cannot say is in tests/tidy.test.ts.

// The house: what each folder of src/ may import from the others. What is not named is forbidden.
const LAYERS = {
  gateway: ['rpc'],
  rpc: [],
  services: [
    'repositories',
    'rpc/access',
    'rpc/context',
    'rpc/errors',
    'rpc/service',
    'store/frozen',
    'store/json-value',
  ],
  repositories: ['ledger', 'cache', 'store', 'rpc/context', 'rpc/contract-options', 'rpc/errors'],
  ledger: ['store'],
  cache: [],
  store: [],
  workers: ['store', 'ledger/surroundings'],
  async: [],
  frozen: [],
  telemetry: [],
  console: ['gateway/rest/stream-encoding'],
};

// Leaves, which every folder may import.
const LEAVES = ['async', 'config', 'frozen', 'telemetry'];

// The engines behind the storage port: only src/app.ts chooses one.
const ENGINES = ['store/mongo', 'store/embedded', 'store/remote'];

// Packages that only some files may import.
const DRIVERS = [
  { packages: ['mongodb'], files: ['src/store/mongo/**'] },
  { packages: ['ioredis'], files: ['src/cache/redis*', 'src/cache/redis*/**', 'src/ledger/wake/redis*'] },
  { packages: ['libsql', 'better-sqlite3', 'node:sqlite'], files: ['src/store/embedded/**'] },
  { packages: ['@grpc/grpc-js', '@grpc/reflection', 'grpc-health-check'], files: ['src/rpc/**'] },
  { packages: ['prom-client'], files: ['src/telemetry/metrics.ts', 'src/telemetry/call-figures.ts'] },
  { packages: ['@opentelemetry/*'], files: ['src/telemetry/tracing.ts'] },
  { packages: ['@fastify/*', 'ws'], files: ['src/gateway/**'] },
];

const MOCHA_WORDS = ['describe', 'context', 'it'];

export default {
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'node', 'promise'],
  categories: { correctness: 'error' },
  env: { node: true, es2024: true },
  ignorePatterns: ['node_modules/**', 'gen/**', 'bench/gen/**', 'dist/**', '.build/**', '.keelson/**'],
  rules: {
    'eslint/complexity': ['error', { max: 15 }],
    'eslint/eqeqeq': 'error',
    'eslint/max-lines': ['error', { max: 400 }],
    'eslint/max-lines-per-function': ['error', { max: 70, skipComments: true }],
    'eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    'eslint/no-var': 'error',
    'eslint/prefer-const': 'error',
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    // The adapter is a bridge between promises and grpc-js's callbacks.
    'promise/no-callback-in-promise': 'off',
    'oxc/no-barrel-file': ['error', { threshold: 0 }],
    'typescript/await-thenable': 'error',
    'typescript/ban-ts-comment': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/only-throw-error': 'error',
    // The reason of an AbortSignal is handed on as it is.
    'typescript/prefer-promise-reject-errors': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    // A set that changes while it is walked is copied first.
    'unicorn/no-useless-spread': 'off',
    'unicorn/prefer-node-protocol': 'error',
  },
  overrides: [
    { files: ['src/**'], rules: { 'eslint/no-console': 'error', 'node/no-process-env': 'error' } },
    // Commands hand the environment to readConfig().
    { files: ['src/config.ts', 'src/commands/**'], rules: { 'node/no-process-env': 'off' } },
    // Plain JavaScript has no types to be checked.
    {
      files: ['**/*.mjs'],
      rules: Object.fromEntries(
        ['argument', 'assignment', 'call', 'member-access', 'return'].map((what) => [
          `typescript/no-unsafe-${what}`,
          'off',
        ]),
      ),
    },
    { files: ['scripts/lib/require-node.mjs'], rules: { 'eslint/no-var': 'off' } },
    { files: ['oxlint.config.mjs', 'tests/support/reporter.ts'], rules: { 'import/no-default-export': 'off' } },
    {
      files: ['tests/**'],
      rules: { 'eslint/no-restricted-properties': ['error', ...bannedTestWords()], ...looseInTests() },
    },
    { files: ['src/*.ts'], rules: restrictImports({ layers: [] }) },
    ...Object.entries(LAYERS).flatMap(([folder, allowed]) => layerRules(folder, allowed)),
  ],
};

function looseInTests() {
  return {
    // chai asserts by properties; a describe() holds a whole suite.
    'eslint/no-unused-expressions': 'off',
    'eslint/max-lines-per-function': 'off',
  };
}

function bannedTestWords() {
  return MOCHA_WORDS.flatMap((object) => [
    {
      object,
      property: 'only',
      message: 'Remove it before the commit; to run one test: npm test -- FILE --grep WORDS',
    },
    { object, property: 'skip', message: 'Skip for a reason that is printed: before(requireTool(...)) in the group' },
  ]);
}

/** The import rules of a folder, and of the files in it that may use a driver: a later override replaces an earlier one. */
function layerRules(folder, allowed) {
  const layers = [...layerBans(folder, allowed), banOfTheTop()];
  const inFolder = (files) => files.filter((file) => file.startsWith(`src/${folder}/`));
  return [
    { files: [`src/${folder}/**`], rules: restrictImports({ layers }) },
    ...DRIVERS.filter(({ files }) => inFolder(files).length > 0).map((exempt) => ({
      files: inFolder(exempt.files),
      rules: restrictImports({ layers, exempt }),
    })),
  ];
}

function restrictImports({ layers, exempt }) {
  const drivers = DRIVERS.filter((driver) => driver !== exempt).map(({ packages, files }) => ({
    group: packages,
    message: `Only ${files.join(', ')} may import this: use what those files export`,
  }));
  return { 'eslint/no-restricted-imports': ['error', { patterns: [...layers, ...drivers] }] };
}

function layerBans(folder, allowed) {
  const others = Object.keys(LAYERS).filter((other) => other !== folder && !LEAVES.includes(other));
  return others
    .filter((other) => !allowed.includes(other))
    .map((other) => ({
      group: [
        ...fromBelow(`${other}/**`),
        ...allowed.filter((path) => path.startsWith(`${other}/`)).flatMap((path) => fromBelow(`${path}.js`).map(not)),
      ],
      message: `src/${folder} may only import ${[...allowed, ...LEAVES].join(', ')}: see "The house" in CONTRIBUTING.md`,
    }))
    .concat(allowed.includes('store') ? [banOfEngines()] : []);
}

function banOfEngines() {
  const group = ENGINES.flatMap((engine) => fromBelow(`${engine}/**`));
  return { group, message: 'Only src/app.ts chooses an engine: use the storage port' };
}

function banOfTheTop() {
  return { group: ['app.js', 'main.js'].flatMap(fromBelow), message: 'The top imports the parts, never the reverse' };
}

/** The ways in which a file in a folder of src/ may write a path in src/. */
function fromBelow(path) {
  return [1, 2, 3, 4].map((depth) => '../'.repeat(depth) + path);
}

function not(pattern) {
  return `!${pattern}`;
}
