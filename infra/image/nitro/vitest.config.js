import { defineConfig } from 'vitest/config'
import base from '../../../vitest.config.ts'

// Apart from the other tests: it builds an emulator once and boots machines, in minutes rather than seconds.
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['infra/image/nitro/**/*.nitro.ts'], testTimeout: 180_000, hookTimeout: 1_800_000 },
})
