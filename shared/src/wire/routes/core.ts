import { enclaveRoutes } from './enclaves.ts'
import { keygenRoutes } from './keygen.ts'
import { keyRoutes } from './keys.ts'
import { manifestRoutes } from './manifest.ts'
import { refreshRoutes } from './refresh.ts'
import { sessionRoutes } from './sessions.ts'
import { signingRoutes } from './signing.ts'
import { togetherRoutes } from './together.ts'

/** The routes of the table without those of bunkers, which a page that has none does not load. */
export const coreRoutes = {
  ...sessionRoutes,
  ...keygenRoutes,
  ...keyRoutes,
  ...signingRoutes,
  ...togetherRoutes,
  ...refreshRoutes,
  ...enclaveRoutes,
  ...manifestRoutes,
} as const
