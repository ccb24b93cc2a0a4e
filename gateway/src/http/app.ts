import { Refusal } from '@quorate/shared/errors'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { refuseOtherMethods } from './other-methods.ts'
import { mountDocsFiles } from './docs-files.ts'
import { docsPage, docsPolicy } from './docs-page.ts'
import { oneHost, plainAddresses } from './door.ts'
import { preflight, securityHeaders } from './headers.ts'
import { API, mount, sendProblem, type MountPorts } from './mount.ts'
import { mountNostr, type NostrRoutes } from './nostr-routes.ts'
import { openApi } from './openapi.ts'
import type { AllowedOrigins } from './origins.ts'
import { limitRate } from './rate-limit.ts'
import type { Readiness } from './readiness.ts'
import { identify } from './request-id.ts'

export type AppPorts = MountPorts & {
  readiness: () => Promise<Readiness>
  publicUrl: string
  nostr: NostrRoutes
  limits: Readonly<{
    /** Requests per minute and address. */
    ratePerMinute: number
    /** How many proxies in front may say where a request comes from. */
    trustedProxies: number
    corsOrigin: AllowedOrigins
    /** `Strict-Transport-Security`, where the operator says so. */
    hsts?: string | null
  }>
}

/** Express 5 with nothing on the way of a request that it does not need. */
export function createApp(ports: AppPorts): Express {
  const { limits, readiness, events } = ports
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  app.enable('strict routing')
  app.set('query parser', 'simple')
  app.set('trust proxy', limits.trustedProxies)
  app.use(identify)
  app.use(securityHeaders(limits))
  app.use(oneHost, plainAddresses)
  app.get('/healthz', answerHealth)
  app.get('/readyz', answerReadiness(readiness))
  if (limits.corsOrigin !== null) app.use(preflight)
  app.use(limitRate(limits.ratePerMinute))
  mount(app, ports)
  mountDocs(app, ports.publicUrl)
  mountNostr(app, ports.nostr)
  refuseOtherMethods(app)
  app.use((_request, response) => sendProblem(response, new Refusal('request.not_found'), () => {}))
  // Express itself throws for paths that do not decode. Four parameters are how it knows an error handler.
  const onError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error)
      return
    }
    const reason = error instanceof URIError ? new Refusal('request.not_found') : error
    sendProblem(response, reason, (fault) => events.faulted({ where: 'http', error: fault }))
  }
  app.use(onError)
  return app
}

export const answerHealth: RequestHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end('{"alive":true}')
}

/** 200 when the gateway can do something useful, 503 when not; either way it says what stands and what does not. */
export const answerReadiness =
  (readiness: () => Promise<Readiness>): RequestHandler =>
  async (_request, response) => {
    const state = await readiness()
    response.writeHead(state.ready ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(state))
  }

function mountDocs(app: Express, publicUrl: string): void {
  const description = JSON.stringify(openApi(publicUrl + API))
  const page = docsPage()
  app.get('/openapi.json', (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(description)
  })
  app.get('/docs', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': docsPolicy })
    response.end(page)
  })
  mountDocsFiles(app)
  // Relative: a proxy may serve the gateway below a path.
  app.get('/', (_request, response) => void response.writeHead(302, { location: 'docs' }).end())
}
