import type { z } from 'zod'
import { enclaveRoutes } from './enclaves.ts'
import { keygenRoutes } from './keygen.ts'
import { keyRoutes } from './keys.ts'
import { manifestRoutes } from './manifest.ts'
import { refreshRoutes } from './refresh.ts'
import { sessionRoutes } from './sessions.ts'
import { signingRoutes } from './signing.ts'

/** Every route of the REST API, below `/api/v1`. The gateway's paths, the SDK's calls and OpenAPI are made from this table. */
export const routes = {
  ...sessionRoutes,
  ...keygenRoutes,
  ...keyRoutes,
  ...signingRoutes,
  ...refreshRoutes,
  ...enclaveRoutes,
  ...manifestRoutes,
} as const

export type RouteName = keyof typeof routes
export type RouteBody<N extends RouteName> = (typeof routes)[N]['body'] extends z.ZodType
  ? z.input<(typeof routes)[N]['body']>
  : undefined
export type RouteReply<N extends RouteName> = z.infer<(typeof routes)[N]['reply']>
