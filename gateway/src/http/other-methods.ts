import { Refusal } from '@quorate/shared/errors'
import type { Express } from 'express'
import { sendProblem } from './mount.ts'

/**
 * Answers 405 with `Allow` (RFC 9110 §15.5.6) for a path that takes other methods. Called after all routes of `app` are there.
 * Express answers HEAD where there is GET.
 */
export function refuseOtherMethods(app: Express): void {
  const methods = new Map<string, string[]>()
  for (const { route } of app.router.stack) {
    if (route === undefined) continue
    const taken = route.stack.map(({ method }) => method.toUpperCase())
    methods.set(route.path, [...(methods.get(route.path) ?? []), ...taken])
  }
  for (const [path, taken] of methods) {
    const allow = taken.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
    app.all(path, (_request, response) => {
      response.setHeader('allow', allow)
      sendProblem(response, new Refusal('request.method_not_allowed'), () => {})
    })
  }
}
