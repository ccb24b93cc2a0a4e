import type { z } from 'zod/mini'
import { bunkerRoutes } from './bunker.ts'
import { enclaveRoutes } from './enclaves.ts'
import { keygenRoutes } from './keygen.ts'
import { keyRoutes } from './keys.ts'
import { manifestRoutes } from './manifest.ts'
import { refreshRoutes } from './refresh.ts'
import type { Want } from './route.ts'
import { sessionRoutes } from './sessions.ts'
import { signingRoutes } from './signing.ts'
import { togetherRoutes } from './together.ts'

/** Every route of the REST API, below `/api/v1`. The gateway's paths, the SDK's calls and OpenAPI are made from this table. */
export const routes = {
  ...sessionRoutes,
  ...keygenRoutes,
  ...keyRoutes,
  ...signingRoutes,
  ...togetherRoutes,
  ...refreshRoutes,
  ...bunkerRoutes,
  ...enclaveRoutes,
  ...manifestRoutes,
} as const

type Routes = typeof routes
export type RouteName = keyof Routes
/** The routes that want this principal. */
export type RouteWanting<W extends Want> = { [N in RouteName]: Routes[N]['wants'] extends W ? N : never }[RouteName]
/** The parameters of the path, as a client gives them. */
export type RouteParams<N extends RouteName> = z.input<Routes[N]['params']>
export type RouteQuery<N extends RouteName> = z.input<Routes[N]['query']>
export type RouteBody<N extends RouteName> = Routes[N]['body'] extends z.ZodMiniType
  ? z.input<Routes[N]['body']>
  : undefined
export type RouteReply<N extends RouteName> = z.infer<Routes[N]['reply']>
