/** Imports point one way: shared <- enclave | gateway | client-sdk <- infra, bench. Siblings never meet. */
const room = (path) => `^(${path})/`
const never = (name, from, to) => ({ name, severity: 'error', from: { path: room(from) }, to: { path: room(to) } })

module.exports = {
  forbidden: [
    never('shared-imports-nobody', 'shared', 'enclave|gateway|client-sdk|infra|bench'),
    never('enclave-meets-no-sibling', 'enclave', 'gateway|client-sdk|infra|bench'),
    never('gateway-meets-no-sibling', 'gateway', 'enclave|client-sdk|infra|bench'),
    never('client-meets-no-sibling', 'client-sdk', 'enclave|gateway|infra|bench'),
    never('infra-imports-no-bench', 'infra', 'bench'),
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'noble-curves-is-the-referee',
      comment: '@noble/curves and eciesjs check our cryptography in tests and benchmarks; production never calls them',
      severity: 'error',
      from: { pathNot: '(/test/|\\.test\\.ts$|^bench/|^infra/local/src/demo)' },
      to: { path: 'node_modules/(@noble/curves|eciesjs)/' },
    },
    {
      name: 'pure-machines',
      comment: 'a protocol is a pure function over plain data: no store, socket or clock',
      severity: 'error',
      from: { path: '^gateway/src/((keygen|refresh|signing)/machine|rounds/)' },
      to: { path: '^gateway/src/(store|enclaves|http|coordinator)/|node:' },
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
