import express, { type Express } from 'express'
import type { Registry } from 'prom-client'
import { answerHealth, answerReadiness } from './app.ts'
import { refuseOtherMethods } from './other-methods.ts'
import type { Readiness } from './readiness.ts'

/** What the operator's monitoring asks, on a port of its own. */
export function createMetricsApp(registry: Registry, readiness: () => Promise<Readiness>): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', answerHealth)
  app.get('/readyz', answerReadiness(readiness))
  app.get('/metrics', async (_request, response) => {
    response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics())
  })
  refuseOtherMethods(app)
  return app
}
