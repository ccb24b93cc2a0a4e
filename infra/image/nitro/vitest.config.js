import { defineConfig } from 'vitest/config'
import base from '../../../vitest.config.ts'

// Apart from the other tests: it builds an emulator once and boots machines, in minutes rather than seconds, one file after the
// other since each machine takes the CPUs that it can have.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['infra/image/nitro/**/*.nitro.ts'],
    globalSetup: ['infra/image/nitro/support/prepare.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 1_800_000,
  },
})
