import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type { Express } from 'express'

/** What the page shows besides the description itself. */
const style = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; padding: 1rem 0; color: #1c2430; background: #fff }
header, section { max-width: 1460px; margin: 0 auto; padding: 0 20px; box-sizing: border-box }
.swagger-ui, .swagger-ui .opblock-tag, .swagger-ui .opblock .opblock-summary-description { font-family: system-ui, sans-serif }
.swagger-ui .information-container, .swagger-ui .response-col_links { display: none }
.swagger-ui .scheme-container, .dark-mode .swagger-ui .scheme-container { border: 0; box-shadow: none; padding: 0; background: none }
.refusals { border-collapse: collapse; width: 100% }
.refusals td, .refusals th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde3ea; vertical-align: top }
.refusals td:last-child { white-space: nowrap } code { font: .9em ui-monospace, monospace } tr:target { background: #fff4c2 } a { color: #1f5fbf }
.dark-mode body { color: #e4e6e6; background: #1c2022 } .dark-mode a { color: #8ab8ff }
.dark-mode .refusals td, .dark-mode .refusals th { border-color: #3b4151 } .dark-mode tr:target { background: #4a3f12 }
@media (max-width: 48rem) { .refusals tr, .refusals td { display: block } .refusals th { display: none }
.refusals tr { padding: .4rem 0 } .refusals td { border: 0; padding: .1rem 0; overflow-wrap: anywhere } }
`

/**
 * Shows the description, and asks the gateway that served it: another address would be another origin, which the page may not reach. A refusal
 * that the address names is found again when what stands above it has grown.
 */
const script = `
document.documentElement.classList.toggle('dark-mode', matchMedia('(prefers-color-scheme: dark)').matches)
const description = await (await fetch('openapi.json')).json()
SwaggerUIBundle({
  dom_id: '#api',
  spec: { ...description, servers: [{ url: new URL('api/v1', location.href).href }] },
  deepLinking: true,
  docExpansion: 'list',
  defaultModelExpandDepth: 3,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
  onComplete: () => document.getElementById(location.hash.slice(1))?.scrollIntoView(),
})
`

const require = createRequire(import.meta.url)
const swaggerUi = dirname(require.resolve('swagger-ui-dist/package.json'))
const HOUR = 3_600_000

/** Serves what the page at `/docs` loads: all of it from this gateway. */
export function mountDocsFiles(app: Express): void {
  for (const [name, type, body] of [
    ['page.css', 'text/css', style],
    ['page.js', 'text/javascript', script],
  ] as const)
    app.get(`/docs/${name}`, (_request, response) => {
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
    })
  for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js'])
    app.get(`/docs/${name}`, (_request, response) => response.sendFile(name, { root: swaggerUi, maxAge: HOUR }))
}
