import { defineConfig } from 'vitest/config'

// Tests run on the sources: every workspace offers them under the `source` condition.
const conditions = ['source', 'node', 'import', 'default']

export default defineConfig({
  resolve: { conditions },
  // These reach the forks as --conditions: with `import` among them, a `require` would find ES modules.
  ssr: { resolve: { conditions: ['source', 'node', 'default'] } },
  test: {
    include: [
      '.ci/test/*.test.ts',
      '{shared,enclave,gateway,client-sdk,bench}/**/*.test.ts',
      'infra/{local,nostr,e2e,aws,image}/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // nostr-tools names sources that it does not ship: what imports it has to be resolved by Vite, which passes over them.
    server: { deps: { inline: [/@nostr-dev-kit/, /applesauce/] } },
    pool: 'forks',
    maxWorkers: 2,
    // Tests wait for events, as long as it takes: this is for what never comes, not for a machine that is busy.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
