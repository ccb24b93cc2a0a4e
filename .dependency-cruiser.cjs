/** Imports point one way: shared <- enclave | gateway | client-sdk <- infra, bench. Siblings never meet. */
const room = (path) => `^(${path})/`
const never = (name, from, to) => ({ name, severity: 'error', from: { path: room(from) }, to: { path: room(to) } })

/**
 * Which rooms a room imports from, inside a package. A row that is missing would be a room without a rule, so each room has one.
 * `room/file.ts` permits that file of a room alone.
 */
const houses = {
  'shared/src': {
    schemes: [],
    contents: ['schemes', 'wire/bytes.ts', 'crypto/hash.ts'],
    wire: ['contents', 'nostr', 'schemes'],
    attestation: ['wire', 'crypto'],
    nostr: ['contents', 'schemes/or-false.ts', 'wire/bytes.ts', 'wire/ids.ts'],
    bunker: ['contents', 'nostr', 'wire'],
    ceremonies: ['contents/content.ts', 'nostr', 'wire'],
    consent: ['crypto', 'wire'],
    linux: [],
    crypto: ['wire'],
    verify: ['attestation', 'bunker', 'consent', 'contents', 'crypto', 'nostr', 'schemes', 'wire'],
  },
  'shared/party/src': {
    bunker: [],
    making: [],
    using: ['bunker'],
  },
  'enclave/src': {
    platform: ['policy'],
    policy: [],
    vault: ['platform', 'policy'],
    server: [],
  },
  'gateway/src': {
    bounds: [],
    engine: [],
    courses: ['engine'],
    store: ['engine'],
    hosts: ['engine', 'store'],
    keys: ['engine', 'hosts', 'store'],
    aids: ['courses', 'engine', 'keys', 'store'],
    nostr: ['aids', 'bounds', 'engine', 'hosts', 'keys', 'store'],
    commands: ['aids', 'bounds', 'courses', 'engine', 'hosts', 'keys', 'nostr', 'store'],
    release: ['engine', 'hosts', 'store'],
    http: ['bounds', 'commands', 'engine', 'hosts', 'nostr', 'release', 'store'],
    cli: ['store'],
  },
  'client-sdk/src': {
    http: [],
    keygen: ['http'],
    refresh: ['http'],
    signing: ['http'],
    bunker: ['http', 'signing'],
    cli: ['bunker', 'http', 'keygen', 'refresh', 'signing'],
  },
}

/** A whole room as the beginning of its files' paths, a single file as all of its path. */
const pathOf = (name) => (name.endsWith('.ts') ? `${name.replaceAll('.', '\\.')}$` : `${name}/`)

const insideHouses = Object.entries(houses).flatMap(([house, rooms]) =>
  Object.entries(rooms).map(([name, below]) => ({
    name: `${house}/${name}`,
    comment: `${name} imports from ${below.join(', ') || 'no other room'} only`,
    severity: 'error',
    from: { path: room(`${house}/${name}`) },
    to: { path: `^${house}/(?!${[name, ...below].map(pathOf).join('|')})[^/]+/` },
  })),
)

module.exports = {
  forbidden: [
    never('shared-imports-nobody', 'shared', 'enclave|gateway|client-sdk|infra|bench'),
    never('shared-imports-no-party', 'shared/(src|mpc|test)', 'shared/party'),
    never('the-gateway-holds-no-share', 'gateway/src', 'shared/party'),
    never('a-party-is-of-no-platform', 'shared/party', 'shared/src/linux'),
    {
      name: 'a-party-imports-nothing-of-node',
      comment: 'the same program runs in an enclave, in a browser and in a remote signer',
      severity: 'error',
      from: { path: '^shared/party/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nostr-imports-nothing-of-node',
      comment: 'messages of Nostr are read in an enclave, in a browser and in Node alike',
      severity: 'error',
      from: { path: '^shared/src/(bunker|nostr)/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    never('enclave-meets-no-sibling', 'enclave', 'gateway|client-sdk|infra|bench'),
    never('gateway-meets-no-sibling', 'gateway', 'enclave|client-sdk|infra|bench'),
    never('client-meets-no-sibling', 'client-sdk', 'enclave|gateway|infra|bench'),
    never('infra-imports-no-bench', 'infra', 'bench'),
    {
      ...never(
        'the-lab-knows-no-signer',
        'infra/nostr',
        '(shared/(src|party)|enclave|gateway|client-sdk|infra/(?!nostr/)[^/]+)',
      ),
      comment:
        'what tries a signer is written after the specification and others\u2019 software, and after nothing of ours',
    },
    ...insideHouses,
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'noble-curves-is-the-referee',
      comment: '@noble/curves and eciesjs check our cryptography in tests and benchmarks; production never calls them',
      severity: 'error',
      from: { pathNot: '(/test/|\\.test\\.ts$|^bench/|^infra/e2e/|^infra/nostr/|^infra/local/src/demo)' },
      to: { path: 'node_modules/(@noble/curves|eciesjs)/' },
    },
    {
      name: 'pure-machines',
      comment: 'the machine and the courses are pure functions over plain data: no store, socket or clock',
      severity: 'error',
      from: { path: '^gateway/src/(engine/(course|machine)\\.ts|courses/)', pathNot: '\\.test\\.ts$' },
      to: { path: '^gateway/src/engine/(?!(course|machine|ports)\\.ts)' },
    },
    {
      name: 'pure-machines-reach-nothing',
      comment: 'no module of Node: nothing to read, to send or to wait for',
      severity: 'error',
      from: { path: '^gateway/src/(engine/(course|machine)\\.ts|courses/)', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'engine-knows-the-table-alone',
      comment: 'the engine drives any ceremony: it may know what a ceremony is, and none of them',
      severity: 'error',
      from: { path: '^gateway/src/engine/', pathNot: '\\.test\\.ts$' },
      to: { path: '^shared/src/(ceremonies/(?!(ceremony|host-methods)\\.ts)|verify/|crypto/)' },
    },
    {
      name: 'adapters-meet-in-main',
      comment: 'who needs the store, the pool or the commands takes a port; gateway.ts composes',
      severity: 'error',
      from: {
        path: '^gateway/src/',
        pathNot: '^gateway/src/(gateway\\.ts|storage-key\\.ts|cli/|store/|hosts/|commands/)',
      },
      to: {
        path: '^gateway/src/(store/(?!(store|bunkers)\\.ts)|hosts/enclaves/(?!enclaves\\.ts)|commands/(?!ports\\.ts))',
      },
    },
    {
      name: 'the-sdk-knows-no-command',
      comment: 'the SDK runs in browsers: what is for terminals stays in cli/',
      severity: 'error',
      from: { path: '^client-sdk/src/(?!cli/)' },
      to: { path: '^client-sdk/src/cli/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|target)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'node', 'import', 'default'] },
  },
}
